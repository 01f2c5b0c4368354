"""Searches the plugin's output and files for secrets, and for log lines that Stash cannot read."""

import base64
import json
import os
import re
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from simulators.stash import FakeStash

_SHORTEST_HALF = 8
_LOG_LINE = re.compile(rb"\x01([tdiwep])\x02([^\x00-\x1f\x7f]+)")
_LONGEST_LINE = 16 * 1024
_COOKIE_START = base64.b64encode(b'{"user": ')


class Canary:
    def __init__(self, stash: FakeStash) -> None:
        self.secrets: set[str] = set()
        self.hits: list[str] = []
        self._stash = stash
        self._read = 0

    def add(self, *secrets: object) -> None:
        self.secrets |= {one for one in secrets if isinstance(one, str) and one}

    def everywhere(self, processes: Iterable[int]) -> None:
        self.runs()
        self.processes(processes)
        self.files()

    def runs(self) -> None:
        runs = list(self._stash.host.runs)
        for run in runs[self._read :]:
            result = run.result
            texts = [*result.messages(), str(result.output), str(result.error)]
            what = "\n".join(texts).encode("utf-8", "replace") + result.stdout + result.stderr
            self.look(f"run {result.output} {result.error}", what)
            self.hits += [f"no line of Stash's log: {one!r}" for one in broken(result.stderr)]
        self._read = len(runs)

    def processes(self, pids: Iterable[int]) -> None:
        for pid in pids:
            for name in ("cmdline", "environ"):
                self._look_at_file(Path(f"/proc/{pid}/{name}"))

    def files(self) -> None:
        for folder, folders, names in os.walk(self._stash.root):
            # Skip `vendor`, because digits in its files can equal a secret by chance.
            folders[:] = [name for name in folders if name not in ("vendor", "__pycache__")]
            for name in names:
                path = Path(folder, name)
                if not name.endswith((".py", ".js", ".css")) and not _is_handed_over(path):
                    self._look_at_file(path)

    def _look_at_file(self, path: Path) -> None:
        try:
            content = path.read_bytes() if path.is_file() else b""
        except OSError:
            return
        self.look(str(path), content)

    def look(self, where: str, content: bytes) -> None:
        found = [one.decode() for one in self._forms() if one in content]
        if found:
            self.hits.append(f"{where}: {found}")

    def _forms(self) -> set[bytes]:
        return {_COOKIE_START} | {form.encode() for one in self.secrets for form in _forms(one)}


def _is_handed_over(path: Path) -> bool:
    if path.parent.name != "spool" or not path.name.startswith("connection"):
        return False
    try:
        return path.stat().st_mode & 0o077 == 0
    except OSError:
        return True


def broken(stderr: bytes) -> list[bytes]:
    """Return the lines that violate Stash's log protocol.

    The last line is not checked, because a killed process can leave an incomplete line.
    """
    *lines, _ = stderr.split(b"\n")
    return [line[:200] for line in lines if not _is_record(line)]


def _is_record(line: bytes) -> bool:
    found = _LOG_LINE.fullmatch(line)
    if found is None or len(line) >= _LONGEST_LINE:
        return False
    level, text = found.groups()
    try:
        return level != b"p" or 0 <= float(text) <= 1
    except ValueError:
        return False


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    middle = len(secret) // 2
    halves = {secret[:middle], secret[middle:]} if middle >= _SHORTEST_HALF else set()
    return {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], encoded, *halves}

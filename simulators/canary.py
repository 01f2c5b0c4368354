"""Looks for a secret in whatever the plugin leaves behind, and for a line that Stash cannot read.

Every rig has one, and looks when it ends: so the whole suite is a canary test.
"""

import base64
import json
import os
import re
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from simulators.stash import FakeStash

_SHORTEST_HALF = 8  # characters: half of a secret is a secret, as long as it is none by chance
_RECORD = re.compile(rb"\x01([tdiwep])\x02([^\x00-\x1f\x7f]+)")  # pkg/logger/plugin.go of Stash
_LONGEST_RECORD = 16 * 1024  # bytes
# How every session cookie of the fake Stash begins: the base64 of its claims.
_COOKIE = base64.b64encode(b'{"user": ')


class Canary:
    """Knows the secrets of one Stash and its plugin, and where they must not be.

    Attributes:
        secrets: tokens and keys; the session cookies are known without being named.
        hits: what was found: where, and which.
    """

    def __init__(self, stash: FakeStash) -> None:
        self.secrets: set[str] = set()
        self.hits: list[str] = []
        self._stash = stash
        self._read = 0

    def add(self, *secrets: object) -> None:
        """Look for these, too, from now on."""
        self.secrets |= {one for one in secrets if isinstance(one, str) and one}

    def everywhere(self, processes: Iterable[int]) -> None:
        """Look at all there is; see the three methods below."""
        self.runs()
        self.processes(processes)
        self.files()

    def runs(self) -> None:
        """Answers, output and log lines of what Stash started since the last look."""
        runs = list(self._stash.host.runs)
        for run in runs[self._read :]:
            result = run.result
            texts = [*result.messages(), str(result.output), str(result.error)]
            what = "\n".join(texts).encode("utf-8", "replace") + result.stdout + result.stderr
            self.look(f"run {result.output} {result.error}", what)
            self.hits += [f"no line of Stash's log: {one!r}" for one in broken(result.stderr)]
        self._read = len(runs)

    def processes(self, pids: Iterable[int]) -> None:
        """Command line and environment of these processes, as far as they live."""
        for pid in pids:
            for name in ("cmdline", "environ"):
                self._look_at_file(Path(f"/proc/{pid}/{name}"))

    def files(self) -> None:
        """Everything in the folders of the plugin and of Stash, databases too, but for code.

        The packages that a release brings are not the plugin's words: they have digits enough.
        """
        for folder, folders, names in os.walk(self._stash.root):
            folders[:] = [name for name in folders if name not in ("vendor", "__pycache__")]
            for name in names:
                path = Path(folder, name)
                if not name.endswith((".py", ".js", ".css")) and not _is_handed_over(path):
                    self._look_at_file(path)

    def _look_at_file(self, path: Path) -> None:
        try:
            content = path.read_bytes() if path.is_file() else b""
        except OSError:  # gone by now: its process has ended, or a log was rotated
            return
        self.look(str(path), content)

    def look(self, where: str, content: bytes) -> None:
        """At these bytes; `where` is what a hit says."""
        found = [one.decode() for one in self._forms() if one in content]
        if found:
            self.hits.append(f"{where}: {found}")

    def _forms(self) -> set[bytes]:
        return {_COOKIE} | {form.encode() for one in self.secrets for form in _forms(one)}


def _is_handed_over(path: Path) -> bool:
    """Tell whether a file holds Stash's connection for the worker, and nobody else can read it."""
    if path.parent.name != "spool" or not path.name.startswith("connection"):
        return False
    try:
        return path.stat().st_mode & 0o077 == 0
    except OSError:  # a worker has taken it
        return True


def broken(stderr: bytes) -> list[bytes]:
    """The lines that are no records of Stash's log protocol; what a kill cut off is none."""
    *lines, _ = stderr.split(b"\n")
    return [line[:200] for line in lines if not _is_record(line)]


def _is_record(line: bytes) -> bool:
    found = _RECORD.fullmatch(line)
    if found is None or len(line) >= _LONGEST_RECORD:
        return False
    level, text = found.groups()
    try:
        return level != b"p" or 0 <= float(text) <= 1
    except ValueError:
        return False


def _forms(secret: str) -> set[str]:
    """The secret as text, in a URL, in JSON and in base64, and each of its halves."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    middle = len(secret) // 2
    halves = {secret[:middle], secret[middle:]} if middle >= _SHORTEST_HALF else set()
    return {
        secret,
        urllib.parse.quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        encoded,
        *halves,
    }

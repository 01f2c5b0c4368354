"""A shell beside a rig: runs the plugin's commands as a person, cron or systemd would."""

import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simulators.rig import Rig
from simulators.stash.plugin_process import Process

PATIENCE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands; whatever they print, and what is left of them, goes past the rig's canary.

    Args:
        rig: whose plugin and servers.
        interpreter: the Python that runs the command; by default this one.
    """

    def __init__(self, rig: Rig, interpreter: Path | None = None) -> None:
        self._rig = rig
        self._interpreter = str(interpreter or sys.executable)
        self.script = rig.manifest.directory / "Stash2Plex.py"

    def run(self, *arguments: str, at: str | None = None, **environment: str) -> Ran:
        address = self._rig.stash.url if at is None else at
        command = [*arguments, *(["--stash", address] if address else [])]
        return self.run_bare(*command, **environment)

    def run_bare(self, *arguments: str, **environment: str) -> Ran:
        names = ("STASH_URL", "STASH_API_KEY", "PLEX_URL", "PLEX_TOKEN", "STASH_PLUGIN_DATA")
        inherited = {name: text for name, text in os.environ.items() if name not in names}
        command = [self._interpreter, str(self.script), *arguments]
        process = self._rig.stash.runner.start(command, inherited | environment, Path.cwd())
        assert process.stdin is not None
        process.stdin.close()
        code, out, err = outcome(process)
        self._rig.canary.look(f"command {arguments}", out + err)
        return Ran(code, out.decode(), err.decode())


def outcome(process: Process) -> tuple[int, bytes, bytes]:
    """Wait for the end of a process that reads nothing; return its exit code and its output."""
    limit = threading.Timer(PATIENCE, process.kill)
    limit.start()
    with ThreadPoolExecutor() as pool:
        out, err = pool.map(_content, (process.stdout, process.stderr))
    code = process.wait()
    limit.cancel()
    return code, out, err


def _content(pipe: IO[bytes] | None) -> bytes:
    assert pipe is not None
    with open(pipe.fileno(), "rb", closefd=False) as file:
        content = file.read()
    pipe.close()
    return content


def approved(text: str, rig: Rig) -> str:
    """Return an output with what differs from run to run replaced by words."""
    text = text.replace(str(rig.manifest.directory), "{plugin}")
    text = text.replace(rig.plex.url, "{plex}").replace(rig.stash.url, "{stash}")
    return re.sub(r"\b\d+(\.\d+)? (ms|s)\b", r"N \2", text)

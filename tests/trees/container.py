"""A container as far as processes go: a PID namespace with a process 1 of the test's choice."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, Self

from simulators.rig import INTERPRETER

PYTHON = str(INTERPRETER or sys.executable)
INSIDE = str(Path(__file__).with_name("inside.py"))
_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
_AS_A_USER = (*_UNSHARE, "--user", "--map-root-user")

_ENTRY_POINT = "import subprocess, sys\nsys.exit(subprocess.run(sys.argv[1:]).returncode)\n"
_INIT = """
import os, subprocess, sys
main = subprocess.Popen(sys.argv[1:]).pid
while os.wait()[0] != main:
    pass
"""
# Each runs the command behind it. Stash itself as process 1 is how its official container is.
PROCESS_ONE: dict[str, tuple[str, ...]] = {
    "stash": (),
    "shell": ("sh", "-c", '"$@"; exit $?', "sh"),
    "python": (PYTHON, "-c", _ENTRY_POINT),
    "init": (PYTHON, "-c", _INIT),
}
# What stands in for the interpreter in Stash's settings: has the command run inside.
_DOORMAN = """#!{python} -S
import array, json, os, socket, sys
request = {{
    "ask": "run",
    "command": [{python!r}, *sys.argv[1:]],
    "environment": dict(os.environ),
    "directory": os.getcwd(),
}}
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({socket!r})
    streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    text = json.dumps(request).encode() + b"\\n"
    sent = connection.sendmsg([text], streams)
    connection.sendall(text[sent:])
    for stream in (0, 1, 2):
        os.close(stream)
    answer = connection.recv(100)
os._exit(json.loads(answer) if answer else 1)
"""


@cache
def unshare() -> tuple[str, ...]:
    """The command that makes a PID namespace here; empty where that is not to be had."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return ()
    for command in (_UNSHARE, _AS_A_USER):
        done = subprocess.run([*command, "true"], capture_output=True, check=False)
        if done.returncode == 0:
            return command
    return ()


class Container:
    """Runs a plugin's processes in a PID namespace.

    Args:
        kind: one of `PROCESS_ONE`.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        # Not in a test's folder: the address of a socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="s2p-"))
        self._socket = str(self._folder / "socket")
        self.python = self._folder / "python3"
        self.python.write_text(_DOORMAN.format(python=PYTHON, socket=self._socket))
        self.python.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        Path(self._socket).unlink(missing_ok=True)
        command = [*unshare(), *PROCESS_ONE[self._kind], PYTHON, INSIDE, self._socket]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 30
        while not self._is_ready():
            assert time.monotonic() < end, "the container does not start"
            assert self._process.poll() is None, "the container has ended"
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            self.zombies()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Kill process 1, and with it, as the end of a container does, all others."""
        if self._process is not None:
            for child in _children(self._process.pid):
                os.kill(child, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def zombies(self) -> list[int]:
        found: list[int] = self._ask({"ask": "zombies"})
        return found

    def _ask(self, request: dict[str, Any]) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket)
            connection.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(connection.recv(1_000_000))


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(one) for one in found.split()]

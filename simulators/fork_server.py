"""Starts the plugin's processes quickly, by forking a process that has imported the plugin.

For a short task, a forked process needs a tenth of the CPU time of a new process.
"""

import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import IO

from simulators import forked
from simulators.stash.plugin_files import plugin_files
from simulators.stash.plugin_process import Process, start_process

_WITHOUT_EFFECT = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


class ForkServer:
    def __init__(self, plugin: Path) -> None:
        self._script = plugin / "Stash2Plex.py"
        self._address = f"\0stash2plex-{secrets.token_hex(8)}"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self._address)
        listener.listen(64)
        self._interpreter = _interpreter_settings(os.environ)
        command = [sys.executable, "-S", forked.__file__, str(plugin), ",".join(_modules(plugin))]
        command += [self._address[1:], str(listener.fileno()), "-" * forked.COMMAND_LINE_BYTES]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        )
        listener.close()

    def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Process:
        # A fork cannot adopt new `PYTHON…` variables, because Python reads them only at its start.
        needs_new_python = _interpreter_settings(env) != self._interpreter
        if needs_new_python or forked.script_of(argv) is None:
            return start_process(argv, env, cwd)
        return _ForkedProcess(self._address, argv, env, cwd)

    def start_worker(self, lock_descriptor: int, stdin: bytes) -> int:
        reader, writer = os.pipe()
        os.write(writer, stdin)
        os.close(writer)
        null = os.open(os.devnull, os.O_RDWR)
        argv = [sys.executable, "-S", str(self._script), "--worker", str(lock_descriptor)]
        numbers = [0, 1, 2, lock_descriptor]
        request = forked.Request(argv, dict(os.environ), os.getcwd(), True, numbers)
        sent = [reader, null, null, lock_descriptor]
        connection, pid = forked.ask(self._address, request, sent)
        connection.close()
        os.close(reader)
        os.close(null)
        return pid

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class _ForkedProcess:
    def __init__(
        self, address: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> None:
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        request = forked.Request(list(argv), dict(env), str(cwd), False, [0, 1, 2])
        try:
            self._connection, self.pid = forked.ask(address, request, theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.stdin: IO[bytes] | None = FileIO(pipes[0][1], "wb")
        self.stdout: IO[bytes] | None = FileIO(pipes[1][0])
        self.stderr: IO[bytes] | None = FileIO(pipes[2][0])
        self._exit_code: int | None = None
        self._lock = threading.Lock()

    def wait(self) -> int:
        with self._lock:
            if self._exit_code is None:
                (status,) = struct.unpack("i", self._connection.recv(4))
                self._connection.close()
                self._exit_code = os.waitstatus_to_exitcode(status)
            return self._exit_code

    def kill(self) -> None:
        if self._exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _interpreter_settings(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: env[name] for name in env if name.startswith("PYTHON") and name not in _WITHOUT_EFFECT
    }


def _modules(plugin: Path) -> list[str]:
    files = [path for path in plugin_files(plugin) if path.suffix == ".py" and path.parent.name]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import IO, Protocol

from simulators.http_server import Latch

from .calls import Cancel
from .plugin_output import LogReader

CHUNK = 65_536


class PluginTimeoutError(AssertionError):
    pass


class Process(Protocol):
    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def wait(self) -> int: ...

    def kill(self) -> None: ...


Start = Callable[[Sequence[str], Mapping[str, str], Path], Process]


def start_process(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Process:
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env)


class PluginProcess:
    """Runs the process of a plugin as Stash does.

    The run ends when the process has ended and no child keeps its standard output open. A
    cancellation kills the process, but not its children.
    """

    def __init__(self, process: Process, stdin: bytes, log: LogReader) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._streams = [self._stdin, self._stdout, self._stderr]
        self._log = log
        self._left_to_write = memoryview(stdin)
        self._selector = selectors.DefaultSelector()
        self._awaited = {"end of stdout", "exit"}
        self.stdout = bytearray()
        self.cancelled = False

    def run(self, cancel: Cancel, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        given_up = Latch()
        cancel.subscribe(given_up.open)
        try:
            self._register(given_up)
            while self._awaited and not self.cancelled:
                self._pump(deadline)
        finally:
            cancel.unsubscribe(given_up.open)
            self._process.kill()
            exit_code = self._process.wait()
            while not self._stderr.closed and self._read_stderr():
                pass
            self._log.end()
            self._selector.close()
            for stream in self._streams:
                stream.close()
        return exit_code

    def _register(self, given_up: Latch) -> None:
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stderr.fileno(), False)
        self._selector.register(self._stdin, selectors.EVENT_WRITE, self._feed)
        self._selector.register(self._stdout, selectors.EVENT_READ, self._read_stdout)
        self._selector.register(self._stderr, selectors.EVENT_READ, self._read_stderr)
        self._selector.register(given_up, selectors.EVENT_READ, self._give_up)
        try:
            descriptor = os.pidfd_open(self._process.pid)
        except ProcessLookupError:
            self._awaited.remove("exit")
            return
        exit_: IO[bytes] = FileIO(descriptor)
        self._streams.append(exit_)
        self._selector.register(exit_, selectors.EVENT_READ, lambda: self._end(exit_, "exit"))

    def _pump(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            messages = [entry.text for entry in self._log.entries]
            msg = f"the plugin still ran at its time limit; its log so far: {messages}"
            raise PluginTimeoutError(msg)
        for key, _ in self._selector.select(left):
            key.data()

    def _end(self, stream: IO[bytes], awaited: str = "") -> None:
        self._selector.unregister(stream)
        stream.close()
        self._awaited.discard(awaited)

    def _give_up(self) -> None:
        self.cancelled = True

    def _feed(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._left_to_write[:CHUNK])
        except BrokenPipeError:
            written = len(self._left_to_write)
        self._left_to_write = self._left_to_write[written:]
        if not self._left_to_write:
            self._end(self._stdin)

    def _read_stdout(self) -> None:
        data = os.read(self._stdout.fileno(), CHUNK)
        self.stdout += data
        if not data:
            self._end(self._stdout, "end of stdout")

    def _read_stderr(self) -> bool:
        try:
            data = os.read(self._stderr.fileno(), CHUNK)
        except BlockingIOError:
            return False
        self._log.feed(data)
        if not data:
            self._end(self._stderr)
        return bool(data)

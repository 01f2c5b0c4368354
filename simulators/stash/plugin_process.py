"""A plugin's process: fed, read and reaped the way Stash does it."""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .calls import Cancel
from .plugin_log import LineTooLongError, LogReader

CHUNK = 65_536


class PluginTimeoutError(AssertionError):
    """A test's own limit passed; the real Stash would have waited on."""


class Pipe(Protocol):
    """One end of a pipe."""

    @property
    def closed(self) -> bool: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class Process(Protocol):
    """What is needed of a `subprocess.Popen` with three unbuffered pipes."""

    pid: int

    @property
    def stdin(self) -> Pipe | None: ...

    @property
    def stdout(self) -> Pipe | None: ...

    @property
    def stderr(self) -> Pipe | None: ...

    def wait(self) -> int: ...

    def kill(self) -> None: ...


Start = Callable[[Sequence[str], Mapping[str, str], Path], Process]
"""Starts a program with an environment in a folder; raises OSError where it cannot."""


def start_process(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Process:
    """Start a program as any program starts another.

    Raises:
        OSError: it cannot be started.
    """
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env)


class PluginProcess:
    """One run.

    It lasts until stdout ends, however long a grandchild holds it open, and until the process
    itself has exited; stderr is read meanwhile and then closed. A `Cancel` kills the process
    (and only it) and ends the run at once.

    Args:
        process: has just been started.
        stdin: all that it gets to read.
        log: takes its stderr.
    """

    def __init__(self, process: Process, stdin: bytes, log: LogReader) -> None:
        self._process = process
        self.stdout = bytearray()
        self.cancelled = False
        self.log_broken = False
        self._log = log
        self._left_to_write = memoryview(stdin)
        self._wake_lock = threading.Lock()
        self._closed = False
        self._wake_read, self._wake_write = os.pipe()
        self._selector = selectors.DefaultSelector()

    @property
    def pid(self) -> int:
        """Process id of the plugin."""
        return self._process.pid

    def run(self, cancel: Cancel, timeout: float | None = None) -> int:
        """Sees the process through and returns its exit code.

        Raises:
            PluginTimeoutError: `timeout` seconds passed; the process was killed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        cancel.subscribe(self._cancel)
        try:
            self._register()
            while not self._pump(deadline):
                pass
        finally:
            cancel.unsubscribe(self._cancel)
            self._process.kill()
            exit_code = self._process.wait()
            self._drain_log()
            self._close()
        return exit_code

    def _register(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stderr.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE, self._feed)
        self._selector.register(process.stdout, selectors.EVENT_READ, self._read_stdout)
        self._selector.register(process.stderr, selectors.EVENT_READ, self._read_stderr)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)

    def _pump(self, deadline: float | None) -> bool:
        """Moves what can be moved; True when the run is over."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            messages = [entry.text for entry in self._log.entries]
            msg = f"the plugin still ran at its time limit; its log so far: {messages}"
            raise PluginTimeoutError(msg)
        over = False
        for key, _ in self._selector.select(left):
            over = key.data() or over
        return over

    def _feed(self) -> bool:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            written = os.write(stdin.fileno(), self._left_to_write[:CHUNK])
        except BrokenPipeError:  # a plugin need not read its input
            written = len(self._left_to_write)
        self._left_to_write = self._left_to_write[written:]
        if not self._left_to_write:
            self._selector.unregister(stdin)
            stdin.close()
        return False

    def _read_stdout(self) -> bool:
        stdout = self._process.stdout
        assert stdout is not None
        data = os.read(stdout.fileno(), CHUNK)
        self.stdout += data
        if not data:
            self._selector.unregister(stdout)
            threading.Thread(target=self._await_exit, daemon=True).start()
        return False

    def _read_stderr(self) -> bool:
        stderr = self._process.stderr
        assert stderr is not None
        try:
            data = os.read(stderr.fileno(), CHUNK)
            self._log.feed(data)
        except BlockingIOError:
            return False
        except LineTooLongError:
            self.log_broken = True
            data = b""
        if not data:
            self._selector.unregister(stderr)
            stderr.close()
        return False

    def _drain_log(self) -> None:
        """Takes what the process had written; nobody waits for a grandchild's words."""
        stderr = self._process.stderr
        assert stderr is not None
        try:
            while not stderr.closed and (data := os.read(stderr.fileno(), CHUNK)):
                self._log.feed(data)
        except BlockingIOError:
            pass
        except LineTooLongError:
            self.log_broken = True
        if not self.log_broken:
            self._log.end()

    def _await_exit(self) -> None:
        self._process.wait()
        self._wake()

    def _cancel(self) -> None:
        self.cancelled = True
        self._wake()

    def _wake(self) -> None:
        with self._wake_lock:
            if not self._closed:  # else the descriptor may be somebody else's by now
                os.write(self._wake_write, b"!")

    def _woken(self) -> bool:
        return True

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        with self._wake_lock:
            self._closed = True
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

"""Runs the process of a plugin on systems that cannot poll pipes, such as Windows."""

import queue
import threading
import time
from typing import IO

from .calls import Cancel
from .plugin_output import LogReader
from .plugin_process import CHUNK, PluginTimeoutError, Process


class PortableProcess:
    def __init__(self, process: Process, stdin: bytes, log: LogReader) -> None:
        self._process, self._input, self._log = process, stdin, log
        self._ends: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.stdout = bytearray()
        self.cancelled = False

    def run(self, cancel: Cancel, timeout: float | None = None) -> int:
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        actions = (self._write, self._read_stdout, self._read_stderr)
        for stream, action in zip(streams, actions, strict=True):
            threading.Thread(target=action, args=(stream,), daemon=True).start()

        def give_up() -> None:
            self._ends.put("cancel")

        cancel.subscribe(give_up)
        try:
            self._wait(None if timeout is None else time.monotonic() + timeout)
        finally:
            cancel.unsubscribe(give_up)
            self._process.kill()
            exit_code = self._process.wait()
            self._log.end()
        return exit_code

    def _wait(self, deadline: float | None) -> None:
        awaited = {"stdout", "stderr"}
        while awaited:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                end = self._ends.get(timeout=left)
            except queue.Empty:
                messages = [entry.text for entry in self._log.entries]
                msg = f"the plugin still ran at its time limit; its log so far: {messages}"
                raise PluginTimeoutError(msg) from None
            self.cancelled = end == "cancel"
            if self.cancelled:
                return
            awaited.discard(end)

    def _write(self, stream: IO[bytes]) -> None:
        try:
            stream.write(self._input)
            stream.close()
        except OSError:
            return

    def _read_stdout(self, stream: IO[bytes]) -> None:
        while data := stream.read(CHUNK):
            self.stdout += data
        self._ends.put("stdout")

    def _read_stderr(self, stream: IO[bytes]) -> None:
        while data := stream.read(CHUNK):
            self._log.feed(data)
        self._ends.put("stderr")

"""Starts worker processes quickly: real processes that run the real entry, with warm imports.

A worker started the usual way spends half a second on imports; ten thousand of them would spend
an hour and a half before anything happens that could be interrupted. So one process imports what
the worker imports and forks for each start: the child takes over the lock's descriptor and its
standard input exactly as a worker that a hook has started, and runs the same `run_worker`.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.soak import nursery_process


class Nursery:
    """Forks workers of one installed plugin.

    Args:
        script: the plugin's entry script.
    """

    def __init__(self, script: Path) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._process = subprocess.Popen(
            [sys.executable, nursery_process.__file__, str(script), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def start_worker(self, lock_descriptor: int, stdin: bytes) -> int:
        """Fork a worker that holds this lock and reads this from its stdin; return its id."""
        reader, writer = os.pipe()
        os.write(writer, stdin)
        os.close(writer)
        socket.send_fds(self._socket, [b"worker"], [lock_descriptor, reader])
        os.close(reader)
        (pid,) = struct.unpack("i", self._socket.recv(4))
        return int(pid)

    def close(self) -> None:
        """End the nursery."""
        self._socket.close()
        self._process.wait(10)

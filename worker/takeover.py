"""How a task gets the place of a living worker: one writer to Plex at a time, and no waiting.

The request is an operating-system lock of its own, so it ends with whoever made it: there is no
stale one. A worker looks for it and ends after the scene in hand, its jobs kept; one that a hook
starts in between does the same.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared.file_lock import FileLock
from sync_queue.spool import elect
from worker.launcher import start_worker

LOOK_FOR_REQUESTS = 0.5  # seconds between a worker's looks
PATIENCE = 60.0  # seconds; a worker's longest step is one request that times out
_TRY_EVERY = 0.1  # seconds
ALREADY_RUNNING, STARTED = "running", "started"


class OccupiedError(Exception):
    """The worker did not make room in time; the text says what to do."""


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: Any) -> str:
    """Start a worker unless one runs, which gets the connection to Stash then.

    Args:
        spool: the spool's folder.

    Returns:
        `running` or `started`.

    Raises:
        OSError: no process could be started; the lock is free again.
    """
    connection = json.dumps(server_connection).encode()
    if not elect(lock, spool, connection):
        return ALREADY_RUNNING
    start_worker(script, lock, connection)
    return STARTED


def is_wanted(request_path: str) -> bool:
    """Tell whether another process asks for the worker's place."""
    if not os.path.exists(request_path):
        return False
    request = FileLock(request_path)
    if not request.try_acquire():
        return True
    request.release()
    return False


@dataclass(frozen=True, slots=True)
class Takeover:
    """Takes the worker lock, from a living worker if need be.

    Attributes:
        worker_lock: held by whoever writes to Plex.
        request: held while its place is wanted.
    """

    worker_lock: FileLock
    request: FileLock
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold the worker lock for a while; afterwards a worker may have to be started again.

        Raises:
            OccupiedError: who holds it did not make room.
            OSError: the locks' files cannot be opened.
        """
        self.request.acquire()
        try:
            self._wait()
        finally:
            self.request.release()
        try:
            yield
        finally:
            self.worker_lock.release()

    def _wait(self) -> None:
        end = self.monotonic() + PATIENCE
        while not self.worker_lock.try_acquire():
            if self.monotonic() >= end:
                message = (
                    f"The worker is busy and made no room within {PATIENCE:.0f} s; nothing was "
                    "changed. Run the task again, or switch the setting Enabled off first"
                )
                raise OccupiedError(message)
            self.sleep(_TRY_EVERY)

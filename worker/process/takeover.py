"""How a task gets the worker lock from a living worker, so that one process writes to Plex.

The request is an operating-system lock, so it ends with the process that made it. A worker looks
for the request, releases its lock after the scene in hand, and takes the lock again after the task.
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
from worker.process.launcher import start_worker

LOOK_FOR_REQUESTS = 0.5  # seconds between a worker's looks
PATIENCE = 60.0  # seconds; a worker's longest step is one request that times out
RETURN = 0.5  # seconds in which a worker that waits for the task's end takes its lock again
_TRY_EVERY = 0.1  # seconds
ALREADY_RUNNING, STARTED = "running", "started"


class OccupiedError(Exception):
    """The worker did not make room in time; the text says what to do."""


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: Any) -> str:
    """Start a worker, or hand the running one the connection to Stash.

    Args:
        spool: the spool's folder.

    Returns:
        `running` or `started`.

    Raises:
        OSError: no process could be started.
    """
    connection = json.dumps(server_connection).encode()
    if not elect(lock, spool, connection):
        return ALREADY_RUNNING
    try:
        start_worker(script, lock, connection)
    finally:
        lock.release()  # if no process could be started
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
    """Takes the worker lock, also from a living worker.

    Attributes:
        worker_lock: held by the process that writes to Plex.
        request: held for as long as the task wants or has the worker lock.
    """

    worker_lock: FileLock
    request: FileLock
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold the worker lock for a while; afterwards a worker may have to be started again.

        Raises:
            OccupiedError: the holder did not release it.
            OSError: the locks' files cannot be opened.
        """
        is_taken_over = self._take_locks()
        try:
            yield
        finally:
            self.worker_lock.release()
            self.request.release()  # not before: the worker ends if another process has its lock
            if is_taken_over:
                self.sleep(RETURN)  # else this task would start a second worker

    def _take_locks(self) -> bool:
        """Take both locks; return whether another process had to release one."""
        end = self.monotonic() + PATIENCE
        is_taken_over = False
        while not (self.request.try_acquire() and self.worker_lock.try_acquire()):
            is_taken_over = True
            if self.monotonic() >= end:
                self.request.release()
                message = (
                    f"The worker is busy and made no room within {PATIENCE:.0f} s; nothing was "
                    "changed. Run the task again, or switch the setting Enabled off first"
                )
                raise OccupiedError(message)
            self.sleep(_TRY_EVERY)
        return is_taken_over

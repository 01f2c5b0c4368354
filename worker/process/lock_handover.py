"""Passes the worker lock between the worker and tasks, because only one process may write to Plex.

A task requests the lock by holding a second lock. If the task is killed, its request ends, too.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.file_lock import FileLock
from sync_queue.spool import elect
from worker.process.launcher import start_worker

BUSY_INTERVAL = 0.5
# The worker holds its lock until its request to Plex ends, by default for at most 30 s.
TASK_TIMEOUT = 60.0
REACQUIRE_SECONDS = 0.5
IDLE_INTERVAL = 0.2
INSTALLATION_INTERVAL = 60.0
_RETRY_INTERVAL = 0.1


class LockHeldError(Exception):
    pass


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: Any) -> str:
    connection = json.dumps(server_connection).encode()
    if not elect(lock, spool, connection):
        return "running"
    try:
        start_worker(script, lock, connection)
    finally:
        # If the start failed, release the lock. Otherwise, the started worker holds the lock.
        lock.release()
    return "started"


def is_requested(request_path: str) -> bool:
    if not os.path.exists(request_path):
        return False
    request = FileLock(request_path)
    is_free = request.try_acquire()
    request.release()
    return not is_free


@contextmanager
def hold_worker_lock(
    lock: FileLock,
    request: FileLock,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[None]:
    end = monotonic() + TASK_TIMEOUT
    is_handed_over = False
    while not (request.try_acquire() and lock.try_acquire()):
        is_handed_over = True
        if monotonic() >= end:
            request.release()
            raise LockHeldError(
                "Nothing was changed, because the worker did not pause within "
                f"{TASK_TIMEOUT:.0f} s. Run the task again, or switch the setting Enabled off first"
            )
        sleep(_RETRY_INTERVAL)
    try:
        yield
    finally:
        # Release the lock before the request, or the waiting worker would exit.
        lock.release()
        request.release()
        if is_handed_over:
            sleep(REACQUIRE_SECONDS)

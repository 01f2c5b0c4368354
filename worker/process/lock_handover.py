"""The handover of the worker lock between workers and tasks: only one process writes to Plex.

A task requests the worker lock by acquiring a second lock, so the request ends with the task's
process. A worker that finds a request releases the worker lock after the current scene, and
acquires it again after the task.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared.file_lock import FileLock
from sync_queue.spool import CONNECTION, elect
from sync_queue.spool_import import Spool
from worker.process.launcher import start_worker

LOOK_FOR_REQUESTS = 0.5  # Seconds between two checks for a request while the worker works.
PATIENCE = 60.0  # Seconds that a task waits for the lock; by default, requests take at most 30 s.
RETURN = 0.5  # Seconds in which a worker acquires its lock again after a task.
LOOK = 0.2  # Seconds between two checks for a request or a job by an idle worker.
PLUGIN_LOOK = 60.0  # Seconds between two checks that the plugin is still installed.
_TRY_EVERY = 0.1  # Seconds between two attempts to acquire the lock.
ALREADY_RUNNING, STARTED = "running", "started"


class LockHeldError(Exception):
    """The worker did not release its lock in time; the message contains a remedy."""


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: Any) -> str:
    """Start a worker, or give the running worker the connection; return `started` or `running`."""
    connection = json.dumps(server_connection).encode()
    if not elect(lock, spool, connection):
        return ALREADY_RUNNING
    try:
        start_worker(script, lock, connection)
    finally:
        lock.release()  # `lock` is still held only if the start failed
    return STARTED


def is_requested(request_path: str) -> bool:
    if not os.path.exists(request_path):
        return False
    request = FileLock(request_path)
    if not request.try_acquire():
        return True
    request.release()
    return False


@contextmanager
def hold_worker_lock(
    lock: FileLock,
    request: FileLock,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[None]:
    """Hold the worker lock; raise `LockHeldError` if a worker does not release it in time."""
    end = monotonic() + PATIENCE
    is_handed_over = False
    while not (request.try_acquire() and lock.try_acquire()):
        is_handed_over = True
        if monotonic() >= end:
            request.release()
            raise LockHeldError(
                f"The worker did not release its lock within {PATIENCE:.0f} s, and nothing was "
                "changed. Run the task again, or switch the setting Enabled off first"
            )
        sleep(_TRY_EVERY)
    try:
        yield
    finally:
        lock.release()
        request.release()  # release last: an idle worker does not exit while a task holds this lock
        if is_handed_over:
            sleep(RETURN)  # gives the worker time to acquire its lock again


@dataclass(frozen=True, slots=True)
class IdleProcess:
    """The process of a worker that waits for jobs, and for tasks that request the worker lock."""

    lock: FileLock
    spool: Spool
    request_path: str  # file that a task locks to request the worker lock
    is_told_to_end: Callable[[], bool]
    exists: Callable[[], bool]  # Returns whether the plugin is still installed.
    remember: Callable[[Any], None]  # Receives a connection to Stash from a hook or task.
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def hand_over(self) -> bool:
        """Release the worker lock while a task requests it; return whether it is held again."""
        if not is_requested(self.request_path):
            return True
        self.lock.release()
        while not self.is_told_to_end():
            if not is_requested(self.request_path):
                if self.lock.try_acquire():
                    return True
                if not is_requested(self.request_path):
                    return False  # another worker has acquired the lock
            self.sleep(LOOK)
        return False

    def wait(self, known: frozenset[str]) -> bool:
        """Wait for a spool file whose name is not `known`; return False if the worker must exit."""
        checked_at = self.monotonic()
        while not self.is_told_to_end():
            names = self.spool.names()
            connection = self.spool.take_connection() if CONNECTION in names else None
            if connection is not None:
                self.remember(connection)
            if connection is not None or names - known - {CONNECTION}:
                return True
            if self.monotonic() - checked_at >= PLUGIN_LOOK:
                checked_at = self.monotonic()
                if not self.exists():
                    return False
            if not self.hand_over():
                return False
            self.sleep(LOOK)
        return False

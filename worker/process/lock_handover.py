"""The handover of the worker lock between workers and tasks, so that one process writes to Plex.

A task requests the worker lock with a second lock, so the request ends when its process ends. A
worker that finds a request releases its lock after the current scene, and acquires it again later.
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

LOOK_FOR_REQUESTS = 0.5  # seconds between two checks by a worker
PATIENCE = 60.0  # seconds; the longest step of a worker is a request that times out
RETURN = 0.5  # seconds in which the worker acquires its lock again after a task
LOOK = 0.2  # seconds between two checks by an idle process
PLUGIN_LOOK = 60.0  # seconds between two checks whether the plugin still exists
_TRY_EVERY = 0.1  # seconds
ALREADY_RUNNING, STARTED = "running", "started"


class LockHeldError(Exception):
    """The worker did not release its lock in time; the message says what to do."""


def ensure_worker(script: str, lock: FileLock, spool: str, server_connection: Any) -> str:
    """Start a worker, or pass the connection to a running worker; return `started` or `running`."""
    connection = json.dumps(server_connection).encode()
    if not elect(lock, spool, connection):
        return ALREADY_RUNNING
    try:
        start_worker(script, lock, connection)
    finally:
        lock.release()  # if no process could be started
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
    """Hold the worker lock, also if a worker has it; raise `LockHeldError` if it stays held."""
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
        request.release()  # the last, because it keeps a worker that waits from ending
        if is_handed_over:
            sleep(RETURN)  # otherwise the caller would start a second worker


@dataclass(frozen=True, slots=True)
class IdleProcess:
    """The process of a worker between two runs of the drain."""

    lock: FileLock
    spool: Spool
    request_path: str  # the lock that a task holds while it requests the worker lock
    is_told_to_end: Callable[[], bool]
    exists: Callable[[], bool]  # returns whether the plugin still exists
    remember: Callable[[Any], None]  # gets a connection to Stash that a hook or task has stored
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def hand_over(self) -> bool:
        """Release the worker lock to a task that requests it; return whether it is held again."""
        if not is_requested(self.request_path):
            return True
        self.lock.release()
        while not self.is_told_to_end():
            if not is_requested(self.request_path):
                if self.lock.try_acquire():
                    return True
                if not is_requested(self.request_path):
                    return False  # another worker has the lock
            self.sleep(LOOK)
        return False

    def wait(self, known: frozenset[str]) -> bool:
        """Wait for a name in the spool that is not `known`; return False to end the process."""
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

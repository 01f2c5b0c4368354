"""Waits of a worker's process that has no work: for a task that has its place, or for an edit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.file_lock import FileLock
from sync_queue.spool import CONNECTION
from sync_queue.spool_import import Spool
from worker.process.takeover import is_wanted

LOOK = 0.2  # seconds between looks: one listing of a folder that is mostly empty
PLUGIN_LOOK = 60.0  # seconds between looks whether the plugin still exists


@dataclass(frozen=True, slots=True)
class IdleProcess:
    """A worker's process between two runs of its worker.

    Attributes:
        lock: the worker lock.
        spool: where hooks and tasks leave jobs and connections.
        takeover_lock: the path of the lock that a task holds while it wants the worker lock.
        is_told_to_end: returns whether this process got a signal.
        exists: returns whether the plugin still exists.
        remember: gets a connection to Stash that a hook or task has left.
    """

    lock: FileLock
    spool: Spool
    takeover_lock: str
    is_told_to_end: Callable[[], bool]
    exists: Callable[[], bool]
    remember: Callable[[Any], None]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def make_room(self) -> bool:
        """Leave the worker lock to a task that wants it; return whether this process holds it."""
        if not is_wanted(self.takeover_lock):
            return True
        self.lock.release()
        while not self.is_told_to_end():
            if not is_wanted(self.takeover_lock):
                if self.lock.try_acquire():
                    return True
                if not is_wanted(self.takeover_lock):
                    return False  # another worker has the lock
            self.sleep(LOOK)
        return False

    def wait(self, known: frozenset[str]) -> bool:
        """Wait, with the worker lock, for the next hook or task; return False to end the process.

        Args:
            known: what was in the spool before this process looked for work the last time.
        """
        looked = self.monotonic()
        while not self.is_told_to_end():
            names = self.spool.names()
            connection = self.spool.take_connection() if CONNECTION in names else None
            if connection is not None:
                self.remember(connection)
            if connection is not None or names - known - {CONNECTION}:
                return True
            if self.monotonic() - looked >= PLUGIN_LOOK:
                looked = self.monotonic()
                if not self.exists():
                    return False
            if not self.make_room():
                return False
            self.sleep(LOOK)
        return False

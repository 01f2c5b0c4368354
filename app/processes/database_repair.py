import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from plex.index_database import delete_index, is_about_index
from shared.data_folder import DataFolder
from shared.events import Event
from shared.log import Log
from sync_queue.quarantine import quarantine_database

# If the damage returns within QUIET seconds, the next repair waits up to LONGEST_WAIT seconds.
LONGEST_WAIT = 60.0
QUIET = 60.0

Identity = tuple[int, int]


@dataclass
class DatabaseRepair:
    folder: DataFolder
    log: Log
    wait: Callable[[float], object]
    monotonic: Callable[[], float]
    _in_a_row: int = 0
    _repaired_at: float = float("-inf")

    def repair(self, error: sqlite3.DatabaseError, opened: Identity | None) -> None:
        """Repair the queue or the index of Plex's file paths. The caller must have closed both."""
        again = self.monotonic() - self._repaired_at < QUIET
        self._in_a_row = self._in_a_row + 1 if again else 1
        if again:
            self.wait(min(LONGEST_WAIT, 2.0 ** min(self._in_a_row - 2, 6)))
        path = self.folder.queue_database
        try:
            if is_about_index(error):
                # The path index only caches data of Plex, so the index can be deleted.
                delete_index(self.folder.library_database)
                self.log.event(Event.INDEX_REBUILT, error=error)
            elif is_replaced(path, opened):
                self.log.event(Event.QUEUE_REPLACED, error=error)
            elif kept := quarantine_database(path):
                self.log.event(Event.QUEUE_REBUILT, error=error, kept=kept)
            else:
                self.log.event(Event.QUEUE_REPAIRED, error=error)
        except OSError as problem:
            self.log.event(Event.DATABASE_NOT_REPAIRED, error=error, problem=str(problem))
        self._repaired_at = self.monotonic()


def identity_of(path: str) -> Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_replaced(path: str, opened: Identity | None) -> bool:
    return opened is not None and identity_of(path) not in (None, opened)

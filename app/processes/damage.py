"""What a worker does about a damaged database: mend it, and ever more slowly if that is no use."""

import os
import sqlite3
from collections.abc import Callable

from plex.index_database import delete_index, is_about_index
from shared.data_folder import DataFolder
from shared.events import Event
from shared.log import Log
from sync_queue.quarantine import quarantine_database

LONGEST_WAIT = 60.0  # seconds before a database is mended again
QUIET = 60.0  # seconds without damage, after which it counts as the first again

Identity = tuple[int, int]  # device and number of a file, which a fresh one of its name has not


class Mender:
    """Mends the queue's database, or the index of Plex's files.

    Args:
        folder: where both lie.
        log: is told what was wrong.
        wait: lets so many seconds pass, or fewer when this process is to end.
    """

    def __init__(
        self,
        folder: DataFolder,
        log: Log,
        wait: Callable[[float], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._log = log
        self._wait = wait
        self._monotonic = monotonic
        self._in_a_row = 0
        self._mended_at = float("-inf")

    def mend(self, error: sqlite3.DatabaseError, opened: Identity | None) -> None:
        """Mend what is damaged; nobody in this process has it open.

        Args:
            error: how it showed.
            opened: the queue's database that was in use; None if not known.
        """
        again = self._monotonic() - self._mended_at < QUIET
        self._in_a_row = self._in_a_row + 1 if again else 1
        if again:
            self._wait(min(LONGEST_WAIT, 2.0 ** min(self._in_a_row - 2, 6)))
        try:
            if is_about_index(error):
                self._mend_index(error)
            else:
                self._mend_queue(error, opened)
        except OSError as why:
            self._log.event(Event.DATABASE_NOT_REPAIRED, error=error, problem=str(why))
        self._mended_at = self._monotonic()

    def _mend_index(self, error: sqlite3.DatabaseError) -> None:
        delete_index(self._folder.library_database)  # Plex tells all that was in it
        self._log.event(Event.INDEX_REBUILT, error=error)

    def _mend_queue(self, error: sqlite3.DatabaseError, opened: Identity | None) -> None:
        path = self._folder.queue_database
        if is_replaced(path, opened):
            self._log.event(Event.QUEUE_REPLACED, error=error)
            return
        kept = quarantine_database(path)
        if kept is None:
            self._log.event(Event.QUEUE_REPAIRED, error=error)
        else:
            self._log.event(Event.QUEUE_REBUILT, error=error, kept=kept)


def identity_of(path: str) -> Identity | None:
    """Return what tells a file from others that get its name; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_replaced(path: str, opened: Identity | None) -> bool:
    """Tell whether another file has the name of the one that was opened."""
    return opened is not None and identity_of(path) not in (None, opened)

"""Finds data of the earlier implementation, and records in the database what was imported.

Every task and every worker looks, and few find anything. The modules that read the data are loaded
only then.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

from shared.data_folder import DataFolder
from sync_queue.database import connect
from sync_queue.schema import TABLE

IMPORTED = ".imported"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS earlier_data (source TEXT PRIMARY KEY, sha1 TEXT NOT NULL, "
    "taken INTEGER NOT NULL, at REAL NOT NULL)"
)
_EXISTS = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'earlier_data')"
_NOTE = (
    "INSERT INTO earlier_data (source, sha1, taken, at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (source) DO UPDATE SET sha1 = excluded.sha1, taken = excluded.taken, "
    "at = excluded.at"
)
ELSEWHERE = "earlier"  # a data folder that was put into ours
QUEUE, LETTERS, STAMPS = "queue/data.db", "dlq.db", "sync_timestamps.json"
# Relative to our data folder. The queue in its own place is our database, too: see `waiting_jobs`.
FILES = (
    LETTERS,
    STAMPS,
    f"{ELSEWHERE}/{QUEUE}",
    f"{ELSEWHERE}/{LETTERS}",
    f"{ELSEWHERE}/{STAMPS}",
)
# Of a folder from elsewhere these are worth keeping; the others are of a moment that is over.
STATES = ("device_id.json", "outage_history.json", "stats.json")
LOOK_TIMEOUT = 1.0  # seconds to wait for another writer where nothing has to be written
FAILED = 9  # persist-queue's AckStatus.ack_failed
NOT_OURS = "NOT coalesce(json_valid(CAST(data AS TEXT)), 0)"
_HAS_ROWS = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE status < {FAILED} AND {NOT_OURS})"


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a source: the SHA-1 of its file, and whether it could be taken over."""

    sha1: str
    taken: bool


class Ledger:
    """The table `earlier_data`, made with its first entry, on a connection to the one database.

    Args:
        connection: in autocommit mode.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, source: str) -> Entry | None:
        """Return what became of a source, None when it was never looked at."""
        if not self._connection.execute(_EXISTS).fetchone()[0]:
            return None
        row = self._connection.execute(
            "SELECT sha1, taken FROM earlier_data WHERE source = ?", (source,)
        ).fetchone()
        return None if row is None else Entry(row[0], bool(row[1]))

    def note(self, source: str, entry: Entry, now: float) -> None:
        """Store what became of a source; inside the transaction that takes it over."""
        self._connection.execute(_TABLE)
        self._connection.execute(_NOTE, (source, entry.sha1, entry.taken, now))


def mark_imported(path: str) -> None:
    """Rename a file that was taken over, with what SQLite keeps beside it; never over another.

    One that cannot be renamed stays: the ledger knows it.
    """
    number = 1
    while os.path.exists(new_name := f"{path}{IMPORTED}{f'-{number}' if number > 1 else ''}"):
        number += 1
    for beside in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            os.rename(path + beside, new_name + beside)


def data_waits(folder: DataFolder, clock: Callable[[], float]) -> bool:
    """Tell whether there may be something to take over; where never was, only once in full.

    Args:
        folder: ours.

    Raises:
        sqlite3.Error: our database cannot be used.
    """
    if any(os.path.exists(path_of(folder, name)) for name in FILES) or states_to_copy(folder):
        return True
    with closing(connect(folder.queue_database, busy_timeout=LOOK_TIMEOUT)) as connection:
        ledger = Ledger(connection)
        if ledger.find(QUEUE) is not None:
            return False
        # Reads the whole table.
        if connection.execute(_HAS_ROWS).fetchone()[0]:
            return True
        with suppress(sqlite3.OperationalError):  # then the next start looks once more
            ledger.note(QUEUE, Entry("", taken=True), clock())
    return False


def states_to_copy(folder: DataFolder) -> list[str]:
    """Return the small states of a folder from elsewhere that we do not have ourselves yet."""
    return [
        name
        for name in STATES
        if os.path.isfile(path_of(folder, f"{ELSEWHERE}/{name}"))
        and not os.path.exists(path_of(folder, name))
    ]


def path_of(folder: DataFolder, name: str) -> str:
    """Return where a file of that name would lie."""
    return os.path.join(folder.root, *name.split("/"))

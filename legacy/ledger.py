"""What was taken over already, in the database that it went into: so nothing is taken twice."""

import os
import sqlite3
from contextlib import suppress

from shared.frozen import frozen

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


@frozen
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

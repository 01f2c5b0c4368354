"""Which journal the database has.

Write-ahead logging needs memory that its processes share, which network file systems refuse: there
the database works with a rollback journal, slower and just as safe.
"""

import sqlite3
import time
from collections.abc import Callable

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# How such a file system answers a file with a write-ahead log, or the wish for one.
_REFUSALS = ("SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_IOERR_SHM")


def uses_wal(connection: sqlite3.Connection) -> bool:
    """Tell whether the database has a write-ahead log."""
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def use_wal(open_database: Callable[[], sqlite3.Connection], longest_wait: float) -> None:
    """Switch to write-ahead logging, which needs a moment in which nobody else reads.

    SQLite does not wait for that moment by itself, whatever the busy time-out says. Where it is
    refused, the rollback journal stays.

    Args:
        open_database: opens it anew: a connection that was refused is of no more use.
        longest_wait: seconds.

    Raises:
        sqlite3.OperationalError: that moment did not come in time.
    """
    deadline = time.monotonic() + longest_wait
    while True:
        connection = open_database()
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            # Only a read shows whether there is shared memory for it.
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if is_refusal(error):
                return leave_wal(open_database)
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            connection.close()
            return None


def is_refusal(error: sqlite3.Error) -> bool:
    """Tell whether a file system that refuses write-ahead logging may have said this."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(_REFUSALS)


def leave_wal(open_database: Callable[[], sqlite3.Connection]) -> None:
    """Give a database a rollback journal that has a write-ahead log, such as one that was copied.

    Raises:
        sqlite3.OperationalError: somebody else has it open, or it cannot be read at all.
    """
    connection = open_database()
    try:
        # In this mode the log's index lies in this process's own memory.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    finally:
        connection.close()

"""Opening a SQLite database for looking at it."""

import os
import sqlite3
from pathlib import Path


def open_for_reading(path: str, patience: float) -> sqlite3.Connection:
    """Open a database that this process does not change, also where it may not write at all.

    Args:
        path: the database file, which exists.
        patience: seconds to wait for a writer.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    address = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        return _opened(address, patience)
    except sqlite3.OperationalError:
        # A write-ahead log wants a file beside it, which a read-only folder refuses. Without the
        # log, the file alone says what was a while ago: true only where the log is empty.
        log = f"{path}-wal"
        if os.access(os.path.dirname(path), os.W_OK) or (
            os.path.exists(log) and os.path.getsize(log)
        ):
            raise
        return _opened(f"{address}&immutable=1", patience)


def _opened(address: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection

"""Opens a SQLite database without changing it."""

import os
import sqlite3
from pathlib import Path


def open_for_reading(path: str, patience: float) -> sqlite3.Connection:
    """Open an existing database, also in a folder that is read-only for this process.

    Wait up to `patience` seconds for a writer. Raise sqlite3.Error if the file is not readable.
    """
    address = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        return _opened(address, patience)
    except sqlite3.OperationalError:
        # SQLite cannot create the files of a write-ahead log in a read-only folder. If the log is
        # empty, the database alone has the whole content.
        log = f"{path}-wal"
        has_log = os.path.exists(log) and os.path.getsize(log) > 0
        if has_log or os.access(os.path.dirname(path), os.W_OK):
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

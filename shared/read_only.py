import os
import sqlite3
from pathlib import Path, PurePath


def open_for_reading(path: str, patience: float) -> sqlite3.Connection:
    """Open an existing database, also in a read-only folder. Wait `patience` s for a writer."""
    address = f"{database_uri(Path(path).absolute())}?mode=ro"
    try:
        return _opened(address, patience)
    except sqlite3.OperationalError:
        # In a read-only folder, SQLite cannot create the files of a write-ahead log. If the log is
        # empty, the database file alone holds the whole content.
        log = f"{path}-wal"
        has_log = os.path.exists(log) and os.path.getsize(log) > 0
        if has_log or os.access(os.path.dirname(path), os.W_OK):
            raise
        return _opened(f"{address}&immutable=1", patience)


def database_uri(path: PurePath) -> str:
    """Return SQLite's URI of a database. A Windows share must not become the URI's host."""
    uri = path.as_uri()
    return uri if uri.startswith("file:///") else uri.replace("file://", "file:////", 1)


def _opened(address: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection

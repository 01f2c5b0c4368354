"""Opens SQLite databases with a write-ahead log, if the file system supports one."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path, PurePath

# SQLite reports these errors on a file system that does not support write-ahead logging.
_REFUSALS = ("SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_IOERR_SHM")


def open_database(path: str, synchronous: str, busy_timeout: float) -> sqlite3.Connection:
    connection = _open(path, busy_timeout)
    try:
        connection.execute(f"PRAGMA synchronous={synchronous}")
    except sqlite3.Error as error:
        connection.close()
        if not _is_refusal(error):
            raise
        _leave_wal(path, busy_timeout)
        connection = _open(path, busy_timeout)
        connection.execute(f"PRAGMA synchronous={synchronous}")
    return connection


def _open(path: str, busy_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = tolerant_text
    return connection


def tolerant_text(stored: bytes) -> str:
    # sqlite3's own conversion raises an error for invalid UTF-8.
    return stored.decode("utf-8", "replace")


def uses_wal(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def use_wal(path: str, busy_timeout: float) -> None:
    # SQLite refuses to change the journal mode while another connection reads, so try again.
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            with closing(_open(path, busy_timeout)) as connection:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
                # On some network file systems, `journal_mode=WAL` fails only at the next query.
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
                return None
        except sqlite3.OperationalError as error:
            if _is_refusal(error):
                return _leave_wal(path, busy_timeout)
            is_busy = error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def error_code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_refusal(error: sqlite3.Error) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith(_REFUSALS)


def _leave_wal(path: str, busy_timeout: float) -> None:
    with closing(_open(path, busy_timeout)) as connection:
        # A connection in exclusive mode can read a write-ahead log without shared memory.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def open_for_reading(path: str, patience: float) -> sqlite3.Connection:
    """Open an existing database for reading. Wait at most `patience` s for a locked database."""
    address = f"{database_uri(Path(path).absolute())}?mode=ro"
    try:
        return _open_uri(address, patience)
    except sqlite3.OperationalError:
        # In a read-only folder, SQLite can open a database with a write-ahead log only as
        # `immutable`, which ignores the log. So the log must be empty.
        log = f"{path}-wal"
        has_log = os.path.exists(log) and os.path.getsize(log) > 0
        if has_log or os.access(os.path.dirname(path), os.W_OK):
            raise
        return _open_uri(f"{address}&immutable=1", patience)


def database_uri(path: PurePath) -> str:
    """Return the URI of a file. SQLite accepts this form also for a file on a Windows share."""
    uri = path.as_uri()
    return uri if uri.startswith("file:///") else uri.replace("file://", "file:////", 1)


def _open_uri(address: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection

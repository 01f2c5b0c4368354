"""Opening the queue's database."""

import sqlite3

from sync_queue.journal import is_refusal, leave_wal
from sync_queue.schema import BUSY_TIMEOUT, SCHEMA_VERSION, schema_version
from sync_queue.tables import create_tables


class NewerSchemaError(Exception):
    """The database was written by a newer version of this plugin."""


def connect(
    path: str, synchronous: str = "FULL", busy_timeout: float = BUSY_TIMEOUT
) -> sqlite3.Connection:
    """Open the database in autocommit mode, with its tables there.

    Args:
        path: the database file; its folder exists.
        synchronous: `FULL` lets each commit survive a power cut. `NORMAL` is for the worker: a
            power cut may then undo the end of a job, which is done once more without harm.
        busy_timeout: seconds to wait for another writer.

    Raises:
        sqlite3.Error: the file is no database, or it cannot be written to.
        NewerSchemaError: a newer version of this plugin wrote it.
    """
    connection = _open(path, busy_timeout)
    try:
        connection.execute(f"PRAGMA synchronous={synchronous}")
    except sqlite3.OperationalError as error:
        connection.close()
        if not is_refusal(error):
            raise
        leave_wal(lambda: _open(path, busy_timeout))
        connection = _open(path, busy_timeout)
        connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA fullfsync=1")  # only macOS heeds it: its fsync does not reach disk
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        connection.close()
        message = (
            f"{path} has schema {version}, this version of Stash2Plex knows {SCHEMA_VERSION}: "
            "install the newer version again"
        )
        raise NewerSchemaError(message)
    if version < SCHEMA_VERSION:
        create_tables(connection, path, lambda: _open(path, BUSY_TIMEOUT))
    return connection


def _open(path: str, busy_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = tolerant_text
    return connection


def tolerant_text(stored: bytes) -> str:
    """Return a stored text; else one that is no UTF-8 fails each statement that meets it."""
    return stored.decode("utf-8", "replace")

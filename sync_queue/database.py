"""Opens the queue's database.

Network file systems do not support write-ahead logging, so the database uses a slower rollback
journal there.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from shared.data_folder import DataFolder
from shared.files import locked
from shared.sqlite import open_database, use_wal
from sync_queue.quarantine import EMPTIED, ask_for_reconciliation, setup_lock
from sync_queue.schema import SCHEMA_VERSION, migrate, schema_version
from sync_queue.spool import UNFINISHED

BUSY_TIMEOUT = 10.0


class NewerSchemaError(Exception):
    pass


def connect(
    path: str, synchronous: str = "FULL", busy_timeout: float | None = None
) -> sqlite3.Connection:
    """Open the database in autocommit mode, and create or migrate its tables.

    With `synchronous="NORMAL"`, a power cut can make the worker repeat a finished job.
    """
    timeout = BUSY_TIMEOUT if busy_timeout is None else busy_timeout
    connection = open_database(path, synchronous, timeout)
    # On macOS, fsync alone does not write the data to the disk.
    connection.execute("PRAGMA fullfsync=1")
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        connection.close()
        raise NewerSchemaError(
            f"A newer version of Stash2Plex wrote {path} (schema {version}, supported: "
            f"{SCHEMA_VERSION}): install the newer version again"
        )
    if version < SCHEMA_VERSION:
        _set_up(connection, path)
    return connection


def _set_up(connection: sqlite3.Connection, path: str) -> None:
    folder = DataFolder(os.path.dirname(os.path.dirname(path)))
    traces = (os.path.join(folder.spool, UNFINISHED), folder.library_database)
    with locked(setup_lock(path)):
        use_wal(path, BUSY_TIMEOUT)
        with transaction(connection):
            version = schema_version(connection)
            count = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
            if version == 0 and not count and any(map(os.path.exists, traces)):
                ask_for_reconciliation(path, EMPTIED)
            if version < SCHEMA_VERSION:
                migrate(connection, version)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Lock the database for writing, and commit at the end. A nested call joins the outer call."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        yield

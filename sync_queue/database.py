"""Opens the queue's database, and creates its tables.

Write-ahead logging needs memory shared between processes, which network file systems do not
provide. On such a file system, the database uses a rollback journal, which is slower.
"""

import os
import sqlite3

from shared.data_folder import DataFolder
from shared.files import locked
from shared.sqlite import open_database, use_wal
from sync_queue.quarantine import EMPTIED, ask_for_reconciliation, setup_lock
from sync_queue.schema import (
    BUSY_TIMEOUT,
    DUE,
    IN_PROGRESS,
    IS_WAITING,
    IS_WAITING_AFTER_ERROR,
    LAST_ERROR,
    SCHEMA_VERSION,
    SUBJECT,
    TABLE,
    TYPE,
    schema_version,
    transaction,
)
from sync_queue.spool import UNFINISHED

_TABLES = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (_id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "data BLOB, timestamp FLOAT, status INTEGER)",
    f"CREATE INDEX IF NOT EXISTS waiting_by_subject ON {TABLE} ({SUBJECT}, {TYPE}) "
    f"WHERE {IS_WAITING}",
    f"CREATE INDEX IF NOT EXISTS waiting_by_due ON {TABLE} ({DUE}, _id) WHERE {IS_WAITING}",
    f"CREATE INDEX IF NOT EXISTS waiting_by_error ON {TABLE} ({LAST_ERROR}) "
    f"WHERE {IS_WAITING_AFTER_ERROR}",
    f"CREATE INDEX IF NOT EXISTS in_progress ON {TABLE} (status) WHERE status = {IN_PROGRESS}",
    "CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT, "
    "scene_id INTEGER, job_data TEXT, error_type TEXT, error_message TEXT, stack_trace TEXT, "
    "retry_count INTEGER, failed_at TEXT)",
    "CREATE INDEX IF NOT EXISTS idx_failed_at ON dead_letters (failed_at)",
    "CREATE INDEX IF NOT EXISTS idx_scene_id ON dead_letters (scene_id)",
    "CREATE TABLE IF NOT EXISTS sync_log (scene_id INTEGER NOT NULL, server_id TEXT NOT NULL, "
    "rating_key INTEGER NOT NULL, digest TEXT NOT NULL, sent TEXT NOT NULL, "
    "poster_sha1 TEXT, art_sha1 TEXT, synced_at REAL NOT NULL, refused TEXT, "
    "PRIMARY KEY (scene_id, server_id, rating_key)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS sync_log_by_item ON sync_log (server_id, rating_key)",
    "CREATE TABLE IF NOT EXISTS originals (server_id TEXT NOT NULL, rating_key INTEGER NOT NULL, "
    "held TEXT NOT NULL, kept_at REAL NOT NULL, PRIMARY KEY (server_id, rating_key)) WITHOUT ROWID",
    # `uploads` has the SHA-1 of each uploaded image. No row is ever deleted, because Plex keeps
    # every uploaded image.
    "CREATE TABLE IF NOT EXISTS uploads (server_id TEXT NOT NULL, rating_key INTEGER NOT NULL, "
    "kind TEXT NOT NULL, sha1 TEXT NOT NULL, PRIMARY KEY (server_id, rating_key, kind, sha1)) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS scene_log (scene_id INTEGER PRIMARY KEY, entities TEXT NOT NULL, "
    "scene_updated_at TEXT NOT NULL, cover_tag TEXT, outcome TEXT NOT NULL, detail TEXT NOT NULL, "
    "at REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS reconciliation_run (id INTEGER PRIMARY KEY CHECK (id = 1), "
    "run TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS reconciliation_gaps (scene_id INTEGER PRIMARY KEY, "
    "kind TEXT NOT NULL, changed_at TEXT NOT NULL)",
)
# Schema version 1 stored original values in the column `original` of `sync_log`, and only the last
# uploaded image. The column is not dropped, because an older version's worker may still use it.
_FROM_VERSION_1 = (
    "ALTER TABLE sync_log ADD COLUMN refused TEXT",
    "INSERT OR IGNORE INTO originals (server_id, rating_key, held, kept_at) "
    "SELECT server_id, rating_key, original, synced_at FROM sync_log WHERE original IS NOT NULL "
    "ORDER BY synced_at",
    *(
        "INSERT OR IGNORE INTO uploads (server_id, rating_key, kind, sha1) "
        f"SELECT server_id, rating_key, '{kind}', {kind}_sha1 FROM sync_log WHERE {kind}_sha1 != ''"
        for kind in ("poster", "art")
    ),
)


class NewerSchemaError(Exception):
    pass


def connect(
    path: str, synchronous: str = "FULL", busy_timeout: float = BUSY_TIMEOUT
) -> sqlite3.Connection:
    """Open the database in autocommit mode, and create or migrate its tables.

    With `synchronous="NORMAL"`, a power cut can undo the removal of a finished job. The worker then
    repeats the job.
    """
    connection = open_database(path, synchronous, busy_timeout)
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
        _create_tables(connection, path)
    return connection


def _create_tables(connection: sqlite3.Connection, path: str) -> None:
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
                for statement in (*_TABLES, *(_FROM_VERSION_1 if version == 1 else ())):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

"""The tables of the one database: persist-queue's own, the dead letters and the sync log."""

import os
import sqlite3
from collections.abc import Callable

from shared.data_folder import DataFolder
from shared.file_lock import FileLock
from shared.files import acquire
from sync_queue.journal import use_wal
from sync_queue.rescue import EMPTIED, ask_for_reconciliation, setup_lock
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
)
from sync_queue.spool import UNFINISHED

_TABLES = (
    # The statement is persist-queue's own, so that either side may create the table.
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
    # What each Plex item was last sent, and which of its fields Plex would not take.
    "CREATE TABLE IF NOT EXISTS sync_log (scene_id INTEGER NOT NULL, server_id TEXT NOT NULL, "
    "rating_key INTEGER NOT NULL, digest TEXT NOT NULL, sent TEXT NOT NULL, "
    "poster_sha1 TEXT, art_sha1 TEXT, synced_at REAL NOT NULL, refused TEXT, "
    "PRIMARY KEY (scene_id, server_id, rating_key)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS sync_log_by_item ON sync_log (server_id, rating_key)",
    # What each Plex item held before our first write; outlives the scene that was written to it.
    "CREATE TABLE IF NOT EXISTS originals (server_id TEXT NOT NULL, rating_key INTEGER NOT NULL, "
    "held TEXT NOT NULL, kept_at REAL NOT NULL, PRIMARY KEY (server_id, rating_key)) WITHOUT ROWID",
    # Which bytes (SHA-1) Plex got from us for each item. It keeps every upload for good, so this
    # outlives what else is known of the item.
    "CREATE TABLE IF NOT EXISTS uploads (server_id TEXT NOT NULL, rating_key INTEGER NOT NULL, "
    "kind TEXT NOT NULL, sha1 TEXT NOT NULL, PRIMARY KEY (server_id, rating_key, kind, sha1)) "
    "WITHOUT ROWID",
    # What is known of each scene: whom it belongs to, its cover, how its last job ended.
    "CREATE TABLE IF NOT EXISTS scene_log (scene_id INTEGER PRIMARY KEY, entities TEXT NOT NULL, "
    "scene_updated_at TEXT NOT NULL, cover_tag TEXT, outcome TEXT NOT NULL, detail TEXT NOT NULL, "
    "at REAL NOT NULL)",
    # The reconciliation on its way: its place, and the gaps that it has found so far.
    "CREATE TABLE IF NOT EXISTS reconciliation_run (id INTEGER PRIMARY KEY CHECK (id = 1), "
    "run TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS reconciliation_gaps (scene_id INTEGER PRIMARY KEY, "
    "kind TEXT NOT NULL, changed_at TEXT NOT NULL)",
)
# Version 1 kept the originals in the sync log, and of the uploads the last one only. Its column
# stays: a worker of that version may still be at its last job when a hook of this one comes.
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


def create_tables(
    connection: sqlite3.Connection, path: str, reopen: Callable[[], sqlite3.Connection]
) -> None:
    """Make the tables, once, however many processes come first at the same time.

    Args:
        connection: on the database, in autocommit mode.
        path: the database file.
        reopen: opens the same database once more.

    Raises:
        OSError, sqlite3.Error: the database cannot be written to.
    """
    lock = FileLock(setup_lock(path))
    acquire(lock)
    try:
        use_wal(reopen, BUSY_TIMEOUT)
        connection.execute("BEGIN IMMEDIATE")
        version = schema_version(connection)
        if version == 0 and _is_empty(connection) and _was_in_use(path):
            ask_for_reconciliation(path, EMPTIED)
        if version < SCHEMA_VERSION:
            for statement in (*_TABLES, *(_FROM_VERSION_1 if version == 1 else ())):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        lock.release()


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]


def _was_in_use(path: str) -> bool:
    """Tell whether edits were queued here, or synced: then an empty file has lost its content."""
    folder = DataFolder(os.path.dirname(os.path.dirname(path)))
    unfinished = os.path.join(folder.spool, UNFINISHED)
    return os.path.exists(unfinished) or os.path.isfile(folder.library_database)

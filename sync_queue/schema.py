"""The one database: persist-queue's table, the dead letters and the sync log.

This module owns its SQL and is on the hook path, where importing persist-queue would cost several
times the rest of the hook: so it imports the standard library's `sqlite3` only. A test proves that
persist-queue reads exactly what is written here, and the other way round.
"""

import os
import sqlite3

from shared.file_lock import FileLock

SCHEMA_VERSION = 3
BUSY_TIMEOUT = 10.0  # seconds a writer waits for another one; a transaction here takes milliseconds

# persist-queue's acknowledgement states (AckStatus.inited, ready and unack)
WAITING_NEW, WAITING, IN_PROGRESS = 0, 1, 2

TABLE = "ack_queue_default"
_JOB = "CAST(data AS TEXT)"  # persist-queue stores bytes; JSON functions want text
SUBJECT = f"json_extract({_JOB}, '$.job_key')"
TYPE = f"json_extract({_JOB}, '$.update_type')"
# What is no number counts as due at once: in SQLite a text sorts after every number.
DUE = (
    f"CASE json_type({_JOB}, '$.next_retry_at') WHEN 'real' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') WHEN 'integer' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') ELSE 0 END"
)
# The rows our indexes cover. The earlier implementation's pickles may be in the same table.
IS_WAITING = f"status < {IN_PROGRESS} AND json_valid({_JOB})"
LAST_ERROR = f"json_extract({_JOB}, '$.last_error_type')"
IS_WAITING_AFTER_ERROR = f"{IS_WAITING} AND {LAST_ERROR} IS NOT NULL"
IS_IN_PROGRESS = f"status = {IN_PROGRESS} AND json_valid({_JOB})"

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


class NewerSchemaError(Exception):
    """The database was written by a newer version of this plugin."""


def connect(
    path: str, synchronous: str = "FULL", busy_timeout: float = BUSY_TIMEOUT
) -> sqlite3.Connection:
    """Open the database in autocommit mode, with its tables there.

    Args:
        path: the database file; its folder exists.
        synchronous: `FULL` for whoever accepts an edit: it survives a power cut. `NORMAL` for the
            worker: a power cut may then undo the end of a job, which is done again, harmlessly.
        busy_timeout: seconds to wait for another writer.

    Raises:
        sqlite3.Error: the file is no database, or it cannot be written to.
        NewerSchemaError: a newer version of this plugin wrote it.
    """
    connection = _open(path, busy_timeout)
    try:
        connection.execute(f"PRAGMA synchronous={synchronous}")
    except sqlite3.OperationalError as error:
        # Only here: a hook that can use its database does not pay for this.
        from sync_queue.journal import is_refusal, leave_wal  # noqa: PLC0415

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
        _create(connection, path)
    return connection


def _open(path: str, busy_timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
    )


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version that the file carries; 0 for an empty file."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def setup_lock(path: str) -> str:
    """Return the file whose lock is held while the database is made or replaced."""
    return os.path.join(os.path.dirname(path), "setup.lock")


def _create(connection: sqlite3.Connection, path: str) -> None:
    """Make the tables, once, however many processes come first at the same time."""
    from sync_queue.journal import use_wal  # noqa: PLC0415 - as in `connect`

    lock = FileLock(setup_lock(path))
    lock.acquire()
    try:
        use_wal(lambda: _open(path, BUSY_TIMEOUT), BUSY_TIMEOUT)
        connection.execute("BEGIN IMMEDIATE")
        version = schema_version(connection)
        if version < SCHEMA_VERSION:
            for statement in (*_TABLES, *(_FROM_VERSION_1 if version == 1 else ())):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        lock.release()

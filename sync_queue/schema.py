"""Creates and migrates the tables of the queue's database.

persist-queue defines the name, the columns and the states of the table of jobs.
"""

import sqlite3

SCHEMA_VERSION = 3

WAITING_NEW, WAITING, IN_PROGRESS, COMPLETED, FAILED = 0, 1, 2, 5, 9

TABLE = "ack_queue_default"
# persist-queue stores a job as bytes, but SQLite's JSON functions need text.
_JOB = "CAST(data AS TEXT)"
SUBJECT = f"json_extract({_JOB}, '$.job_key')"
TYPE = f"json_extract({_JOB}, '$.update_type')"
# SQLite sorts text after every number, so a job with a text as its due time would never be due.
DUE = (
    f"CASE json_type({_JOB}, '$.next_retry_at') WHEN 'real' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') WHEN 'integer' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') ELSE 0 END"
)
# Legacy jobs are pickles, not JSON, and do not count as waiting until they are imported.
IS_WAITING = f"status < {IN_PROGRESS} AND json_valid({_JOB})"
LAST_ERROR = f"json_extract({_JOB}, '$.last_error_type')"
IS_WAITING_AFTER_ERROR = f"{IS_WAITING} AND {LAST_ERROR} IS NOT NULL"
IS_IN_PROGRESS = f"status = {IN_PROGRESS} AND json_valid({_JOB})"

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
# In schema version 1, `sync_log` had a column `original` instead of the table `originals`. The
# column is not dropped, because an older version's worker may still use it.
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


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, version: int) -> None:
    for statement in (*_TABLES, *(_FROM_VERSION_1 if version == 1 else ())):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

"""The queue's database: what its rows mean.

Questions and tasks read it without persist-queue. A test proves that persist-queue reads exactly
what is written here, and the other way round.
"""

import sqlite3

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


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version that the file carries; 0 for an empty file."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])

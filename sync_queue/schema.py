"""Names columns, states and SQL expressions of the queue's table, which persist-queue defines."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

SCHEMA_VERSION = 3
BUSY_TIMEOUT = 10.0

# persist-queue calls these states `inited`, `ready` and `unack`.
WAITING_NEW, WAITING, IN_PROGRESS = 0, 1, 2

TABLE = "ack_queue_default"
# persist-queue stores bytes, but SQLite's JSON functions need text.
_JOB = "CAST(data AS TEXT)"
SUBJECT = f"json_extract({_JOB}, '$.job_key')"
TYPE = f"json_extract({_JOB}, '$.update_type')"
# A due time that is not a number counts as 0. SQLite sorts text after every number, so a job with
# a text as its due time would never be due.
DUE = (
    f"CASE json_type({_JOB}, '$.next_retry_at') WHEN 'real' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') WHEN 'integer' THEN "
    f"json_extract({_JOB}, '$.next_retry_at') ELSE 0 END"
)
# The table can also contain pickles of older versions, which are not valid JSON.
IS_WAITING = f"status < {IN_PROGRESS} AND json_valid({_JOB})"
LAST_ERROR = f"json_extract({_JOB}, '$.last_error_type')"
IS_WAITING_AFTER_ERROR = f"{IS_WAITING} AND {LAST_ERROR} IS NOT NULL"
IS_IN_PROGRESS = f"status = {IN_PROGRESS} AND json_valid({_JOB})"


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Lock the database, and commit at the end. An inner transaction is part of the outer one."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        yield

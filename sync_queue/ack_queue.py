"""persist-queue's acknowledgement queue with due times, batches and crash-safe endings.

The package owns the table, its states and the serializer. Claims by due time and transactions that
hold more than one change are added here; docs/decisions/persist-queue.md has the reasons.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from persistqueue import SQLiteAckQueue
from persistqueue.serializers import json as json_serializer

from sync_queue.database import connect, tolerant_text
from sync_queue.journal import uses_wal
from sync_queue.models import Claim, JobFormatError, SyncJob
from sync_queue.operations import encode, merge_into_waiting, scene_key
from sync_queue.schema import (
    DUE,
    IN_PROGRESS,
    IS_IN_PROGRESS,
    IS_WAITING,
    IS_WAITING_AFTER_ERROR,
    LAST_ERROR,
    SUBJECT,
    TABLE,
    WAITING,
)

_SELECT_DUE = (
    f"SELECT _id, data FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= ? ORDER BY {DUE}, _id LIMIT ?"
)
_NEXT_DUE = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} ORDER BY {DUE} LIMIT 1"
_SET_DUE = (
    f"UPDATE {TABLE} SET data = CAST(json_set(CAST(data AS TEXT), '$.next_retry_at', 0.0) AS BLOB) "
)
_MAKE_DUE = _SET_DUE + f"WHERE {IS_WAITING} AND {DUE} > ?"
_HURRY = _SET_DUE + f"WHERE _id = ? AND {IS_WAITING}"
_WAITING_WITH_ERROR = (
    f"SELECT _id, data FROM {TABLE} WHERE {IS_WAITING_AFTER_ERROR} AND {LAST_ERROR} = ?"
)
_ANY_WITH_ERROR = (
    f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE {IS_WAITING_AFTER_ERROR} AND {LAST_ERROR} = ?)"
)
_TAKE = f"UPDATE {TABLE} SET status = {IN_PROGRESS} WHERE _id = ?"
_SELECT_TAKEN = f"SELECT _id, data FROM {TABLE} WHERE {IS_IN_PROGRESS} ORDER BY _id"
_DELETE_TAKEN = f"DELETE FROM {TABLE} WHERE _id = ? AND status = {IN_PROGRESS}"
_RETURN = (
    f"UPDATE {TABLE} SET data = ?, status = {WAITING} WHERE _id = ? AND status = {IN_PROGRESS}"
)

_DELETE_WAITING = f"DELETE FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING}"
_RETURN_AS_IT_IS = f"UPDATE {TABLE} SET status = {WAITING} WHERE _id = ?"


# What a bulk of edits makes the write-ahead log grow to is given back with the next check-point.
LARGEST_LOG = 8 * 1024 * 1024  # bytes
CACHE = 256  # KiB: what a batch touches; SQLite's default of 2 MB is most of what a worker gathers


class AckQueue(SQLiteAckQueue):
    """The queue as its one worker sees it.

    Args:
        folder: where `data.db` lies.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, auto_resume=False, serializer=json_serializer)
        self._conn.text_factory = tolerant_text  # which persist-queue has set back

    def _new_db_connection(
        self, path: str, multithreading: bool, timeout: float
    ) -> sqlite3.Connection:
        del multithreading, timeout  # ours: one connection, our busy time-out, explicit commits
        connection = connect(f"{path}/{self.db_file_name}", synchronous="NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={LARGEST_LOG}")
        connection.execute(f"PRAGMA cache_size=-{CACHE}")
        if not uses_wal(connection):  # a rollback journal is safe with all its flushes only
            connection.execute("PRAGMA synchronous=FULL")
        return connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection that the sync log and the dead letters share, for one transaction."""
        connection: sqlite3.Connection = self._conn
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit at the end, undo everything on an exception.

        Inside another transaction of this connection it is a part of that one.
        """
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # autocommit mode: this commits or rolls back what BEGIN has begun
            yield connection

    def claim(self, limit: int, now: float) -> tuple[list[Claim], list[tuple[int, str]]]:
        """Take up to `limit` due jobs, the longest due first.

        Returns:
            The claims, and row id and reason of rows that are no jobs; these are taken as well, so
            that the caller can bury them.
        """
        claims: list[Claim] = []
        unreadable: list[tuple[int, str]] = []
        with self.transaction() as connection:
            for row_id, data in connection.execute(_SELECT_DUE, (now, limit)).fetchall():
                connection.execute(_TAKE, (row_id,))
                try:
                    claims.append(Claim(row_id, SyncJob.parse(data)))
                except JobFormatError as error:
                    unreadable.append((row_id, str(error)))
        return claims, unreadable

    def remove(self, row_ids: Iterable[int]) -> None:
        """Delete claimed rows; a newer job of the same subject is another row and stays."""
        with self.transaction() as connection:
            connection.executemany(_DELETE_TAKEN, [(row_id,) for row_id in row_ids])

    def drop_waiting(self, scene_id: int) -> None:
        """Delete the jobs of a scene that wait, of whatever type."""
        self.connection.execute(_DELETE_WAITING, (scene_key(scene_id),))

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Make claimed jobs wait again, in the state that they carry.

        One whose subject has a newer job waiting is merged into that: the newer one is due now.
        """
        with self.transaction() as connection:
            for claim in claims:
                if _newer_job_waits(connection, claim.job):
                    connection.execute(_DELETE_TAKEN, (claim.row_id,))
                else:
                    connection.execute(_RETURN, (encode(claim.job.as_dict()), claim.row_id))

    def resume(self) -> int:
        """Make the jobs wait again that a dead worker left in progress; return how many.

        To be called by the holder of the worker lock only.
        """
        with self.transaction() as connection:
            taken = connection.execute(_SELECT_TAKEN).fetchall()
            for row_id, data in taken:
                try:
                    self.give_back([Claim(row_id, SyncJob.parse(data))])
                except JobFormatError:
                    connection.execute(_RETURN_AS_IT_IS, (row_id,))
        return len(taken)

    def make_due(self, horizon: float) -> int:
        """Make the waiting jobs due now whose time lies beyond the horizon; return how many."""
        with self.transaction() as connection:
            return connection.execute(_MAKE_DUE, (horizon,)).rowcount

    def waiting_with_error(self, error_type: str) -> list[Claim]:
        """Return the waiting jobs whose last error was of this class; none of them is taken.

        A row that is no job is left out: whoever claims it buries it.
        """
        rows = self.connection.execute(_WAITING_WITH_ERROR, (error_type,)).fetchall()
        return list(_jobs(rows))

    def any_with_error(self, error_type: str) -> bool:
        """Tell whether a job waits whose last error was of this class."""
        return bool(self.connection.execute(_ANY_WITH_ERROR, (error_type,)).fetchone()[0])

    def hurry(self, row_ids: Iterable[int]) -> None:
        """Make these waiting jobs due now."""
        with self.transaction() as connection:
            connection.executemany(_HURRY, [(row_id,) for row_id in row_ids])

    def waiting_among(self, scene_ids: Iterable[int]) -> set[int]:
        """Return those of the scenes that have a job that waits."""
        by_subject = {scene_key(one): one for one in scene_ids}
        places = ", ".join("?" * len(by_subject))
        rows = self.connection.execute(
            f"SELECT DISTINCT {SUBJECT} FROM {TABLE} WHERE {SUBJECT} IN ({places}) "
            f"AND {IS_WAITING}",
            list(by_subject),
        )
        return {by_subject[row[0]] for row in rows}

    def next_due(self) -> float | None:
        """Return when the next waiting job is due, None when none waits."""
        row = self.connection.execute(_NEXT_DUE).fetchone()
        return None if row is None else float(row[0])

    def change_counter(self) -> int:
        """Return a number that differs after another connection has committed.

        It reads shared memory only, so asking it several times a second costs nothing.
        """
        row = self.connection.execute("PRAGMA data_version").fetchone()
        return int(row[0])


def _jobs(rows: Iterable[tuple[int, bytes]]) -> Iterator[Claim]:
    for row_id, data in rows:
        with suppress(JobFormatError):
            yield Claim(row_id, SyncJob.parse(data))


def _newer_job_waits(connection: sqlite3.Connection, job: SyncJob) -> bool:
    fresh = replace(job, next_retry_at=0.0, retry_count=0, last_error_type=None)
    return merge_into_waiting(connection, fresh.as_dict())

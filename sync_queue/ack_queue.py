"""Extends persist-queue by due times and batches (see docs/decisions/persist-queue.md)."""

import sqlite3
from collections.abc import Iterable, Sequence

from persistqueue import SQLiteAckQueue
from persistqueue.serializers import json as json_serializer

from sync_queue.database import connect, tolerant_text, uses_wal
from sync_queue.models import BULK, Claim, JobFormatError, SyncJob, readable_claims
from sync_queue.operations import merge_into_waiting, scene_key
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
    transaction,
)

_DUE_ROWS = f"SELECT _id, data FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= ? ORDER BY"
_SELECT_DUE = f"{_DUE_ROWS} {DUE}, _id LIMIT ?"
_SELECT_DUE_BULK_LAST = f"{_DUE_ROWS} {DUE} = {BULK}, {DUE}, _id LIMIT ?"
_NEXT_DUE = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} ORDER BY {DUE} LIMIT 1"
_SET_DUE = (
    f"UPDATE {TABLE} SET data = CAST(json_set(CAST(data AS TEXT), '$.next_retry_at', 0.0) AS BLOB) "
)
_SELECT_CLAIMED = f"SELECT _id, data FROM {TABLE} WHERE {IS_IN_PROGRESS} ORDER BY _id"
_DELETE_CLAIMED = f"DELETE FROM {TABLE} WHERE _id = ? AND status = {IN_PROGRESS}"
_RELEASE = (
    f"UPDATE {TABLE} SET data = ?, status = {WAITING} WHERE _id = ? AND status = {IN_PROGRESS}"
)

# SQLite truncates a write-ahead log of more than LARGEST_LOG bytes. CACHE is the size of SQLite's
# page cache in KiB. The default of 2 MB would use more memory.
LARGEST_LOG = 8 * 1024 * 1024
CACHE = 256


class AckQueue(SQLiteAckQueue):
    def __init__(self, folder: str) -> None:
        super().__init__(folder, auto_resume=False, serializer=json_serializer)
        # The constructor of persist-queue has reset this attribute.
        self._conn.text_factory = tolerant_text

    def _new_db_connection(
        self, path: str, multithreading: bool, timeout: float
    ) -> sqlite3.Connection:
        del multithreading, timeout
        connection = connect(f"{path}/{self.db_file_name}", synchronous="NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={LARGEST_LOG}")
        connection.execute(f"PRAGMA cache_size=-{CACHE}")
        # A rollback journal is safe only if each commit is flushed to the disk.
        if not uses_wal(connection):
            connection.execute("PRAGMA synchronous=FULL")
        return connection

    @property
    def connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._conn
        return connection

    def claim(
        self, limit: int, now: float, *, bulk_last: bool
    ) -> tuple[list[Claim], list[tuple[int, str]]]:
        """Mark due jobs as in progress, and return these jobs and unreadable rows."""
        claims, unreadable = [], []
        select = _SELECT_DUE_BULK_LAST if bulk_last else _SELECT_DUE
        take = f"UPDATE {TABLE} SET status = {IN_PROGRESS} WHERE _id = ?"
        with transaction(self.connection):
            for row_id, data in self.connection.execute(select, (now, limit)).fetchall():
                self.connection.execute(take, (row_id,))
                try:
                    claims.append(Claim(row_id, SyncJob.parse(data)))
                except JobFormatError as error:
                    unreadable.append((row_id, str(error)))
        return claims, unreadable

    def remove(self, row_ids: Iterable[int]) -> None:
        with transaction(self.connection):
            self.connection.executemany(_DELETE_CLAIMED, [(row_id,) for row_id in row_ids])

    def drop_waiting(self, scene_id: int) -> None:
        statement = f"DELETE FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING}"
        self.connection.execute(statement, (scene_key(scene_id),))

    def release(self, claims: Sequence[Claim]) -> None:
        """Return jobs in progress to the queue, where they are merged with newer jobs."""
        with transaction(self.connection):
            for claim in claims:
                fresh = claim.job.with_fresh_retries()
                if merge_into_waiting(self.connection, fresh):
                    self.connection.execute(_DELETE_CLAIMED, (claim.row_id,))
                else:
                    self.connection.execute(_RELEASE, (claim.job.encoded(), claim.row_id))

    def resume(self) -> int:
        """Return the jobs of a killed worker to the queue. The caller must hold the worker lock."""
        with transaction(self.connection):
            rows = self.connection.execute(_SELECT_CLAIMED).fetchall()
            self.release(list(readable_claims(rows)))
            # The next worker that reads an unreadable row moves it to the dead-letter queue.
            self.connection.execute(f"UPDATE {TABLE} SET status = {WAITING} WHERE {IS_IN_PROGRESS}")
        return len(rows)

    def make_due_after(self, horizon: float) -> int:
        with transaction(self.connection):
            statement = f"{_SET_DUE} WHERE {IS_WAITING} AND {DUE} > ?"
            return self.connection.execute(statement, (horizon,)).rowcount

    def make_due_now(self, row_ids: Iterable[int]) -> None:
        with transaction(self.connection):
            self.connection.executemany(
                f"{_SET_DUE} WHERE _id = ? AND {IS_WAITING}", [(row_id,) for row_id in row_ids]
            )

    def waiting_with_error(self, error_type: str) -> list[Claim]:
        which = f"{IS_WAITING_AFTER_ERROR} AND {LAST_ERROR} = ?"
        statement = f"SELECT _id, data FROM {TABLE} WHERE {which}"
        return list(readable_claims(self.connection.execute(statement, (error_type,))))

    def next_due(self) -> float | None:
        row = self.connection.execute(_NEXT_DUE).fetchone()
        return None if row is None else float(row[0])

    def change_counter(self) -> int:
        """Return a number that changes with each commit of another connection."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

"""Extends persist-queue's acknowledgement queue by due times, batches and larger transactions.

persist-queue owns the table, its states and the serializer; docs/decisions/persist-queue.md has the
reasons for the extension.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from persistqueue import SQLiteAckQueue
from persistqueue.serializers import json as json_serializer

from sync_queue.database import connect, tolerant_text, uses_wal
from sync_queue.models import Claim, JobFormatError, SyncJob, readable_claims
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
    transaction,
)

_SELECT_DUE = (
    f"SELECT _id, data FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= ? ORDER BY {DUE}, _id LIMIT ?"
)
_NEXT_DUE = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} ORDER BY {DUE} LIMIT 1"
_SET_DUE = (
    f"UPDATE {TABLE} SET data = CAST(json_set(CAST(data AS TEXT), '$.next_retry_at', 0.0) AS BLOB) "
)
_WITH_ERROR = f"FROM {TABLE} WHERE {IS_WAITING_AFTER_ERROR} AND {LAST_ERROR} = ?"
_SELECT_TAKEN = f"SELECT _id, data FROM {TABLE} WHERE {IS_IN_PROGRESS} ORDER BY _id"
_DELETE_TAKEN = f"DELETE FROM {TABLE} WHERE _id = ? AND status = {IN_PROGRESS}"
_RETURN = (
    f"UPDATE {TABLE} SET data = ?, status = {WAITING} WHERE _id = ? AND status = {IN_PROGRESS}"
)

LARGEST_LOG = 8 * 1024 * 1024  # bytes; a checkpoint truncates a larger write-ahead log
CACHE = 256  # KiB: enough for a batch; SQLite's default of 2 MB would dominate a worker's memory


class AckQueue(SQLiteAckQueue):
    """The table of jobs in `data.db`, as the worker uses it."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, auto_resume=False, serializer=json_serializer)
        self._conn.text_factory = tolerant_text  # persist-queue replaced it

    def _new_db_connection(
        self, path: str, multithreading: bool, timeout: float
    ) -> sqlite3.Connection:
        del multithreading, timeout  # one connection, its own busy time-out, explicit commits
        connection = connect(f"{path}/{self.db_file_name}", synchronous="NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={LARGEST_LOG}")
        connection.execute(f"PRAGMA cache_size=-{CACHE}")
        if not uses_wal(connection):  # a rollback journal is safe only with every flush
            connection.execute("PRAGMA synchronous=FULL")
        return connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection that all tables share, so that one transaction can change several."""
        connection: sqlite3.Connection = self._conn
        return connection

    def claim(self, limit: int, now: float) -> tuple[list[Claim], list[tuple[int, str]]]:
        """Claim up to `limit` due jobs, the longest due first.

        Unreadable rows are claimed too; their ids and errors are returned beside the claims.
        """
        claims: list[Claim] = []
        unreadable: list[tuple[int, str]] = []
        take = f"UPDATE {TABLE} SET status = {IN_PROGRESS} WHERE _id = ?"
        with transaction(self.connection):
            for row_id, data in self.connection.execute(_SELECT_DUE, (now, limit)).fetchall():
                self.connection.execute(take, (row_id,))
                try:
                    claims.append(Claim(row_id, SyncJob.parse(data)))
                except JobFormatError as error:
                    unreadable.append((row_id, str(error)))
        return claims, unreadable

    def remove(self, row_ids: Iterable[int]) -> None:
        """Delete claimed rows; a newer job of the same subject has its own row and stays."""
        with transaction(self.connection):
            self.connection.executemany(_DELETE_TAKEN, [(row_id,) for row_id in row_ids])

    def drop_waiting(self, scene_id: int) -> None:
        """Delete the waiting jobs of a scene, of every type."""
        statement = f"DELETE FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING}"
        self.connection.execute(statement, (scene_key(scene_id),))

    def release(self, claims: Sequence[Claim]) -> None:
        """Make claimed jobs wait again, with the retry state of each claim.

        A job whose subject has a newer waiting job is merged into it, and that job is due now.
        """
        with transaction(self.connection):
            for claim in claims:
                fresh = claim.job.with_fresh_retries().as_dict()
                if merge_into_waiting(self.connection, fresh):
                    self.connection.execute(_DELETE_TAKEN, (claim.row_id,))
                else:
                    row = (encode(claim.job.as_dict()), claim.row_id)
                    self.connection.execute(_RETURN, row)

    def resume(self) -> int:
        """Release the jobs that a dead worker left in progress; return how many.

        Only the holder of the worker lock may call it.
        """
        with transaction(self.connection):
            taken = self.connection.execute(_SELECT_TAKEN).fetchall()
            self.release(list(readable_claims(taken)))
            # An unreadable row is dead-lettered when it is claimed.
            self.connection.execute(f"UPDATE {TABLE} SET status = {WAITING} WHERE {IS_IN_PROGRESS}")
        return len(taken)

    def make_due_after(self, horizon: float) -> int:
        """Make due now the waiting jobs that are due after `horizon`; return how many."""
        with transaction(self.connection):
            statement = f"{_SET_DUE} WHERE {IS_WAITING} AND {DUE} > ?"
            return self.connection.execute(statement, (horizon,)).rowcount

    def make_due_now(self, row_ids: Iterable[int]) -> None:
        """Make these jobs due now, if they wait."""
        with transaction(self.connection):
            self.connection.executemany(
                f"{_SET_DUE} WHERE _id = ? AND {IS_WAITING}", [(row_id,) for row_id in row_ids]
            )

    def waiting_with_error(self, error_type: str) -> list[Claim]:
        """Return, unclaimed, the readable waiting jobs whose last error was of this class."""
        rows = self.connection.execute(f"SELECT _id, data {_WITH_ERROR}", (error_type,))
        return list(readable_claims(rows))

    def any_with_error(self, error_type: str) -> bool:
        """Tell whether the last error of any waiting job was of this class."""
        statement = f"SELECT EXISTS (SELECT 1 {_WITH_ERROR})"
        return bool(self.connection.execute(statement, (error_type,)).fetchone()[0])

    def waiting_among(self, scene_ids: Iterable[int]) -> set[int]:
        """Return the scenes among these that have a waiting job."""
        by_subject = {scene_key(scene_id): scene_id for scene_id in scene_ids}
        rows = self.connection.execute(
            f"SELECT DISTINCT {SUBJECT} FROM {TABLE} "
            f"WHERE {SUBJECT} IN (SELECT value FROM json_each(?)) AND {IS_WAITING}",
            (json.dumps(list(by_subject)),),
        )
        return {by_subject[row[0]] for row in rows}

    def next_due(self) -> float | None:
        """Return when the next waiting job is due; None when no job waits."""
        row = self.connection.execute(_NEXT_DUE).fetchone()
        return None if row is None else float(row[0])

    def change_counter(self) -> int:
        """Return a number that changes when another connection commits; reads no disk."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

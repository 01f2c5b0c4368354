import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from persistqueue import SQLiteAckQueue
from persistqueue.serializers import json as json_serializer

from shared.events import Report
from shared.sqlite import tolerant_text, uses_wal
from sync_queue import operations
from sync_queue.database import connect, transaction
from sync_queue.dlq import DeadLetter, Failure
from sync_queue.models import (
    BULK,
    MISSING_SINCE,
    TRY_REFUSED,
    Claim,
    JobFormatError,
    SyncJob,
    readable_claims,
)
from sync_queue.quarantine import REBUILT_MARKER
from sync_queue.queue_view import QueueView
from sync_queue.schema import (
    DUE,
    IN_PROGRESS,
    IS_IN_PROGRESS,
    IS_WAITING,
    SUBJECT,
    TABLE,
    WAITING,
)
from sync_queue.spool_import import Spool

_DUE_ROWS = f"SELECT _id, data FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= ? ORDER BY"
_SELECT_DUE = f"{_DUE_ROWS} {DUE}, _id LIMIT ?"
_SELECT_DUE_BULK_LAST = f"{_DUE_ROWS} {DUE} = {BULK}, {DUE}, _id LIMIT ?"
_SET_DUE = (
    f"UPDATE {TABLE} SET data = CAST(json_set(CAST(data AS TEXT), '$.next_retry_at', 0.0) AS BLOB) "
)
_SELECT_CLAIMED = f"SELECT _id, data FROM {TABLE} WHERE {IS_IN_PROGRESS} ORDER BY _id"
_CLAIM = f"UPDATE {TABLE} SET status = {IN_PROGRESS} WHERE _id = ?"
_DELETE_CLAIMED = f"DELETE FROM {TABLE} WHERE _id = ? AND status = {IN_PROGRESS}"
_RELEASE = (
    f"UPDATE {TABLE} SET data = ?, status = {WAITING} WHERE _id = ? AND status = {IN_PROGRESS}"
)

LARGEST_LOG_BYTES = 8 * 1024 * 1024
PAGE_CACHE_KIB = 256


class AckQueue(SQLiteAckQueue):
    def _new_db_connection(
        self, path: str, multithreading: bool, timeout: float
    ) -> sqlite3.Connection:
        del multithreading, timeout
        connection = connect(f"{path}/{self.db_file_name}", synchronous="NORMAL")
        self.connection = connection
        connection.execute(f"PRAGMA journal_size_limit={LARGEST_LOG_BYTES}")
        connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        # Without a write-ahead log, a power cut may damage the database if `synchronous` is NORMAL.
        if not uses_wal(connection):
            connection.execute("PRAGMA synchronous=FULL")
        return connection


class QueueManager(QueueView):
    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._store = AckQueue(folder, auto_resume=False, serializer=json_serializer)
        super().__init__(self._store.connection, folder, clock)
        # persist-queue sets `text_factory` to `str`, which raises an error for invalid UTF-8.
        self.connection.text_factory = tolerant_text
        self._rebuilt_marker = os.path.join(folder, REBUILT_MARKER)
        self.spool = Spool(folder)

    def close(self) -> None:
        self._store.close()

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self.connection)

    def enqueue(self, jobs: Iterable[SyncJob]) -> tuple[int, int]:
        before = self.connection.execute("PRAGMA synchronous").fetchone()[0]
        self.connection.execute("PRAGMA synchronous=FULL")
        try:
            with self.transaction():
                self.spool.mark_unfinished()
                return operations.enqueue(self.connection, jobs, self.clock())
        finally:
            self.connection.execute(f"PRAGMA synchronous={before}")

    def claim(self, limit: int, *, bulk_last: bool = False) -> list[Claim]:
        claims, now = [], self.clock()
        select = _SELECT_DUE_BULK_LAST if bulk_last else _SELECT_DUE
        with self.transaction():
            for row_id, data in self.connection.execute(select, (now, limit)).fetchall():
                self.connection.execute(_CLAIM, (row_id,))
                try:
                    claims.append(Claim(row_id, SyncJob.parse(data)))
                except JobFormatError as error:
                    failure = Failure("UnreadableJob", str(error))
                    self.connection.execute(_DELETE_CLAIMED, (row_id,))
                    self.dead_letters.add(SyncJob(str(row_id)), failure, now)
        return claims

    def ack(self, claims: Sequence[Claim], *, succeeded: bool = True) -> None:
        with self.transaction():
            self.connection.executemany(_DELETE_CLAIMED, [(claim.row_id,) for claim in claims])
            for scene_id in {claim.job.scene_id for claim in claims if succeeded}:
                if scene_id is not None:
                    self.dead_letters.forget_scene(scene_id)

    def replace(self, claims: Sequence[Claim], jobs: Iterable[SyncJob]) -> None:
        with self.transaction():
            self.ack(claims, succeeded=False)
            operations.enqueue(self.connection, jobs, self.clock())

    def release(self, claims: Sequence[Claim]) -> None:
        with self.transaction():
            for claim in claims:
                fresh = claim.job.with_fresh_retries()
                if operations.merge_into_waiting(self.connection, fresh):
                    self.connection.execute(_DELETE_CLAIMED, (claim.row_id,))
                else:
                    self.connection.execute(_RELEASE, (claim.job.encoded(), claim.row_id))

    def resume(self) -> int:
        """Return the jobs of a killed worker to the queue. The caller must hold the worker lock."""
        self.spool.mark_unfinished()
        with self.transaction():
            rows = self.connection.execute(_SELECT_CLAIMED).fetchall()
            self.release(list(readable_claims(rows)))
            # Also return jobs that cannot be parsed, so that `claim` dead-letters them.
            self.connection.execute(f"UPDATE {TABLE} SET status = {WAITING} WHERE {IS_IN_PROGRESS}")
        return len(rows)

    def forget_scenes(self, scene_ids: Iterable[int]) -> None:
        statement = f"DELETE FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING}"
        with self.transaction():
            for scene_id in scene_ids:
                self.sync_log.forget_scene(scene_id)
                self.dead_letters.forget_scene(scene_id)
                self.connection.execute(statement, (operations.scene_key(scene_id),))

    def dead_letter(self, claim: Claim, failure: Failure) -> None:
        with self.transaction():
            self.connection.execute(_DELETE_CLAIMED, (claim.row_id,))
            if claim.job.scene_id is not None:
                # A changed cover can keep its time stamp, so the next sync compares the images.
                self.sync_log.mark_unsynced(claim.job.scene_id)
            self.dead_letters.add(claim.job, failure, self.clock())

    def requeue(self, letter: DeadLetter) -> bool:
        if letter.job is None:
            return False
        now = self.clock()
        data = {key: value for key, value in letter.job.data.items() if key != MISSING_SINCE}
        fresh = replace(letter.job.with_fresh_retries(), data={**data, TRY_REFUSED: now})
        with self.transaction():
            if not self.dead_letters.remove(letter.id):
                return False
            self.spool.mark_unfinished()
            operations.put(self.connection, fresh, now)
        return True

    def import_spool(self, report: Report) -> int:
        return self.spool.move(self.enqueue, report)

    def cap_waits(self, longest_wait: float) -> int:
        """Make jobs due now if they would have to wait longer than `longest_wait` seconds.

        After the clock was set back, due times can be far in the future.
        """
        statement = f"{_SET_DUE} WHERE {IS_WAITING} AND {DUE} > ?"
        with self.transaction():
            return self.connection.execute(statement, (self.clock() + longest_wait,)).rowcount

    def make_due_now(self, row_ids: Iterable[int]) -> None:
        statement = f"{_SET_DUE} WHERE _id = ? AND {IS_WAITING}"
        with self.transaction():
            self.connection.executemany(statement, [(row_id,) for row_id in row_ids])

    def change_counter(self) -> int:
        """Return a number that changes with each commit of another connection."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def has_unfinished(self) -> bool:
        return not self.spool.is_empty() or operations.has_unfinished(self.connection)

    def note_finished(self) -> None:
        """If no job is left, remove the marker file that makes every hook start a worker."""
        with contextlib.suppress(sqlite3.OperationalError), self.transaction():
            if not operations.has_unfinished(self.connection):
                self.spool.mark_finished()

    def was_rebuilt(self) -> bool:
        return os.path.exists(self._rebuilt_marker)

    def clear_rebuilt_marker(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._rebuilt_marker)

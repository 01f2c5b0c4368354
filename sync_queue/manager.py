import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from shared.events import Report
from sync_queue import operations
from sync_queue.ack_queue import AckQueue
from sync_queue.dlq import DeadLetter, Failure
from sync_queue.models import MISSING_SINCE, TRY_REFUSED, Claim, SyncJob
from sync_queue.quarantine import REBUILT_MARKER
from sync_queue.queue_view import QueueView
from sync_queue.schema import transaction
from sync_queue.spool_import import Spool


class QueueManager(QueueView):
    """Changes several tables in one transaction. An `sqlite3.Error` leaves all tables unchanged."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self.jobs = AckQueue(folder)
        super().__init__(self.jobs.connection, folder, clock)
        self._rebuilt_marker = os.path.join(folder, REBUILT_MARKER)
        self.spool = Spool(folder)

    def close(self) -> None:
        self.jobs.close()

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection)

    def enqueue(self, jobs: Iterable[SyncJob]) -> tuple[int, int]:
        before = self._connection.execute("PRAGMA synchronous").fetchone()[0]
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            with self.transaction():
                self.spool.mark_unfinished()
                return operations.enqueue(self._connection, jobs, self.clock())
        finally:
            self._connection.execute(f"PRAGMA synchronous={before}")

    def claim(self, limit: int, *, bulk_last: bool = False) -> list[Claim]:
        """Mark due jobs as in progress. With `bulk_last`, new jobs of a bulk sync come last."""
        now = self.clock()
        claims, unreadable = self.jobs.claim(limit, now, bulk_last=bulk_last)
        for row_id, reason in unreadable:
            with self.transaction():
                self.jobs.remove([row_id])
                self.dead_letters.add(SyncJob(str(row_id)), Failure("UnreadableJob", reason), now)
        return claims

    def ack(self, claims: Sequence[Claim], *, healthy: bool = True) -> None:
        """Remove processed jobs. If they succeeded (`healthy`), remove their dead letters, too."""
        with self.transaction():
            self.jobs.remove(claim.row_id for claim in claims)
            for scene_id in {claim.job.scene_id for claim in claims if healthy}:
                if scene_id is not None:
                    self.dead_letters.forget_scene(scene_id)

    def replace(self, claims: Sequence[Claim], jobs: Iterable[SyncJob]) -> None:
        with self.transaction():
            self.ack(claims, healthy=False)
            operations.enqueue(self._connection, jobs, self.clock())

    def forget_scenes(self, scene_ids: Iterable[int]) -> None:
        with self.transaction():
            for scene_id in scene_ids:
                self.sync_log.forget_scene(scene_id)
                self.dead_letters.forget_scene(scene_id)
                self.jobs.drop_waiting(scene_id)

    def dead_letter(self, claim: Claim, failure: Failure) -> None:
        with self.transaction():
            self.jobs.remove([claim.row_id])
            if claim.job.scene_id is not None:
                # The next sync compares all images of an unsynced scene. A comparison of time
                # stamps could miss a new cover, because edits within a second have the same time
                # stamp.
                self.sync_log.mark_unsynced(claim.job.scene_id)
            self.dead_letters.add(claim.job, failure, self.clock())

    def requeue(self, letter: DeadLetter) -> bool:
        """Queue a dead letter's job, and remove the letter. Return False if this is impossible."""
        if letter.job is None:
            return False
        now = self.clock()
        data = {key: value for key, value in letter.job.data.items() if key != MISSING_SINCE}
        fresh = replace(letter.job.with_fresh_retries(), data={**data, TRY_REFUSED: now})
        with self.transaction():
            if not self.dead_letters.remove(letter.id):
                return False
            self.spool.mark_unfinished()
            operations.put(self._connection, fresh, now)
        return True

    def clear_waiting(self) -> int:
        return operations.clear_pending_items(self._connection)

    def resume(self) -> int:
        self.spool.mark_unfinished()
        return self.jobs.resume()

    def import_spool(self, report: Report) -> int:
        return self.spool.move(self.enqueue, report)

    def cap_waits(self, longest_wait: float) -> int:
        """End waits of more than `longest_wait` seconds, which arise if the clock is set back."""
        return self.jobs.make_due_after(self.clock() + longest_wait)

    def has_unfinished(self) -> bool:
        return not self.spool.is_empty() or operations.has_unfinished(self._connection)

    def note_finished(self) -> None:
        """If no job is left, remove the marker file that makes every hook start a worker."""
        # If another process locks the database, a later call removes the marker file.
        with contextlib.suppress(sqlite3.OperationalError), self.transaction():
            if not operations.has_unfinished(self._connection):
                self.spool.mark_finished()

    def queued_scene_ids(self) -> set[int]:
        return operations.get_queued_scene_ids(self._connection)

    def was_rebuilt(self) -> bool:
        return os.path.exists(self._rebuilt_marker)

    def clear_rebuilt_marker(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._rebuilt_marker)

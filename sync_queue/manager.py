"""The plugin's durable state: queue, dead letters and sync log in one database."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from shared.events import Report
from sync_queue import operations
from sync_queue.ack_queue import AckQueue
from sync_queue.dlq import DeadLetter, Failure
from sync_queue.entity_log import EntityLog
from sync_queue.models import MISSING_SINCE, TRY_REFUSED, Claim, SyncJob
from sync_queue.quarantine import REBUILT_MARKER
from sync_queue.queue_view import QueueView
from sync_queue.spool_import import Spool
from sync_queue.sync_log import SyncLog

_UNREADABLE = "UnreadableJob"


class QueueManager:
    """Gives access to all tables; its own methods change several of them in one transaction.

    All methods raise sqlite3.Error if the database is not usable; then the call stored nothing.
    """

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._rebuilt_marker = os.path.join(folder, REBUILT_MARKER)
        self.jobs = AckQueue(folder)
        self._connection = self.jobs.connection
        self.spool = Spool(folder)
        self.sync_log = SyncLog(self._connection)
        self.entity_log = EntityLog(self._connection)
        self.view = QueueView(self._connection, folder, self.clock)
        self.dead_letters = self.view.dead_letters
        self.gaps = self.view.gaps

    def close(self) -> None:
        """Close the database."""
        self.jobs.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside at once."""
        with self.jobs.transaction():
            yield

    def enqueue(self, jobs: Iterable[dict[str, Any]]) -> tuple[int, int]:
        """Store jobs so that they survive a power cut; return the numbers of new and merged jobs.

        A job is merged into the waiting job of its subject and type, if there is one.
        """
        before = self._connection.execute("PRAGMA synchronous").fetchone()[0]
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            with self.jobs.transaction():
                self.spool.mark_unfinished()
                are_new = [operations.put(self._connection, job, self.clock()) for job in jobs]
            return sum(are_new), len(are_new) - sum(are_new)
        finally:
            self._connection.execute(f"PRAGMA synchronous={before}")

    def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` due jobs; unreadable rows become dead letters."""
        now = self.clock()
        claims, unreadable = self.jobs.claim(limit, now)
        for row_id, reason in unreadable:
            with self.jobs.transaction():
                self.jobs.remove([row_id])
                nameless = SyncJob(job_id=str(row_id), job_key="", update_type="")
                self.dead_letters.add(nameless, Failure(_UNREADABLE, reason), now)
        return claims

    def ack(self, claims: Sequence[Claim], *, healthy: bool = True) -> None:
        """Remove jobs whose effect is in Plex; `healthy` removes the scenes' dead letters as well.

        A newer edit of the same scene has its own row and stays.
        """
        with self.jobs.transaction():
            self.jobs.remove(claim.row_id for claim in claims)
            if healthy:
                for scene_id in {c.job.scene_id for c in claims if c.job.scene_id is not None}:
                    self.dead_letters.forget_scene(scene_id)

    def replace(self, claims: Sequence[Claim], jobs: Iterable[dict[str, Any]]) -> None:
        """Remove finished jobs and queue their follow-up jobs, in one transaction."""
        with self.jobs.transaction() as connection:
            self.ack(claims, healthy=False)
            for job in jobs:
                operations.put(connection, job, self.clock())

    def forget_scenes(self, scene_ids: Iterable[int]) -> None:
        """Remove waiting jobs, dead letters and sync log of scenes that are deleted in Stash.

        Stash never reuses an id.
        """
        with self.jobs.transaction():
            for scene_id in scene_ids:
                self.sync_log.forget_scene(scene_id)
                self.dead_letters.forget_scene(scene_id)
                self.jobs.drop_waiting(scene_id)

    def dead_letter(self, claim: Claim, failure: Failure) -> None:
        """Move a job to the dead letters and mark its scene as unsynced.

        Without the mark a missing part, such as the cover, would not show: Stash's time stamps have
        whole seconds, and the content may be in step.
        """
        with self.jobs.transaction():
            self.jobs.remove([claim.row_id])
            if claim.job.scene_id is not None:
                self.sync_log.mark_unsynced(claim.job.scene_id)
            self.dead_letters.add(claim.job, failure, self.clock())

    def requeue(self, letter: DeadLetter) -> bool:
        """Queue a dead letter's job with fresh retries, and remove the letter, in one transaction.

        Return False if another process removed the letter, or it holds no job.
        """
        if letter.job is None:
            return False
        fresh = replace(letter.job, retry_count=0, next_retry_at=0.0, last_error_type=None)
        data = {k: v for k, v in fresh.data.items() if k != MISSING_SINCE}
        fresh = replace(fresh, data={**data, TRY_REFUSED: self.clock()})
        with self.jobs.transaction() as connection:
            if not self.dead_letters.remove(letter.id):
                return False
            self.spool.mark_unfinished()
            operations.put(connection, fresh.as_dict(), self.clock())
        return True

    def clear_waiting(self) -> int:
        """Remove the waiting jobs and return how many; jobs in the spool and in progress stay."""
        return operations.clear_pending_items(self._connection)

    def resume(self) -> int:
        """Release the jobs of a dead worker; only the holder of the worker lock may call it."""
        self.spool.mark_unfinished()
        return self.jobs.resume()

    def import_spool(self, report: Report) -> int:
        """Move the jobs of hooks from the spool into the database; return how many.

        Each file without a job is reported. Raise OSError if the spool cannot be locked.
        """
        return self.spool.move(self.enqueue, report)

    def cap_waits(self, longest_wait: float) -> int:
        """Make due now every job that waits longer than `longest_wait`; return how many.

        Such due times remain after the clock was set back.
        """
        return self.jobs.make_due_after(self.clock() + longest_wait)

    def has_unfinished(self) -> bool:
        """Tell whether a job waits in the database or the spool, or is in progress."""
        return not self.spool.is_empty() or operations.has_unfinished(self._connection)

    def note_finished(self) -> None:
        """If no job is left, record it: then an event without a job does not start a worker."""
        with (
            contextlib.suppress(sqlite3.OperationalError),  # while another process writes
            self.jobs.transaction() as connection,
        ):
            if not operations.has_unfinished(connection):
                self.spool.mark_finished()

    def stats(self) -> dict[str, int]:
        """Return the counts of jobs: `pending`, `retrying`, `in_progress`."""
        return self.view.stats()

    def waiting(self) -> int:
        """Return how many jobs wait or are in progress."""
        return sum(self.stats().values())

    def queued_scene_ids(self) -> set[int]:
        """Return the scenes that have a waiting job."""
        return operations.get_queued_scene_ids(self._connection)

    def was_rebuilt(self) -> bool:
        """Tell whether jobs were lost with a damaged database and not looked for since."""
        return os.path.exists(self._rebuilt_marker)

    def clear_rebuilt_marker(self) -> None:
        """Record that a reconciliation has looked for the jobs lost with a damaged database."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._rebuilt_marker)

"""The durable state as one thing: queue, dead letters and sync log in one database."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from shared.events import Report
from sync_queue import operations
from sync_queue.ack_queue import AckQueue
from sync_queue.dlq import DeadLetter, Failure
from sync_queue.entity_log import EntityLog
from sync_queue.journal import uses_wal
from sync_queue.models import MISSING_SINCE, TRY_REFUSED, Claim, SyncJob
from sync_queue.queue_view import QueueView
from sync_queue.rescue import REBUILT_MARKER
from sync_queue.spool_import import Spool
from sync_queue.sync_log import SyncLog

_UNREADABLE = "UnreadableJob"


class QueueManager:
    """Every change of a job and what it means for the other tables, as one transaction each.

    Args:
        folder: where the database lies.
        clock: seconds since the epoch.

    Raises (all methods):
        sqlite3.Error: the database cannot be used; nothing of the call was stored.
    """

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._folder = folder
        self._queue = AckQueue(folder)
        self.spool = Spool(folder)
        self.sync_log = SyncLog(self._queue.connection)
        self.entity_log = EntityLog(self._queue.connection)
        self.view = QueueView(self._queue.connection, folder, self.clock)
        self.dead_letters = self.view.dead_letters
        self.gaps = self.view.gaps

    def close(self) -> None:
        """Close the database."""
        self._queue.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection to the database, for those that read more of it (`sync_queue.glance`)."""
        return self._queue.connection

    def uses_wal(self) -> bool:
        """Tell whether the file system lets the database have a write-ahead log."""
        return uses_wal(self._queue.connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one commit."""
        with self._queue.transaction():
            yield

    def enqueue(self, jobs: Iterable[dict[str, Any]]) -> tuple[int, int]:
        """Put jobs into the queue durably; return how many are new and how many merged."""
        connection = self._queue.connection
        before = connection.execute("PRAGMA synchronous").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        try:
            with self._queue.transaction():
                self.spool.mark_unfinished()
                are_new = [operations.put(connection, job, self.clock()) for job in jobs]
            return sum(are_new), len(are_new) - sum(are_new)
        finally:
            connection.execute(f"PRAGMA synchronous={before}")

    def claim(self, limit: int) -> list[Claim]:
        """Take up to `limit` due jobs; rows that are no jobs become dead letters."""
        now = self.clock()
        claims, unreadable = self._queue.claim(limit, now)
        for row_id, reason in unreadable:
            with self._queue.transaction():
                self._queue.remove([row_id])
                nameless = SyncJob(job_id=str(row_id), job_key="", update_type="")
                self.dead_letters.add(nameless, Failure(_UNREADABLE, reason), now)
        return claims

    def finish(self, claims: Sequence[Claim], *, healthy: bool = True) -> None:
        """Remove jobs whose effect is in Plex; `healthy` drops the scene's dead letters as well.

        An edit that came in meanwhile is a row of its own and stays.
        """
        with self._queue.transaction():
            self._queue.remove(claim.row_id for claim in claims)
            if healthy:
                for scene_id in {c.job.scene_id for c in claims if c.job.scene_id is not None}:
                    self.dead_letters.forget_scene(scene_id)

    def replace(self, claims: Sequence[Claim], jobs: Iterable[dict[str, Any]]) -> None:
        """Remove jobs that are done and queue those that follow from them, in one transaction."""
        with self._queue.transaction() as connection:
            self.finish(claims, healthy=False)
            for job in jobs:
                operations.put(connection, job, self.clock())

    def forget_scenes(self, scene_ids: Iterable[int]) -> None:
        """Drop all of scenes that are gone from Stash: waiting jobs, letters, what they were sent.

        Stash gives no id a second time.
        """
        with self._queue.transaction():
            for one in scene_ids:
                self.sync_log.forget_scene(one)
                self.dead_letters.forget_scene(one)
                self._queue.drop_waiting(one)

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Make claimed jobs wait again, in the state that they carry."""
        self._queue.give_back(claims)

    def bury(self, claim: Claim, failure: Failure) -> None:
        """Move a job to the dead letters.

        Its scene is out of step then, whatever it was before: Stash's time stamps, of whole
        seconds, and the content need not show what is missing, a cover for instance.
        """
        with self._queue.transaction():
            self._queue.remove([claim.row_id])
            if claim.job.scene_id is not None:
                self.sync_log.doubt_scene(claim.job.scene_id)
            self.dead_letters.add(claim.job, failure, self.clock())

    def revive(self, letter: DeadLetter) -> bool:
        """Queue a dead letter's job afresh and remove the letter, in one transaction.

        Returns:
            False when the letter is gone by now, or holds no job.
        """
        if letter.job is None:
            return False
        fresh = replace(letter.job, retry_count=0, next_retry_at=0.0, last_error_type=None)
        data = {k: v for k, v in fresh.data.items() if k != MISSING_SINCE}
        fresh = replace(fresh, data={**data, TRY_REFUSED: self.clock()})
        with self._queue.transaction() as connection:
            if not self.dead_letters.remove(letter.id):
                return False
            self.spool.mark_unfinished()
            operations.put(connection, fresh.as_dict(), self.clock())
        return True

    def clear_waiting(self) -> int:
        """Remove the jobs that wait; return how many. Those in progress stay.

        Jobs of the spool are removed as well once they are imported.
        """
        return operations.clear_pending_items(self._queue.connection)

    def waiting_with_error(self, error_type: str) -> list[Claim]:
        """Return the waiting jobs whose last error was of this class, unclaimed."""
        return self._queue.waiting_with_error(error_type)

    def any_with_error(self, error_type: str) -> bool:
        """Tell whether a job waits whose last error was of this class."""
        return self._queue.any_with_error(error_type)

    def hurry(self, row_ids: Sequence[int]) -> None:
        """Make these waiting jobs due now."""
        self._queue.hurry(row_ids)

    def resume(self) -> int:
        """Make the jobs of a dead worker wait again; for the holder of the worker lock only."""
        self.spool.mark_unfinished()
        return self._queue.resume()

    def import_spool(self, report: Report) -> int:
        """Move the jobs of hooks from the spool into the database; return how many.

        Args:
            report: gets an event, once, about a file that holds no job.

        Raises:
            OSError: the spool cannot be locked.
        """
        return self.spool.move(self.enqueue, report)

    def make_due(self, longest_wait: float) -> int:
        """Make the jobs due whose time lies further ahead than any back-off; return how many.

        A clock that was set back leaves such times behind.
        """
        return self._queue.make_due(self.clock() + longest_wait)

    def has_unfinished(self) -> bool:
        """Tell whether any job waits, in the database or in the spool, or is in progress."""
        return not self.spool.is_empty() or operations.has_unfinished(self._queue.connection)

    def note_finished(self) -> None:
        """Note that no job is left, if that is so; then only an event with a job wakes a worker."""
        with (
            contextlib.suppress(sqlite3.OperationalError),  # the note stays while others write
            self._queue.transaction() as connection,
        ):
            if not operations.has_unfinished(connection):
                self.spool.mark_finished()

    def next_due(self) -> float | None:
        """Return when the next waiting job is due, None when none waits."""
        return self._queue.next_due()

    def change_counter(self) -> int:
        """Return a number that differs after another process has changed the database."""
        return self._queue.change_counter()

    def stats(self) -> dict[str, int]:
        """Return the counts of jobs: `pending`, `retrying`, `in_progress`."""
        return self.view.stats()

    def waiting(self) -> int:
        """Return how many jobs wait or are in progress."""
        return sum(self.stats().values())

    def was_rebuilt(self) -> bool:
        """Tell whether a damaged database was set aside, and what waited in it is still lost."""
        return os.path.exists(os.path.join(self._folder, REBUILT_MARKER))

    def rebuild_is_made_good(self) -> None:
        """Note that what was lost with a damaged database has been looked for."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, REBUILT_MARKER))

    def waiting_among(self, scene_ids: Collection[int]) -> set[int]:
        """Return those of the scenes that have a job that waits."""
        return self._queue.waiting_among(scene_ids)

    def queued_scene_ids(self) -> set[int]:
        """Return the ids of the scenes with a job that waits."""
        return operations.get_queued_scene_ids(self._queue.connection)

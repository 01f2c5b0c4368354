"""What waits, what is dead, what is on its way: for whoever only asks.

It needs no persist-queue, so that an answer does not wait for what only a worker uses.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sync_queue import operations
from sync_queue.dlq import DeadLetterQueue
from sync_queue.gap_store import GapStore
from sync_queue.glance import Glance
from sync_queue.models import JobFormatError, SyncJob
from sync_queue.operations import scene_key
from sync_queue.schema import DUE, IN_PROGRESS, IS_IN_PROGRESS, IS_WAITING, SUBJECT, TABLE, TYPE
from sync_queue.spool_import import read_spool

_NEXT_TRY = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} AND {DUE} > ? ORDER BY {DUE} LIMIT 1"
# Two statements, for each has an index of its own.
_OF_SUBJECT = (
    f"SELECT data, status FROM {TABLE} WHERE {IS_IN_PROGRESS} AND {SUBJECT} = ?",
    f"SELECT data, status FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING} ORDER BY _id",
)
_WAITING_AMONG = (
    f"SELECT DISTINCT {SUBJECT}, {TYPE} FROM {TABLE} "
    f"WHERE {SUBJECT} IN (SELECT value FROM json_each(?)) AND {IS_WAITING}"
)


class JobState(Enum):
    """Where a job is."""

    WAITING = "waiting"
    IN_PROGRESS = "in_progress"
    SPOOLED = "spooled"  # a hook stored it; the worker imports it


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that is not done, and where it is."""

    job: SyncJob
    state: JobState


class QueueView:
    """The queue as seen by somebody who changes nothing.

    Args:
        connection: on the database.
        folder: where the database lies.
        clock: seconds since the epoch.

    Raises (all methods):
        sqlite3.Error: the database cannot be read.
    """

    def __init__(
        self, connection: sqlite3.Connection, folder: str, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._clock = clock
        self.dead_letters = DeadLetterQueue(connection)
        self.gaps = GapStore(connection)
        self.glance = Glance(connection)

    def stats(self) -> dict[str, int]:
        """Return the counts of jobs, the spool's included: `pending`, `retrying`, `in_progress`."""
        now = self._clock()
        counts = operations.get_stats(self._connection, now)
        for job in self._only_in_spool():
            counts["retrying" if job["next_retry_at"] > now else "pending"] += 1
        return counts

    def _only_in_spool(self) -> list[dict[str, Any]]:
        """Return the spool's jobs that the import does not merge into another one."""
        jobs = {
            (stored.job["job_key"], stored.job["update_type"]): stored.job
            for stored in read_spool(self._folder)
        }
        keys = json.dumps([key for key, _ in jobs])
        for known in self._connection.execute(_WAITING_AMONG, (keys,)) if jobs else ():
            jobs.pop(known, None)
        return list(jobs.values())

    def next_try(self) -> float | None:
        """Return when the first of the jobs that wait for a retry is due; None without any."""
        row = self._connection.execute(_NEXT_TRY, (self._clock(),)).fetchone()
        return None if row is None else float(row[0])

    def jobs_of(self, scene_id: int) -> list[QueuedJob]:
        """Return the jobs of a scene that are not done: those in progress first."""
        key = scene_key(scene_id)
        found = [
            QueuedJob(job, JobState.IN_PROGRESS if status == IN_PROGRESS else JobState.WAITING)
            for statement in _OF_SUBJECT
            for data, status in self._connection.execute(statement, (key,))
            if (job := _as_job(SyncJob.parse, data)) is not None
        ]
        spooled = (SyncJob.from_dict(stored.job) for stored in read_spool(self._folder))
        return [
            *found,
            *(QueuedJob(job, JobState.SPOOLED) for job in spooled if job.job_key == key),
        ]


def _as_job(read: Callable[[Any], SyncJob], stored: Any) -> SyncJob | None:
    try:
        return read(stored)
    except JobFormatError:
        return None

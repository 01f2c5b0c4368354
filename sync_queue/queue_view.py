"""Reads the queue without persist-queue, whose import would delay tasks that show a status."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from sync_queue import operations
from sync_queue.dlq import DeadLetterQueue
from sync_queue.models import Claim, SyncJob, readable_claims
from sync_queue.operations import scene_key
from sync_queue.schema import (
    DUE,
    IS_IN_PROGRESS,
    IS_WAITING,
    IS_WAITING_AFTER_ERROR,
    LAST_ERROR,
    SUBJECT,
    TABLE,
    TYPE,
)
from sync_queue.spool_import import read_spool
from sync_queue.sync_log import SyncLog

_NEXT_DUE = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} AND {DUE} > ? ORDER BY {DUE} LIMIT 1"
_WITH_ERROR = f"FROM {TABLE} WHERE {IS_WAITING_AFTER_ERROR} AND {LAST_ERROR} = ?"


class JobState(Enum):
    WAITING = "waiting"
    IN_PROGRESS = "in_progress"
    SPOOLED = "spooled"


@dataclass(frozen=True, slots=True)
class QueuedJob:
    job: SyncJob
    state: JobState


class QueueView:
    def __init__(
        self, connection: sqlite3.Connection, folder: str, clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.dead_letters = DeadLetterQueue(connection)
        self.sync_log = SyncLog(connection)
        self.connection = connection
        self._folder = folder

    def stats(self) -> dict[str, int]:
        now = self.clock()
        counts = operations.get_stats(self.connection, now)
        for job in self._only_in_spool():
            counts["retrying" if job.next_retry_at > now else "pending"] += 1
        return counts

    def _only_in_spool(self) -> list[SyncJob]:
        spooled = read_spool(self._folder).values()
        jobs = {(job.job_key, job.update_type): job for job in spooled}
        for known in self._waiting_among(key for key, _ in jobs):
            jobs.pop(known, None)
        return list(jobs.values())

    def _waiting_among(self, subjects: Iterable[str]) -> list[tuple[str, str]]:
        return self.connection.execute(
            f"SELECT DISTINCT {SUBJECT}, {TYPE} FROM {TABLE} "
            f"WHERE {SUBJECT} IN (SELECT value FROM json_each(?)) AND {IS_WAITING}",
            (json.dumps(list(subjects)),),
        ).fetchall()

    def waiting_among(self, scene_ids: Iterable[int]) -> set[int]:
        by_subject = {scene_key(scene_id): scene_id for scene_id in scene_ids}
        return {by_subject[subject] for subject, _ in self._waiting_among(by_subject)}

    def waiting(self) -> int:
        return sum(self.stats().values())

    def next_due(self, after: float = float("-inf")) -> float | None:
        row = self.connection.execute(_NEXT_DUE, (after,)).fetchone()
        return None if row is None else float(row[0])

    def count_waiting_with_error(self, error_type: str) -> int:
        statement = f"SELECT COUNT(*) {_WITH_ERROR}"
        return int(self.connection.execute(statement, (error_type,)).fetchone()[0])

    def waiting_with_error(self, error_type: str) -> list[Claim]:
        statement = f"SELECT _id, data {_WITH_ERROR}"
        return list(readable_claims(self.connection.execute(statement, (error_type,))))

    def jobs_of(self, scene_id: int) -> list[QueuedJob]:
        key = scene_key(scene_id)
        spooled = read_spool(self._folder).values()
        of_state = {
            JobState.IN_PROGRESS: self._jobs(f"{IS_IN_PROGRESS} AND {SUBJECT} = ?", key),
            JobState.WAITING: self._jobs(f"{SUBJECT} = ? AND {IS_WAITING} ORDER BY _id", key),
            JobState.SPOOLED: [job for job in spooled if job.job_key == key],
        }
        return [QueuedJob(job, state) for state, jobs in of_state.items() for job in jobs]

    def jobs_waiting(self, limit: int) -> list[SyncJob]:
        return self._jobs(f"{IS_WAITING} ORDER BY {DUE}, _id LIMIT ?", limit)

    def jobs_in_progress(self, limit: int) -> list[SyncJob]:
        return self._jobs(f"{IS_IN_PROGRESS} ORDER BY _id LIMIT ?", limit)

    def jobs_waiting_for(self, scene_id: int) -> list[SyncJob]:
        key = scene_key(scene_id)
        return self._jobs(f"{SUBJECT} = ? AND {IS_WAITING} ORDER BY {DUE}, _id", key)

    def _jobs(self, which: str, value: object) -> list[SyncJob]:
        rows = self.connection.execute(f"SELECT _id, data FROM {TABLE} WHERE {which}", (value,))
        return [claim.job for claim in readable_claims(rows)]

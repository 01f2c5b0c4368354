"""Read-only queries of the queue's database, for answers and the dashboard.

This module does not import persist-queue, so that an answer starts quickly.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sync_queue import operations
from sync_queue.dlq import DeadLetterQueue
from sync_queue.gap_store import GapStore
from sync_queue.models import JobFormatError, SyncJob
from sync_queue.operations import scene_key
from sync_queue.schema import DUE, IN_PROGRESS, IS_IN_PROGRESS, IS_WAITING, SUBJECT, TABLE, TYPE
from sync_queue.spool_import import read_spool
from sync_queue.sync_log import NO_SCENE

_NEXT_TRY = f"SELECT {DUE} FROM {TABLE} WHERE {IS_WAITING} AND {DUE} > ? ORDER BY {DUE} LIMIT 1"
# Two statements, because each uses its own index.
_OF_SUBJECT = (
    f"SELECT data, status FROM {TABLE} WHERE {IS_IN_PROGRESS} AND {SUBJECT} = ?",
    f"SELECT data, status FROM {TABLE} WHERE {SUBJECT} = ? AND {IS_WAITING} ORDER BY _id",
)
_WAITING_AMONG = (
    f"SELECT DISTINCT {SUBJECT}, {TYPE} FROM {TABLE} "
    f"WHERE {SUBJECT} IN (SELECT value FROM json_each(?)) AND {IS_WAITING}"
)
_LETTER = "SELECT id, scene_id, error_type, error_message, retry_count, failed_at FROM dead_letters"


class JobState(Enum):
    """Where an unfinished job is; in the spool it waits for the worker to import it."""

    WAITING = "waiting"
    IN_PROGRESS = "in_progress"
    SPOOLED = "spooled"


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """An unfinished job and its state."""

    job: SyncJob
    state: JobState


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A dead letter; `failed_at` is UTC text."""

    id: int
    scene_id: int | None
    error_type: str
    message: str
    retries: int
    failed_at: str


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """The number of dead letters of one error type, and the newest of them."""

    error_type: str
    count: int
    newest: tuple[LetterRow, ...]


@dataclass(frozen=True, slots=True)
class SyncedRow:
    """The outcome of a scene's last job; `at` in seconds since the epoch."""

    scene_id: int
    outcome: str
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A Plex item of a scene, the fields sent to it, and when (seconds since the epoch)."""

    rating_key: int
    fields: tuple[str, ...]
    at: float


class QueueView:
    """Reads jobs, dead letters and the sync log from the database in `folder`.

    All methods raise sqlite3.Error if the database is not readable.
    """

    def __init__(
        self, connection: sqlite3.Connection, folder: str, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._clock = clock
        self.dead_letters = DeadLetterQueue(connection)
        self.gaps = GapStore(connection)

    # -- jobs -----------------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        """Return the counts of jobs, the spool's included: `pending`, `retrying`, `in_progress`."""
        now = self._clock()
        counts = operations.get_stats(self._connection, now)
        for job in self._only_in_spool():
            counts["retrying" if job["next_retry_at"] > now else "pending"] += 1
        return counts

    def _only_in_spool(self) -> list[dict[str, Any]]:
        """Return the spooled jobs that the import will not merge into a waiting job."""
        jobs = {
            (stored.job["job_key"], stored.job["update_type"]): stored.job
            for stored in read_spool(self._folder)
        }
        keys = json.dumps([key for key, _ in jobs])
        for known in self._connection.execute(_WAITING_AMONG, (keys,)) if jobs else ():
            jobs.pop(known, None)
        return list(jobs.values())

    def next_try(self) -> float | None:
        """Return when the next retry is due, in seconds since the epoch; None without retries."""
        row = self._connection.execute(_NEXT_TRY, (self._clock(),)).fetchone()
        return None if row is None else float(row[0])

    def jobs_of(self, scene_id: int) -> list[QueuedJob]:
        """Return a scene's unfinished jobs, the job in progress first."""
        key = scene_key(scene_id)
        found = [
            QueuedJob(job, JobState.IN_PROGRESS if status == IN_PROGRESS else JobState.WAITING)
            for statement in _OF_SUBJECT
            for data, status in self._connection.execute(statement, (key,))
            for job in _readable([(data,)])
        ]
        spooled = (SyncJob.from_dict(stored.job) for stored in read_spool(self._folder))
        return [
            *found,
            *(QueuedJob(job, JobState.SPOOLED) for job in spooled if job.job_key == key),
        ]

    def jobs_waiting(self, limit: int) -> list[SyncJob]:
        """Return waiting jobs, the next due first."""
        return self._jobs(f"WHERE {IS_WAITING} ORDER BY {DUE}, _id LIMIT ?", limit)

    def jobs_in_progress(self, limit: int) -> list[SyncJob]:
        """Return jobs that the worker has claimed."""
        return self._jobs(f"WHERE {IS_IN_PROGRESS} ORDER BY _id LIMIT ?", limit)

    def jobs_waiting_for(self, scene_id: int) -> list[SyncJob]:
        """Return a scene's waiting jobs, the next due first."""
        key = scene_key(scene_id)
        return self._jobs(f"WHERE {SUBJECT} = ? AND {IS_WAITING} ORDER BY {DUE}, _id", key)

    def _jobs(self, which: str, *values: object) -> list[SyncJob]:
        rows = self._connection.execute(f"SELECT data FROM {TABLE} {which}", values)
        return list(_readable(rows))

    # -- sync log -------------------------------------------------------------------------------

    def recent(self, limit: int) -> list[SyncedRow]:
        """Return the outcomes of the last finished scenes, the newest first."""
        statement = "SELECT scene_id, outcome, detail, at FROM scene_log ORDER BY at DESC LIMIT ?"
        return [SyncedRow(*row) for row in self._connection.execute(statement, (limit,))]

    def scenes_in_plex(self) -> int:
        """Return how many scenes have an item that was written for them."""
        statement = f"SELECT COUNT(DISTINCT scene_id) FROM sync_log WHERE scene_id != {NO_SCENE}"
        return int(self._connection.execute(statement).fetchone()[0])

    def items(self, scene_id: int) -> list[ItemRow]:
        """Return the items that were written for a scene."""
        rows = self._connection.execute(
            "SELECT rating_key, sent, synced_at FROM sync_log WHERE scene_id = ? "
            "ORDER BY rating_key",
            (scene_id,),
        )
        return [ItemRow(key, tuple(_names(sent)), at) for key, sent, at in rows]

    # -- dead letters ---------------------------------------------------------------------------

    def letter_groups(self, newest: int) -> list[LetterGroup]:
        """Return the `newest` dead letters of each error type, the largest group first."""
        which = "WHERE error_type IS ? ORDER BY failed_at DESC, id DESC LIMIT ?"
        return [
            LetterGroup(error_type, count, self._letters(which, error_type, newest))
            for error_type, count in self.dead_letters.counts_by_type().items()
        ]

    def letters_of(self, scene_id: int) -> tuple[LetterRow, ...]:
        """Return a scene's dead letters, the newest first."""
        return self._letters("WHERE scene_id = ? ORDER BY failed_at DESC, id DESC", scene_id)

    def scenes_with_letters(self) -> int:
        """Return how many scenes have dead letters; a letter without a scene counts as a scene."""
        statement = "SELECT COUNT(DISTINCT coalesce(scene_id, -id)) FROM dead_letters"
        return int(self._connection.execute(statement).fetchone()[0])

    def _letters(self, which: str, *values: object) -> tuple[LetterRow, ...]:
        rows = self._connection.execute(f"{_LETTER} {which}", values)
        return tuple(LetterRow(*row) for row in rows)


def _readable(rows: Any) -> Iterator[SyncJob]:
    """Yield the jobs of rows; the worker dead-letters unreadable rows."""
    for (stored,) in rows:
        try:
            yield SyncJob.parse(stored)
        except JobFormatError:
            continue


def _names(sent: str) -> list[str]:
    try:
        stored = json.loads(sent)
    except ValueError:
        return []
    return sorted(stored) if isinstance(stored, dict) else []

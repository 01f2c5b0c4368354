"""Dead letters: jobs that no retry will heal, kept for people, in the queue's own database."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sync_queue.models import JobFormatError, SyncJob

_REPLACED = "DELETE FROM dead_letters WHERE scene_id = ? AND error_type = ?"
_INSERT = (
    "INSERT INTO dead_letters (job_id, scene_id, job_data, error_type, error_message, "
    "stack_trace, retry_count, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

_SELECT = "SELECT id, job_data, scene_id, error_type, error_message, failed_at FROM dead_letters"
_SELECT_LINES = (
    "SELECT scene_id, error_type, error_message, failed_at FROM dead_letters "
    "ORDER BY failed_at DESC, id DESC"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job is dead: its error's class, a sentence for people, a trace where it was a bug."""

    error_type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A stored failure; `job` is None where what was stored is no job, `failed_at` is UTC text."""

    id: int
    job: SyncJob | None
    error_type: str
    error_message: str
    failed_at: str


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A stored failure without its job, for lists.

    Attributes:
        scene_id: None where the job was of no scene.
        failed_at: seconds since the epoch; 0 where what was stored is no moment.
    """

    scene_id: int | None
    error_type: str
    error_message: str
    failed_at: float


class DeadLetterQueue:
    """The table `dead_letters`, on a connection that others share.

    Its statements run inside the transaction of whoever moves a job here.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, job: SyncJob, failure: Failure, now: float) -> None:
        """Store a dead job; it replaces an older one of that scene and type of error."""
        if job.scene_id is not None:
            self._connection.execute(_REPLACED, (job.scene_id, failure.error_type))
        self._connection.execute(
            _INSERT,
            (
                job.job_id,
                job.scene_id,
                json.dumps(job.as_dict()),
                failure.error_type,
                failure.message,
                failure.stack_trace,
                job.retry_count,
                _text_of(now),
            ),
        )

    def count(self) -> int:
        """Return how many dead letters there are."""
        return int(self._connection.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])

    def clear(self) -> int:
        """Remove all; return how many."""
        return self._connection.execute("DELETE FROM dead_letters").rowcount

    def purge(self, before: float) -> int:
        """Remove those that failed before this moment, in epoch seconds; return how many."""
        statement = "DELETE FROM dead_letters WHERE failed_at < ?"
        return self._connection.execute(statement, (_text_of(before),)).rowcount

    def between(self, start: float, end: float) -> list[DeadLetter]:
        """Return those that failed in this window, both ends inclusive, the oldest first."""
        statement = f"{_SELECT} WHERE failed_at BETWEEN ? AND ? ORDER BY failed_at, id"
        return self._letters(statement, _text_of(start), _text_of(end))

    def of_type(self, error_type: str) -> list[DeadLetter]:
        """Return those with this class of error, the oldest first."""
        return self._letters(f"{_SELECT} WHERE error_type = ? ORDER BY failed_at, id", error_type)

    def all(self) -> list[DeadLetter]:
        """Return all, the oldest first."""
        return self._letters(f"{_SELECT} ORDER BY failed_at, id")

    def lines(self) -> Iterator[LetterLine]:
        """Yield all without their jobs, the newest first."""
        for scene_id, error_type, message, failed_at in self._connection.execute(_SELECT_LINES):
            yield LetterLine(scene_id, error_type, message or "", moment_of(failed_at))

    def of_scenes(self, scene_ids: Collection[int]) -> dict[int, list[DeadLetter]]:
        """Return scene id → its dead letters, for those of the scenes that have any."""
        found: dict[int, list[DeadLetter]] = {}
        places = ", ".join("?" * len(scene_ids))
        statement = f"{_SELECT} WHERE scene_id IN ({places}) ORDER BY failed_at, id"
        for row in self._connection.execute(statement, list(scene_ids)):
            letter = DeadLetter(row[0], _job_of(row[1], row[2]), row[3], row[4], row[5])
            found.setdefault(row[2], []).append(letter)
        return found

    def remove(self, letter_id: int) -> bool:
        """Remove one; False when it is gone already."""
        statement = "DELETE FROM dead_letters WHERE id = ?"
        return self._connection.execute(statement, (letter_id,)).rowcount == 1

    def _letters(self, statement: str, *values: str) -> list[DeadLetter]:
        rows = self._connection.execute(statement, values)
        return [DeadLetter(row[0], _job_of(row[1], row[2]), row[3], row[4], row[5]) for row in rows]

    def forget_scene(self, scene_id: int) -> None:
        """Remove the dead letters of a scene that succeeded after all, or is gone."""
        self._connection.execute("DELETE FROM dead_letters WHERE scene_id = ?", (scene_id,))

    def counts_by_type(self) -> dict[str, int]:
        """Return how many dead letters there are, by type of error, the most frequent first."""
        statement = (
            "SELECT error_type, COUNT(*) FROM dead_letters GROUP BY error_type ORDER BY 2 DESC, 1"
        )
        return dict(self._connection.execute(statement))


def moment_of(failed_at: str) -> float:
    """Return a letter's `failed_at` in seconds since the epoch; 0 where it is no moment."""
    try:
        return datetime.fromisoformat(failed_at).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _job_of(stored: str, scene_id: int | None) -> SyncJob | None:
    try:
        job = SyncJob.parse(stored)
    except JobFormatError:
        return None
    return job if job.scene_id is not None else replace(job, scene_id=scene_id)


def _text_of(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")

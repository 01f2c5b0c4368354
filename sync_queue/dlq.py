"""The dead-letter queue: jobs that need attention because no retry can succeed."""

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
    """Why a job was dead-lettered: error class, message, and the stack trace of a bug."""

    error_type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter; `job` is None if it is unreadable, `failed_at` is UTC text."""

    id: int
    job: SyncJob | None
    error_type: str
    error_message: str
    failed_at: str


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A dead letter without its job; `failed_at` in seconds since the epoch, 0 if unreadable."""

    scene_id: int | None
    error_type: str
    error_message: str
    failed_at: float


class DeadLetterQueue:
    """The table `dead_letters`; its statements run inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, job: SyncJob, failure: Failure, now: float) -> None:
        """Store a dead letter in place of an older one of the same scene and error type."""
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
        """Return the number of dead letters."""
        return int(self._connection.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])

    def clear(self) -> int:
        """Remove all dead letters; return how many."""
        return self._connection.execute("DELETE FROM dead_letters").rowcount

    def purge(self, before: float) -> int:
        """Remove the letters that failed before this moment (epoch seconds); return how many."""
        statement = "DELETE FROM dead_letters WHERE failed_at < ?"
        return self._connection.execute(statement, (_text_of(before),)).rowcount

    def between(self, start: float, end: float) -> list[DeadLetter]:
        """Return the letters that failed from `start` to `end` inclusive, the oldest first."""
        statement = f"{_SELECT} WHERE failed_at BETWEEN ? AND ? ORDER BY failed_at, id"
        return self._letters(statement, _text_of(start), _text_of(end))

    def of_type(self, error_type: str) -> list[DeadLetter]:
        """Return the letters of one error type, the oldest first."""
        return self._letters(f"{_SELECT} WHERE error_type = ? ORDER BY failed_at, id", error_type)

    def all(self) -> list[DeadLetter]:
        """Return all letters, the oldest first."""
        return self._letters(f"{_SELECT} ORDER BY failed_at, id")

    def lines(self) -> Iterator[LetterLine]:
        """Yield all letters without their jobs, the newest first."""
        for scene_id, error_type, message, failed_at in self._connection.execute(_SELECT_LINES):
            yield LetterLine(scene_id, error_type, message or "", moment_of(failed_at))

    def of_scenes(self, scene_ids: Collection[int]) -> dict[int, list[DeadLetter]]:
        """Return scene id → dead letters, for the scenes that have any."""
        found: dict[int, list[DeadLetter]] = {}
        places = ", ".join("?" * len(scene_ids))
        statement = f"{_SELECT} WHERE scene_id IN ({places}) ORDER BY failed_at, id"
        for row in self._connection.execute(statement, list(scene_ids)):
            letter = DeadLetter(row[0], _job_of(row[1], row[2]), row[3], row[4], row[5])
            found.setdefault(row[2], []).append(letter)
        return found

    def remove(self, letter_id: int) -> bool:
        """Remove a letter; return False if it was removed already."""
        statement = "DELETE FROM dead_letters WHERE id = ?"
        return self._connection.execute(statement, (letter_id,)).rowcount == 1

    def _letters(self, statement: str, *values: str) -> list[DeadLetter]:
        rows = self._connection.execute(statement, values)
        return [DeadLetter(row[0], _job_of(row[1], row[2]), row[3], row[4], row[5]) for row in rows]

    def forget_scene(self, scene_id: int) -> None:
        """Remove the dead letters of a scene."""
        self._connection.execute("DELETE FROM dead_letters WHERE scene_id = ?", (scene_id,))

    def counts_by_type(self) -> dict[str, int]:
        """Return the number of dead letters by error type, the most frequent first."""
        statement = (
            "SELECT error_type, COUNT(*) FROM dead_letters GROUP BY error_type ORDER BY 2 DESC, 1"
        )
        return dict(self._connection.execute(statement))


def moment_of(failed_at: str) -> float:
    """Convert `failed_at` to seconds since the epoch; return 0 if it is unreadable."""
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

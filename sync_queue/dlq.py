import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, replace

from sync_queue.models import JobFormatError, SyncJob

_DELETE_OLDER = "DELETE FROM dead_letters WHERE scene_id = ? AND error_type = ?"
_INSERT = (
    "INSERT INTO dead_letters (job_id, scene_id, job_data, error_type, error_message, "
    "stack_trace, retry_count, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, datetime(?, 'unixepoch'))"
)


@dataclass(frozen=True, slots=True)
class Failure:
    error_type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: int
    job: SyncJob | None
    error_type: str
    error_message: str
    failed_at: str
    scene_id: int | None = None
    moment: float = 0.0


class DeadLetterQueue:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, job: SyncJob, failure: Failure, now: float) -> None:
        if job.scene_id is not None:
            self._connection.execute(_DELETE_OLDER, (job.scene_id, failure.error_type))
        values = (failure.error_type, failure.message, failure.stack_trace, job.retry_count)
        self._connection.execute(
            _INSERT, (job.job_id, job.scene_id, job.encoded().decode(), *values, now)
        )

    def count(self) -> int:
        return sum(self.counts_by_type().values())

    def clear(self) -> int:
        return self._delete("TRUE")

    def purge(self, before: float) -> int:
        return self._delete("failed_at < datetime(?, 'unixepoch')", before)

    def remove(self, letter_id: int) -> bool:
        return self._delete("id = ?", letter_id) == 1

    def forget_scene(self, scene_id: int) -> None:
        self._delete("scene_id = ?", scene_id)

    def _delete(self, which: str, *values: object) -> int:
        return self._connection.execute(f"DELETE FROM dead_letters WHERE {which}", values).rowcount

    def between(self, start: float, end: float) -> list[DeadLetter]:
        which = "failed_at BETWEEN datetime(?, 'unixepoch') AND datetime(?, 'unixepoch')"
        return self._select(which, start, end)

    def of_type(self, error_type: str) -> list[DeadLetter]:
        return self._select("error_type = ?", error_type)

    def all(self) -> list[DeadLetter]:
        return self._select("TRUE")

    def of_scene(self, scene_id: int) -> list[DeadLetter]:
        return self._select("scene_id = ?", scene_id)

    def of_scenes(self, scene_ids: Collection[int]) -> dict[int, list[DeadLetter]]:
        found: dict[int, list[DeadLetter]] = {}
        among = "scene_id IN (SELECT value FROM json_each(?))"
        for letter in self._select(among, json.dumps(list(scene_ids))):
            found.setdefault(letter.scene_id or 0, []).append(letter)
        return found

    def newest_of_type(self, error_type: str, limit: int) -> list[DeadLetter]:
        newest = "WHERE error_type IS ? ORDER BY failed_at DESC, id DESC LIMIT ?"
        which = f"id IN (SELECT id FROM dead_letters {newest})"
        return self._select(which, error_type, limit)[::-1]

    def _select(self, which: str, *values: object) -> list[DeadLetter]:
        rows = self._connection.execute(
            "SELECT id, job_data, error_type, coalesce(error_message, ''), failed_at, scene_id, "
            "coalesce(strftime('%s', failed_at) + 0.0, 0.0) "
            f"FROM dead_letters WHERE {which} ORDER BY failed_at, id",
            values,
        )
        return [DeadLetter(row[0], _job_of(row[1], row[5]), *row[2:]) for row in rows]

    def counts_by_type(self) -> dict[str, int]:
        statement = (
            "SELECT error_type, COUNT(*) FROM dead_letters GROUP BY error_type ORDER BY 2 DESC, 1"
        )
        return dict(self._connection.execute(statement))

    def count_scenes(self) -> int:
        statement = "SELECT COUNT(DISTINCT coalesce(scene_id, -id)) FROM dead_letters"
        return int(self._connection.execute(statement).fetchone()[0])


def _job_of(stored: str, scene_id: int | None) -> SyncJob | None:
    try:
        job = SyncJob.parse(stored)
    except JobFormatError:
        return None
    return job if job.scene_id is not None else replace(job, scene_id=scene_id)

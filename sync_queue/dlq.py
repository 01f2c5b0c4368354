"""Dead letters: jobs that no retry will heal, kept for people, in the queue's own database."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from sync_queue.models import SyncJob

_REPLACED = "DELETE FROM dead_letters WHERE scene_id = ? AND error_type = ?"
_INSERT = (
    "INSERT INTO dead_letters (job_id, scene_id, job_data, error_type, error_message, "
    "stack_trace, retry_count, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job is dead: its error's class, a sentence for people, a trace where it was a bug."""

    error_type: str
    message: str
    stack_trace: str | None = None


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
                datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            ),
        )

    def forget_scene(self, scene_id: int) -> None:
        """Remove the dead letters of a scene that succeeded after all, or is gone."""
        self._connection.execute("DELETE FROM dead_letters WHERE scene_id = ?", (scene_id,))

    def counts_by_type(self) -> dict[str, int]:
        """Return how many dead letters there are, by type of error, the most frequent first."""
        statement = (
            "SELECT error_type, COUNT(*) FROM dead_letters GROUP BY error_type ORDER BY 2 DESC, 1"
        )
        return dict(self._connection.execute(statement))

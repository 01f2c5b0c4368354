"""Counts of what the worker did, kept over restarts in `stats.json`."""

from collections.abc import Callable
from typing import Any

from shared.state_file import KeptState, parse_count, parse_moment
from worker.hourly import HourlyRecords

_COUNTS = (
    "jobs_processed",
    "jobs_succeeded",
    "jobs_failed",
    "jobs_to_dlq",
    "high_confidence_matches",
    "low_confidence_matches",
)


class SyncStats:
    """The counts, loaded once and saved by whoever holds the worker lock.

    Args:
        path: the file.
        report: is told about a file that could not be read.
        clock: seconds since the epoch.
    """

    def __init__(
        self, path: str, report: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._file = KeptState(path, report)
        stored = self._file.read(clock())
        self._clock = clock
        self._saved: dict[str, Any] | None = None
        self.counts = {name: _count(stored.get(name)) for name in _COUNTS}
        errors = stored.get("errors_by_type")
        self.errors_by_type: dict[str, int] = {
            str(name): _count(number)
            for name, number in (errors.items() if isinstance(errors, dict) else ())
        }
        self.total_processing_time = parse_moment(stored.get("total_processing_time")) or 0.0
        self.session_start = clock()
        self.hours = HourlyRecords.from_state(stored.get("hours"))

    def succeeded(self, seconds: float) -> None:
        """Count a finished job and the seconds it took."""
        self._processed(seconds)
        self.counts["jobs_succeeded"] += 1
        self.hours.synced(self._clock(), seconds)

    def arrived(self, edited_at: float) -> None:
        """Count a scene of which Plex got something new, and how long that took since its edit.

        Args:
            edited_at: when its job was queued, in seconds since the epoch.
        """
        now = self._clock()
        self.hours.arrived(now, now - edited_at)

    def matched(self, *, sure: bool) -> None:
        """Count a scene whose items are in step; `sure` when the full path found them."""
        self.counts["high_confidence_matches" if sure else "low_confidence_matches"] += 1

    def failed(self, error_type: str, seconds: float, *, dead: bool) -> None:
        """Count a failed try; `dead` when the job became a dead letter."""
        self._processed(seconds)
        self.counts["jobs_failed"] += 1
        self.hours.failed(self._clock())
        self.counts["jobs_to_dlq"] += dead
        self.errors_by_type[error_type] = self.errors_by_type.get(error_type, 0) + 1

    def save(self) -> None:
        """Write the counts if they changed, unless those before them could not be read.

        Raises:
            OSError: the file could not be written.
        """
        state = {
            **self.counts,
            "total_processing_time": round(self.total_processing_time, 3),
            "session_start": self.session_start,
            "errors_by_type": dict(self.errors_by_type),
            "hours": self.hours.to_state(),
        }
        if state != self._saved and self._file.write(state):
            self._saved = state

    def _processed(self, seconds: float) -> None:
        self.counts["jobs_processed"] += 1
        self.total_processing_time += max(0.0, seconds)


def _count(value: Any) -> int:
    return parse_count(value) or 0

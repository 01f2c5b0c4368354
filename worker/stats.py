"""Counts of the worker's results, in all and for each of the last 48 hours, in `stats.json`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from shared.events import Report
from shared.state_file import KeptState, parse_count, parse_moment

HOUR = 3600.0  # seconds
MOST_HOURS = 48
_COUNTS = (
    "jobs_processed",
    "jobs_succeeded",
    "jobs_failed",
    "jobs_to_dlq",
    "high_confidence_matches",
    "low_confidence_matches",
)


@dataclass(frozen=True, slots=True)
class HourRecord:
    """One hour's work.

    Attributes:
        hour: its beginning, in seconds since the epoch.
        synced: scenes whose job ended well.
        failed: tries that did not.
        seconds: of work on those that were synced, all together.
        arrived: scenes of which Plex got something new.
        waited: seconds from their edits until then, all together.
        longest: the most of these.
    """

    hour: float
    synced: int = 0
    failed: int = 0
    seconds: float = 0.0
    arrived: int = 0
    waited: float = 0.0
    longest: float = 0.0


class HourlyRecords:
    """The newest hours in which anything was done, oldest first."""

    def __init__(self, records: tuple[HourRecord, ...] = ()) -> None:
        self._records = records

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Read a stored list, whoever wrote it; what is no hour is left out."""
        parsed = [_parse(one) for one in raw] if isinstance(raw, list) else []
        by_hour = {record.hour: record for record in parsed if record is not None}
        return cls(tuple(by_hour[hour] for hour in sorted(by_hour))[-MOST_HOURS:])

    def to_state(self) -> list[dict[str, Any]]:
        """Return the list as it is stored and shown."""
        return [
            {
                "hour": record.hour,
                "synced": record.synced,
                "failed": record.failed,
                "seconds": round(record.seconds, 3),
                "arrived": record.arrived,
                "waited": round(record.waited, 3),
                "longest": round(record.longest, 3),
            }
            for record in self._records
        ]

    def since(self, moment: float) -> tuple[HourRecord, ...]:
        """Return the hours that ended after this moment."""
        return tuple(record for record in self._records if record.hour + HOUR > moment)

    def synced(self, now: float, seconds: float) -> None:
        """Count a scene that was synced, and the seconds it took."""
        last = self._hour_of(now)
        took = last.seconds + max(0.0, seconds)
        self._put(replace(last, synced=last.synced + 1, seconds=took))

    def arrived(self, now: float, waited: float) -> None:
        """Count a scene of which Plex got something new, and the seconds since its edit."""
        last = self._hour_of(now)
        waited = max(0.0, waited)
        self._put(
            replace(
                last,
                arrived=last.arrived + 1,
                waited=last.waited + waited,
                longest=max(last.longest, waited),
            )
        )

    def failed(self, now: float) -> None:
        """Count a try that failed."""
        last = self._hour_of(now)
        self._put(replace(last, failed=last.failed + 1))

    def _hour_of(self, now: float) -> HourRecord:
        hour = now - now % HOUR
        if self._records and self._records[-1].hour == hour:
            return self._records[-1]
        return next((one for one in self._records if one.hour == hour), HourRecord(hour))

    def _put(self, record: HourRecord) -> None:
        # A clock that was set back leaves hours of a time that has not come: they were none.
        before = [one for one in self._records if one.hour < record.hour]
        self._records = (*before, record)[-MOST_HOURS:]


def _parse(raw: Any) -> HourRecord | None:
    stored = raw if isinstance(raw, dict) else {}
    hour = parse_moment(stored.get("hour"))
    if hour is None:
        return None
    return HourRecord(
        hour - hour % HOUR,
        parse_count(stored.get("synced")) or 0,
        parse_count(stored.get("failed")) or 0,
        parse_moment(stored.get("seconds")) or 0.0,
        parse_count(stored.get("arrived")) or 0,
        parse_moment(stored.get("waited")) or 0.0,
        parse_moment(stored.get("longest")) or 0.0,
    )


class SyncStats:
    """The counts, loaded once and saved by whoever holds the worker lock.

    Args:
        path: the file.
        report: is told about a file that could not be read.
    """

    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
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

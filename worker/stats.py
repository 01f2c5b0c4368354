from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from shared.events import Report
from shared.state_file import KeptState, parse_count, parse_fields, parse_moment

HOUR = 3600.0
MOST_HOURS = 48
_COUNTS = (
    "jobs_processed",
    "jobs_succeeded",
    "jobs_failed",
    "jobs_to_dlq",
    "high_confidence_matches",
    "low_confidence_matches",
)


@dataclass(slots=True)
class HourRecord:
    hour: float
    synced: int = 0
    failed: int = 0
    seconds: float = 0.0
    arrived: int = 0
    waited: float = 0.0  # the sum, over all edits, of the time from the edit to its sync
    longest: float = 0.0  # the longest time from an edit to its sync


@dataclass
class HourlyRecords:
    records: Sequence[HourRecord] = ()

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        parsed = [parse_fields(HourRecord, item) for item in raw] if isinstance(raw, list) else []
        by_hour: dict[float, HourRecord] = {}
        for record in filter(None, parsed):
            record.hour -= record.hour % HOUR
            by_hour[record.hour] = record
        return cls([by_hour[hour] for hour in sorted(by_hour)][-MOST_HOURS:])

    def to_state(self) -> list[dict[str, Any]]:
        return [
            {name: round(value, 3) for name, value in asdict(record).items()}
            for record in self.records
        ]

    def since(self, moment: float) -> tuple[HourRecord, ...]:
        return tuple(record for record in self.records if record.hour + HOUR > moment)

    def at(self, now: float) -> HourRecord:
        start = now - now % HOUR
        self.records = [record for record in self.records if record.hour <= start]
        if not self.records or self.records[-1].hour < start:
            self.records = [*self.records, HourRecord(start)][-MOST_HOURS:]
        return self.records[-1]


class SyncStats:
    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._file = KeptState(path, report)
        self._clock = clock
        self._saved: dict[str, Any] | None = None
        stored = self._file.read(clock())
        errors = stored.get("errors_by_type")
        errors = errors if isinstance(errors, dict) else {}
        self.counts = {name: parse_count(stored.get(name)) or 0 for name in _COUNTS}
        self.errors_by_type = {str(name): parse_count(errors[name]) or 0 for name in errors}
        self.total_processing_time = parse_moment(stored.get("total_processing_time")) or 0.0
        self.session_start = clock()
        self.hours = HourlyRecords.from_state(stored.get("hours"))

    def succeeded(self, seconds: float, *, synced: bool) -> None:
        self.counts["jobs_processed"] += 1
        self.counts["jobs_succeeded"] += 1
        self.total_processing_time += max(0.0, seconds)
        if synced:
            hour = self.hours.at(self._clock())
            hour.synced += 1
            hour.seconds += max(0.0, seconds)

    def arrived(self, edited_at: float) -> None:
        now = self._clock()
        hour, waited = self.hours.at(now), max(0.0, now - edited_at)
        hour.arrived += 1
        hour.waited += waited
        hour.longest = max(hour.longest, waited)

    def matched(self, *, sure: bool) -> None:
        self.counts["high_confidence_matches" if sure else "low_confidence_matches"] += 1

    def failed(self, error_type: str, *, dead: bool) -> None:
        self.counts["jobs_processed"] += 1
        self.counts["jobs_failed"] += 1
        self.counts["jobs_to_dlq"] += dead
        self.errors_by_type[error_type] = self.errors_by_type.get(error_type, 0) + 1
        self.hours.at(self._clock()).failed += 1

    def save(self) -> None:
        state = {
            **self.counts,
            "total_processing_time": round(self.total_processing_time, 3),
            "session_start": self.session_start,
            "errors_by_type": dict(self.errors_by_type),
            "hours": self.hours.to_state(),
        }
        if state != self._saved and self._file.write(state):
            self._saved = state

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Self

from shared.state_file import parse_fields
from worker.recovery import RecoveryState

NEWEST = 30
# Earlier versions stored one outage as several records. Records that begin within this time of each
# other are one outage.
_JOINED_WITHIN = 3600.0


@dataclass(slots=True)
class OutageRecord:
    started_at: float
    ended_at: float | None = None
    jobs_affected: int = 0
    estimated: bool = False

    @property
    def duration(self) -> float | None:
        return None if self.ended_at is None else max(0.0, self.ended_at - self.started_at)

    def end(self, at: float, *, estimated: bool = False) -> Self:
        self.estimated = self.estimated or estimated or at < self.started_at
        self.ended_at = max(at, self.started_at)
        return self

    def to_state(self) -> dict[str, Any]:
        state = {**asdict(self), "duration": self.duration}
        if not self.estimated:
            del state["estimated"]
        return state


@dataclass(frozen=True, slots=True)
class OutageMetrics:
    mttr: float
    mtbf: float
    availability: float  # percent
    total_downtime: float
    outage_count: int


@dataclass
class OutageHistory:
    records: Sequence[OutageRecord] = ()
    last_start: float = 0.0

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        parsed = [parse_fields(OutageRecord, item) for item in raw] if isinstance(raw, list) else []
        records = [record for record in parsed if record is not None]
        for record in records:
            if record.ended_at is not None:
                record.end(record.ended_at)
        return cls(_joined(records)[-NEWEST:], records[-1].started_at if records else 0.0)

    def to_state(self) -> list[dict[str, Any]]:
        return [record.to_state() for record in self.records]

    @property
    def ongoing(self) -> OutageRecord | None:
        return next((record for record in self.records[-1:] if record.ended_at is None), None)

    def reconcile(self, now: float, opened_at: float | None, recovery: RecoveryState) -> None:
        """Add the start or the end of an outage that a killed worker did not record."""
        if opened_at is not None:
            self.begin(min(opened_at, now), estimated=True)
        elif (ongoing := self.ongoing) is not None:
            signs = (recovery.last_recovery_time, recovery.last_check_time, self.last_start)
            last_known = next((sign for sign in signs if ongoing.started_at <= sign <= now), 0.0)
            ongoing.end(max(last_known, ongoing.started_at), estimated=True)

    def begin(self, now: float, *, estimated: bool = False) -> None:
        if self.ongoing is None:
            record = OutageRecord(now, estimated=estimated)
            self.records = [*self.records, record][-NEWEST:]

    def shift_start(self, seconds: float) -> None:
        if self.ongoing is not None:
            self.ongoing.started_at = max(0.0, self.ongoing.started_at + seconds)

    def note_waiting_jobs(self, jobs: int) -> None:
        if self.ongoing is not None:
            self.ongoing.jobs_affected = max(jobs, self.ongoing.jobs_affected)

    def end(self, now: float) -> OutageRecord | None:
        return None if self.ongoing is None else self.ongoing.end(now)


def calculate_outage_metrics(records: Iterable[OutageRecord]) -> OutageMetrics:
    completed = sorted(
        (record.started_at, record.ended_at) for record in records if record.ended_at is not None
    )
    if not completed:
        return OutageMetrics(0.0, 0.0, 100.0, 0.0, 0)
    downtime = sum(max(0.0, end - start) for start, end in completed)
    mttr = downtime / len(completed)
    gaps = [max(0.0, start - previous_end) for (_, previous_end), (start, _) in pairwise(completed)]
    mtbf = sum(gaps) / len(gaps) if gaps else 0.0
    availability = mtbf / (mtbf + mttr) * 100.0 if mtbf else 100.0
    return OutageMetrics(mttr, mtbf, availability, downtime, len(completed))


def format_duration(seconds: float) -> str:
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [(days, "d"), (hour, "h"), (minute, "m"), (second, "s")]
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return " ".join(f"{number}{unit}" for number, unit in parts[:2])


def format_elapsed_since(moment: float, now: float) -> str:
    return f"{format_duration(now - moment)} ago"


def _joined(records: Sequence[OutageRecord]) -> list[OutageRecord]:
    joined = list(records[:1])
    for before, record in pairwise(records):
        last = joined[-1]
        if last.ended_at is not None:
            joined.append(record)
        elif abs(record.started_at - before.started_at) > _JOINED_WITHIN:
            joined[-1:] = [last.end(before.started_at, estimated=True), record]
        else:
            joined[-1] = replace(
                record,
                started_at=min(last.started_at, record.started_at),
                jobs_affected=max(last.jobs_affected, record.jobs_affected),
                estimated=last.estimated or record.estimated,
            )
    return joined

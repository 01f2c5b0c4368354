"""The last outages, and what they say about Plex.

Pure: times are seconds since the epoch and come in with each call. Clock and file are others'.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

from shared.state_file import parse_count, parse_moment

NEWEST = 30  # records kept
# The earlier implementation began a record whenever its breaker re-opened, once a minute while it
# ran, and ended only the last. What begins within an hour of such a one is the same outage.
_REOPENS_WITHIN = 3600.0


@dataclass(frozen=True, slots=True)
class OutageRecord:
    """One outage.

    Attributes:
        started_at: when the breaker opened.
        ended_at: when it closed, None while the outage lasts.
        jobs_affected: scenes that waited for its end.
        estimated: nobody saw its beginning or its end; the moment is the best known one.
    """

    started_at: float
    ended_at: float | None = None
    jobs_affected: int = 0
    estimated: bool = False

    @property
    def duration(self) -> float | None:
        """Seconds, None while the outage lasts; never negative."""
        return None if self.ended_at is None else max(0.0, self.ended_at - self.started_at)

    def ended(self, at: float, *, estimated: bool = False) -> Self:
        """Return this outage with its end, that no step of the clock puts before its start."""
        unsure = self.estimated or estimated or at < self.started_at
        return replace(self, ended_at=max(at, self.started_at), estimated=unsure)


@dataclass(frozen=True, slots=True)
class OutageMetrics:
    """What completed outages say.

    Attributes:
        mttr: mean duration in seconds, 0 without outages.
        mtbf: mean seconds from one's end to the next's start, 0 below two outages.
        availability: percent.
        total_downtime: seconds.
        outage_count: completed outages.
    """

    mttr: float
    mtbf: float
    availability: float
    total_downtime: float
    outage_count: int


class OutageHistory:
    """The newest outages, oldest first, of which only the last can be ongoing.

    Args:
        records: in that order.
        last_sign: when the ongoing outage was last seen to go on, as far as the records tell.
    """

    def __init__(self, records: Sequence[OutageRecord] = (), last_sign: float = 0.0) -> None:
        self._records = list(records)[-NEWEST:]
        self._last_sign = last_sign

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Return the history of a file's content, without what is garbage in it.

        A record without an end is joined with what follows it, or ends where it was last seen.
        """
        parsed = [_parse(one) for one in raw] if isinstance(raw, list) else []
        records = [record for record in parsed if record is not None]
        return cls(_joined(records), records[-1].started_at if records else 0.0)

    def to_state(self) -> list[dict[str, Any]]:
        """Return the content of `outage_history.json`."""
        return [_as_state(record) for record in self._records]

    @property
    def records(self) -> tuple[OutageRecord, ...]:
        """All outages, oldest first."""
        return tuple(self._records)

    @property
    def ongoing(self) -> OutageRecord | None:
        """The outage that lasts, if one does."""
        if self._records and self._records[-1].ended_at is None:
            return self._records[-1]
        return None

    def reconcile(
        self, now: float, *, opened_at: float | None, last_recovery: float, last_check: float
    ) -> None:
        """Bring the history in line with the breaker, once after both were loaded.

        A process can die between saving the one and the other: then an outage is closed that has
        no end here, or open that has no beginning.

        Args:
            now: the moment of loading; nothing is known to be later.
            opened_at: the breaker's, None while it is closed.
            last_recovery: `RecoveryState.last_recovery_time`.
            last_check: `RecoveryState.last_check_time`.
        """
        ongoing = self.ongoing
        if opened_at is not None and ongoing is None:
            self._append(OutageRecord(min(opened_at, now), estimated=True))
        elif opened_at is None and ongoing is not None:
            signs = (last_recovery, last_check, self._last_sign)
            last_known = next((sign for sign in signs if ongoing.started_at <= sign <= now), 0.0)
            end = max(last_known, ongoing.started_at)
            self._records[-1] = ongoing.ended(end, estimated=True)

    def begin(self, now: float) -> None:
        """The breaker opened. During an outage this is the same outage."""
        if self.ongoing is None:
            self._append(OutageRecord(now))

    def moved(self, seconds: float) -> None:
        """The clock was set by so much: the outage that lasts began at another time of it."""
        ongoing = self.ongoing
        if ongoing is not None:
            started_at = max(0.0, ongoing.started_at + seconds)
            self._records[-1] = replace(ongoing, started_at=started_at)

    def affected(self, jobs: int) -> None:
        """So many scenes wait for the end of the outage; the most that were told count."""
        ongoing = self.ongoing
        if ongoing is not None and jobs > ongoing.jobs_affected:
            self._records[-1] = replace(ongoing, jobs_affected=jobs)

    def end(self, now: float) -> OutageRecord | None:
        """The breaker closed; return the outage that ended with that."""
        ongoing = self.ongoing
        if ongoing is None:
            return None
        self._records[-1] = ongoing.ended(now)
        return self._records[-1]

    def _append(self, record: OutageRecord) -> None:
        self._records = [*self._records, record][-NEWEST:]


def calculate_outage_metrics(records: Iterable[OutageRecord]) -> OutageMetrics:
    """Return MTTR, MTBF and availability of the completed outages among these."""
    completed = sorted(
        (one.started_at, one.ended_at) for one in records if one.ended_at is not None
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
    """Return a duration in its two largest units: "2d 3h", "1h 5m", "2m 5s", "5s"."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    if hours:
        return f"{hours}h {minute}m"
    if minutes:
        return f"{minutes}m {second}s"
    return f"{second}s"


def format_elapsed_since(moment: float, now: float) -> str:
    """Return how long ago a moment was: "2m 5s ago"."""
    return f"{format_duration(now - moment)} ago"


def _parse(raw: Any) -> OutageRecord | None:
    stored = raw if isinstance(raw, dict) else {}
    started_at = parse_moment(stored.get("started_at"))
    if started_at is None:
        return None
    record = OutageRecord(
        started_at,
        jobs_affected=parse_count(stored.get("jobs_affected")) or 0,
        estimated=stored.get("estimated") is True,
    )
    ended_at = parse_moment(stored.get("ended_at"))
    return record if ended_at is None else record.ended(ended_at)


def _as_state(record: OutageRecord) -> dict[str, Any]:
    state = {
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration": record.duration,
        "jobs_affected": record.jobs_affected,
    }
    return {**state, "estimated": True} if record.estimated else state


def _joined(records: Sequence[OutageRecord]) -> list[OutageRecord]:
    """Return the records with one per outage; only the last can be without an end."""
    joined = list(records[:1])
    for before, record in pairwise(records):
        if joined[-1].ended_at is not None:
            joined.append(record)
        elif abs(record.started_at - before.started_at) <= _REOPENS_WITHIN:
            joined[-1] = _join(joined[-1], record)
        else:
            joined[-1] = joined[-1].ended(before.started_at, estimated=True)
            joined.append(record)
    return joined


def _join(orphan: OutageRecord, record: OutageRecord) -> OutageRecord:
    """Return the one outage of which these are two openings of the breaker."""
    return replace(
        record,
        started_at=min(orphan.started_at, record.started_at),
        jobs_affected=max(orphan.jobs_affected, record.jobs_affected),
        estimated=orphan.estimated or record.estimated,
    )

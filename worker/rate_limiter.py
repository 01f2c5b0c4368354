"""Limits the rate of jobs as the settings require, and after an outage.

After an outage, all waiting jobs at once could overload Plex.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median

from shared.events import Event, Report
from validation.config import Config
from validation.quiet_hours import QuietHours, quiet_hours
from worker.recovery import RAMP_SECONDS
from worker.sync.session import SyncSession

FIRST_RATE = 5.0
LAST_RATE = 20.0
ERROR_WINDOW = 60.0
SLOWED_SECONDS = 60.0
SLOW_ABOVE = 0.30
RESTORE_BELOW = 0.10
_NEGLIGIBLE_TOKENS = 1e-4
_ROUNDING = 1e-3

MINUTE = 60.0
LIMITED_BATCH_SECONDS = 5.0
# While edits take more than SLOW_FACTOR times as long as usual, the worker waits between batches.
EDITS_JUDGED = 20
SLOW_FACTOR = 2.0
FASTEST_USUAL = 0.02
SHORTEST_DELAY, LONGEST_DELAY = 5.0, 60.0
# The usual duration rises slowly, so that a slow hour of Plex does not become the usual duration.
_RISE, _FALL = 1 / 500, 1 / 10


class RecoveryRateLimiter:
    def __init__(self, ramp: Callable[[float], float | None]) -> None:
        self._ramp = ramp
        self._at: float | None = None
        self._begin()

    def seconds_until_allowed(self, now: float) -> float:
        at = self._advance(now)
        missing = 1.0 - self._tokens
        return 0.0 if at is None or missing <= _NEGLIGIBLE_TOKENS else missing / self._rate(at)

    def take(self, now: float) -> None:
        if self._advance(now) is not None:
            self._tokens -= 1.0

    def record(self, now: float, *, failed: bool) -> None:
        at = self._advance(now)
        if at is not None:
            self._outcomes.append((at, failed))
            self._judge(at)

    def _begin(self) -> None:
        self._tokens = 1.0
        self._slowed_at: float | None = None
        self._outcomes: deque[tuple[float, bool]] = deque()

    def _advance(self, now: float) -> float | None:
        before, at = self._at, self._ramp(now)
        if at is None:
            self._at = None
        elif before is None or at < before - _ROUNDING:
            self._at = at
            self._begin()
        elif at > before:
            self._tokens = min(1.0, self._tokens + (at - before) * self._rate(before))
            self._at = at
            self._judge(at)
        return self._at

    def _rate(self, at: float) -> float:
        rate = FIRST_RATE + (LAST_RATE - FIRST_RATE) * at / RAMP_SECONDS
        return rate if self._slowed_at is None else rate / 2

    def _judge(self, at: float) -> None:
        while self._outcomes and self._outcomes[0][0] <= at - ERROR_WINDOW:
            self._outcomes.popleft()
        share = fmean(failed for _, failed in self._outcomes) if self._outcomes else 0.0
        if self._slowed_at is None:
            if share > SLOW_ABOVE:
                self._slowed_at = at
        elif share < RESTORE_BELOW and at - self._slowed_at >= SLOWED_SECONDS:
            self._slowed_at = None


@dataclass
class Pace:
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    report: Report
    is_ordered: bool = False  # whether a user started this run. Such a run has no rate limit
    _next: float = float("-inf")
    _delay: float = 0.0

    def quiet_hours(self, config: Config) -> QuietHours | None:
        return None if self.is_ordered else quiet_hours(config.quiet_hours, self.clock())

    def seconds_left(self) -> float:
        return 0.0 if self.is_ordered else max(0.0, self._next - self.monotonic())

    def is_limited(self, config: Config) -> bool:
        return not self.is_ordered and (config.max_scenes_per_minute > 0 or self._delay > 0)

    def most_jobs(self, config: Config, size: int) -> int:
        most = config.max_scenes_per_minute
        if not most or self.is_ordered:
            return size
        return min(size, max(1, int(most * LIMITED_BATCH_SECONDS / MINUTE)))

    def batch_ended(self, session: SyncSession, jobs: int, begun: float) -> None:
        most = session.config.max_scenes_per_minute
        self._delay = self._next_delay(session) if session.config.slow_down else 0.0
        limit = begun + MINUTE * jobs / most if most else begun
        self._next = max(limit, self.monotonic() + self._delay)

    def _next_delay(self, session: SyncSession) -> float:
        times, facts = session.client.edit_times, session.facts
        if 0 < len(times) < EDITS_JUDGED:
            return self._delay
        is_slow = False
        if times:
            seconds, known = median(times), facts.edit_seconds()
            usual = seconds if known is None else known
            usual += (seconds - usual) * (_RISE if seconds > usual else _FALL)
            facts.note_edit_seconds(usual)
            is_slow = seconds > SLOW_FACTOR * max(usual, FASTEST_USUAL)
            if is_slow and not self._delay:
                self.report(Event.SYNC_SLOWED, milliseconds=seconds * 1000, usual=usual * 1000)
        times.clear()
        if is_slow:
            return min(LONGEST_DELAY, max(SHORTEST_DELAY, self._delay * 2))
        return self._delay / 2 if self._delay > SHORTEST_DELAY else 0.0

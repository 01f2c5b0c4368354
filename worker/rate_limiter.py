"""Limits the rate of jobs after an outage, because all waiting jobs at once could overload Plex.

A token bucket allows 5 jobs per second at first. The rate rises to 20 jobs per second within 300 s,
and then the limit ends. If more than 30 % of the jobs fail, the rate is halved until less than 10 %
fail.
"""

from collections import deque
from collections.abc import Callable

from worker.recovery import RAMP_SECONDS

# Rates are in jobs per second.
FIRST_RATE = 5.0
LAST_RATE = 20.0
ERROR_WINDOW = 60.0
SLOWED_SECONDS = 60.0
SLOW_ABOVE = 0.30
RESTORE_BELOW = 0.10
# A job starts even if this share of a token is missing, because the clock is too coarse to measure
# such a short wait. The next job waits longer instead.
_ALMOST = 1e-4
_ROUNDING = 1e-3


class RecoveryRateLimiter:
    """All times count from the end of the outage, so a change of the clock has no effect."""

    def __init__(self, ramp: Callable[[float], float | None]) -> None:
        self._ramp = ramp
        self._at: float | None = None
        self._begin()

    def seconds_until_allowed(self, now: float) -> float:
        at = self._advance(now)
        missing = 1.0 - self._tokens
        return 0.0 if at is None or missing <= _ALMOST else missing / self._rate(at)

    def take(self, now: float) -> None:
        if self._advance(now) is not None:
            self._tokens -= 1.0

    def record(self, now: float, *, failed: bool) -> None:
        at = self._advance(now)
        if at is not None:
            self._outcomes.append((at, failed))
            self._failures += failed
            self._judge(at)

    def _begin(self) -> None:
        # The number of tokens is negative after jobs that started without a token.
        self._tokens = 1.0
        self._slowed_at: float | None = None
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0

    def _advance(self, now: float) -> float | None:
        """Add the tokens since the last call. Return the seconds since the end of the outage."""
        before, at = self._at, self._ramp(now)
        if at is None:
            self._at = None
        elif before is None or at < before - _ROUNDING:
            self._at = at
            self._begin()
        elif at > before:
            # The rate at the earlier time is lower, so the limit is never exceeded.
            self._tokens = min(1.0, self._tokens + (at - before) * self._rate(before))
            self._at = at
            self._judge(at)
        return self._at

    def _rate(self, at: float) -> float:
        rate = FIRST_RATE + (LAST_RATE - FIRST_RATE) * at / RAMP_SECONDS
        return rate if self._slowed_at is None else rate / 2

    def _judge(self, at: float) -> None:
        """Halve or restore the rate according to the share of failed jobs in the last 60 s."""
        while self._outcomes and self._outcomes[0][0] <= at - ERROR_WINDOW:
            self._failures -= self._outcomes.popleft()[1]
        share = self._failures / len(self._outcomes) if self._outcomes else 0.0
        if self._slowed_at is None:
            if share > SLOW_ABOVE:
                self._slowed_at = at
        elif share < RESTORE_BELOW and at - self._slowed_at >= SLOWED_SECONDS:
            self._slowed_at = None

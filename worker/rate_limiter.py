"""The rate limit after an outage, so that the waiting jobs do not cause the next outage.

A token bucket with one token allows 5 jobs per second at first, 20 after 300 s, and then all jobs.
While more than 30 % of the jobs fail, the rate is halved.
"""

from collections import deque
from collections.abc import Callable

from worker.recovery import RAMP_SECONDS

FIRST_RATE = 5.0  # jobs per second
LAST_RATE = 20.0
ERROR_WINDOW = 60.0  # seconds
SLOWED_SECONDS = 60.0  # the shortest time at half the rate
SLOW_ABOVE = 0.30  # share of failures within the window
RESTORE_BELOW = 0.10
# A share of a token. The clock is exact to a quarter of a microsecond only, so it could not show
# the wait for a smaller share. The next job waits for the missing share.
_ALMOST = 1e-4
_ROUNDING = 1e-3  # seconds


class RecoveryRateLimiter:
    """Spaces the jobs during the ramp after an outage; without a ramp there is no limit.

    All times count from the start of the ramp, so a change of the clock has no effect.
    """

    def __init__(self, ramp: Callable[[float], float | None]) -> None:
        self._ramp = ramp
        self._at: float | None = None
        self._begin()

    def seconds_until_allowed(self, now: float) -> float:
        """Return the seconds until the next job may start."""
        at = self._advance(now)
        missing = 1.0 - self._tokens
        return 0.0 if at is None or missing <= _ALMOST else missing / self._rate(at)

    def take(self, now: float) -> None:
        """Count a job that starts now."""
        if self._advance(now) is not None:
            self._tokens -= 1.0

    def record(self, now: float, *, failed: bool) -> None:
        """Count the end of a job, with or without a failure."""
        at = self._advance(now)
        if at is not None:
            self._outcomes.append((at, failed))
            self._failures += failed
            self._judge(at)

    def _begin(self) -> None:
        self._tokens = 1.0  # below 0 after jobs that did not wait
        self._slowed_at: float | None = None
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0

    def _advance(self, now: float) -> float | None:
        """Add the tokens since the last call, and return the seconds since the recovery."""
        before, at = self._at, self._ramp(now)
        if at is None:
            self._at = None
        elif before is None or at < before - _ROUNDING:  # another recovery
            self._at = at
            self._begin()
        elif at > before:
            # The rate rises, so the rate of the earlier moment never exceeds the limit.
            self._tokens = min(1.0, self._tokens + (at - before) * self._rate(before))
            self._at = at
            self._judge(at)
        return self._at

    def _rate(self, at: float) -> float:
        rate = FIRST_RATE + (LAST_RATE - FIRST_RATE) * at / RAMP_SECONDS
        return rate if self._slowed_at is None else rate / 2

    def _judge(self, at: float) -> None:
        """Halve or restore the rate by the share of failures within the window."""
        while self._outcomes and self._outcomes[0][0] <= at - ERROR_WINDOW:
            self._failures -= self._outcomes.popleft()[1]
        share = self._failures / len(self._outcomes) if self._outcomes else 0.0
        if self._slowed_at is None:
            if share > SLOW_ABOVE:
                self._slowed_at = at
        elif share < RESTORE_BELOW and at - self._slowed_at >= SLOWED_SECONDS:
            self._slowed_at = None

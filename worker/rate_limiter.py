"""How fast jobs may follow each other after an outage, so that they do not cause the next.

A token bucket of one token: 5 jobs a second at first, 20 after 300 s, without limit from then on.
While more than 30 % of the jobs fail, half of that.
"""

from collections import deque
from collections.abc import Callable

from worker.recovery import RAMP_SECONDS

FIRST_RATE = 5.0  # jobs per second
LAST_RATE = 20.0
ERROR_WINDOW = 60.0  # seconds
SLOWED_SECONDS = 60.0  # the least time at half the rate
SLOW_ABOVE = 0.30  # share of failures within the window
RESTORE_BELOW = 0.10
# Of a token: seconds since the epoch are exact to a quarter of a microsecond only, and to wait for
# what that leaves missing would take no time that a clock can show. It is owed, not forgiven.
_ALMOST = 1e-4
_ROUNDING = 1e-3  # seconds


class RecoveryRateLimiter:
    """Spaces the jobs of a recovery; without one it does nothing.

    It counts in seconds of the ramp only, so it needs no care for steps of the clock, and survives
    a restart by what `RecoveryScheduler` keeps.

    Args:
        ramp: seconds since the recovery at a moment, None when none is in progress:
            `RecoveryScheduler.ramp_elapsed`.
    """

    def __init__(self, ramp: Callable[[float], float | None]) -> None:
        self._ramp = ramp
        self._pace: _Pace | None = None

    def seconds_until_allowed(self, now: float) -> float:
        """Return how long the next job has to wait."""
        pace = self._pace_at(now)
        return pace.seconds_until_token() if pace else 0.0

    def take(self, now: float) -> None:
        """A job goes now."""
        pace = self._pace_at(now)
        if pace:
            pace.tokens -= 1.0

    def record(self, now: float, *, failed: bool) -> None:
        """A job ended; `failed` when that was an error of Plex."""
        pace = self._pace_at(now)
        if pace:
            pace.record(failed=failed)

    def _pace_at(self, now: float) -> "_Pace | None":
        elapsed = self._ramp(now)
        if elapsed is None:
            self._pace = None
        elif self._pace is None or elapsed < self._pace.at - _ROUNDING:  # another recovery
            self._pace = _Pace(elapsed)
        else:
            self._pace.advance(elapsed)
        return self._pace


class _Pace:
    """The bucket of one recovery, and the failures that narrow it.

    Attributes:
        at: seconds since the recovery.
        tokens: 1 lets a job go; below 0 when jobs went without asking.
    """

    def __init__(self, at: float) -> None:
        self.at = at
        self.tokens = 1.0
        self._slowed_at: float | None = None
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0

    def advance(self, at: float) -> None:
        """Bring it up to a moment; one that is past by rounding changes nothing."""
        if at <= self.at:
            return
        # At the rate of the beginning, which is never above the limit of what follows.
        self.tokens = min(1.0, self.tokens + (at - self.at) * self._rate())
        self.at = at
        self._judge()

    def seconds_until_token(self) -> float:
        missing = 1.0 - self.tokens
        return missing / self._rate() if missing > _ALMOST else 0.0

    def record(self, *, failed: bool) -> None:
        self._outcomes.append((self.at, failed))
        self._failures += failed
        self._judge()

    def _rate(self) -> float:
        rate = FIRST_RATE + (LAST_RATE - FIRST_RATE) * self.at / RAMP_SECONDS
        return rate if self._slowed_at is None else rate / 2

    def _judge(self) -> None:
        """Slow down or restore by the share of failures within the window."""
        while self._outcomes and self._outcomes[0][0] <= self.at - ERROR_WINDOW:
            self._failures -= self._outcomes.popleft()[1]
        share = self._failures / len(self._outcomes) if self._outcomes else 0.0
        if self._slowed_at is None:
            if share > SLOW_ABOVE:
                self._slowed_at = self.at
        elif share < RESTORE_BELOW and self.at - self._slowed_at >= SLOWED_SECONDS:
            self._slowed_at = None

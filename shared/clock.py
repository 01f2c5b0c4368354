"""Clocks: seconds that never step, steps of the machine's clock, and another machine's clock."""

import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

STEP = 30.0  # seconds


def steady() -> float:
    """Return seconds that never step, and that include sleep of the machine where it tells."""
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if sys.platform == "win32" or boot_time is None:
        return time.monotonic()
    return time.clock_gettime(boot_time)


class ClockSteps:
    """Detects that the machine's clock was set, by comparing it with a clock that never steps."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = clock() - monotonic()

    def taken(self) -> float:
        """Return the seconds by which the clock was set since the last call, below 0 for back.

        The small corrections of time synchronization count as 0.
        """
        before, self._ahead = self._ahead, self._clock() - self._monotonic()
        step = self._ahead - before
        return step if abs(step) > STEP else 0.0

    def back(self) -> bool:
        """Tell whether the clock was set back since the last call."""
        return self.taken() < 0


def seconds_ahead(date: str, now: float) -> float | None:
    """Return how far the clock behind an HTTP `Date` is ahead of ours; None if it is unreadable."""
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None

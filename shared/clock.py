"""The time since boot, changes of the system clock, and the clock of another machine."""

import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

STEP = 30.0  # seconds; time synchronization makes smaller corrections


def steady() -> float:
    """Return a monotonic time in seconds; on Linux it includes the machine's sleep."""
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if sys.platform == "win32" or boot_time is None:
        return time.monotonic()
    return time.clock_gettime(boot_time)


class ClockSteps:
    """Detects that the system clock was set, by comparing it with a monotonic clock."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = clock() - monotonic()

    def taken(self) -> float:
        """Return how far, in seconds, the clock was set forward since the last call."""
        before, self._ahead = self._ahead, self._clock() - self._monotonic()
        step = self._ahead - before
        return step if abs(step) > STEP else 0.0

    def back(self) -> bool:
        return self.taken() < 0


def seconds_ahead(date: str, now: float) -> float | None:
    """Return by how many seconds an HTTP `Date` is ahead of `now`; None if it is invalid."""
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None

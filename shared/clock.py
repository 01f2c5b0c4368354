import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

# Small steps are ignored, because time synchronization often corrects the clock a little.
SMALLEST_STEP = 30.0


def boot_time() -> float:
    """Return a monotonic time in seconds, which on Linux includes the time of standby."""
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockSteps:
    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = clock() - monotonic()

    def taken(self) -> float:
        """Return by how many seconds the clock was set forward since the last call."""
        before, self._ahead = self._ahead, self._clock() - self._monotonic()
        step = self._ahead - before
        return step if abs(step) > SMALLEST_STEP else 0.0


def seconds_ahead(http_date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(http_date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None

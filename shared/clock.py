"""Clocks: seconds that never step, and steps of the machine's clock."""

import sys
import time
from collections.abc import Callable

STEP = 30.0  # seconds


def steady() -> float:
    """Return seconds that no setting of the clock steps, and that pass while the machine sleeps.

    Where the system has no such clock, sleep is left out.
    """
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if sys.platform == "win32" or boot_time is None:
        return time.monotonic()
    return time.clock_gettime(boot_time)


class ClockSteps:
    """Tells whether the machine's clock was set."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = clock() - monotonic()

    def taken(self) -> float:
        """Return by how many seconds it was set since the last call, below 0 for back.

        0 for what it is kept right by.
        """
        before, self._ahead = self._ahead, self._clock() - self._monotonic()
        step = self._ahead - before
        return step if abs(step) > STEP else 0.0

    def back(self) -> bool:
        """Tell whether it was set back since the last call."""
        return self.taken() < 0

"""Sleeping until there is something to do: a due job, a new one, or the order to stop."""

import sqlite3
import sys
import threading
import time
from collections.abc import Callable

from sync_queue.manager import QueueManager

STEP = 30.0  # seconds
LOOKS_PER_SECOND = 5  # each reads shared memory only, no disk
# A bulk edit in Stash starts one hook after another, and the user waits for the last of them. With
# a worker at work beside them 1,000 hooks took 1.54 times as long as with an empty plugin.
BURST = 3  # jobs in the spool; with more of them the worker waits for the end of a burst
QUIET = 0.3  # seconds without a new job that end a burst; a hook starts each 0.02
LONGEST_BURST = 30.0  # seconds that its first job waits at most


class Waiter:
    """Waits for time to pass or for another process to change the queue.

    Args:
        queue: another process changes its database or its spool.
        stop: set when the worker shall end.
        monotonic: a clock in seconds that never steps.
    """

    def __init__(
        self,
        queue: QueueManager,
        stop: threading.Event,
        monotonic: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._stop = stop
        self._monotonic = monotonic
        self._seen = self._counter()
        self._seen_names = queue.spool.names()

    def wait(self, seconds: float) -> None:
        """Return after that time, at once when the queue changes, or when it is time to stop."""
        end = self._monotonic() + seconds
        while not self._stop.is_set() and not self._changed():
            left = end - self._monotonic()
            if left <= 0:
                return
            self._stop.wait(min(left, 1.0 / LOOKS_PER_SECOND))

    def wait_for_end_of_burst(self) -> None:
        """Return when hooks no longer leave one job after another, after half a minute at most."""
        end = self._monotonic() + LONGEST_BURST
        names = self._queue.spool.names()
        while len(names) > BURST and self._monotonic() < end and not self._stop.is_set():
            self._stop.wait(QUIET)
            before, names = names, self._queue.spool.names()
            if names <= before:
                return

    def _changed(self) -> bool:
        counter, names = self._counter(), self._queue.spool.names()
        is_new = not names <= self._seen_names
        self._seen_names = names
        changed = counter not in (None, self._seen)
        if changed:
            self._seen = counter
        return changed or is_new

    def _counter(self) -> int | None:
        try:
            return self._queue.jobs.change_counter()
        except sqlite3.DatabaseError:
            return None  # the next step, which comes at its time, finds out why


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

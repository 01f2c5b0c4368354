"""Decides when the worker's next step is due, and sleeps until then."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sync_queue.manager import QueueManager
from sync_queue.spool import CONNECTION
from validation.config import Config
from worker.jobs.missing_scenes import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS, SETTINGS_LOOK, Pauses
from worker.services import Services
from worker.sync.session import SyncSession

LOOKS_PER_SECOND = 5  # A check of the queue reads shared memory only, not the disk.
# A bulk edit in Stash runs one hook after another, and the user waits for the last hook. While
# a worker runs, 1,000 hooks take 1.54 times as long as an empty plugin. So the worker waits.
BURST = 3  # Number of spooled jobs above which the worker waits for the end of the burst.
QUIET = 0.3  # Seconds without a new job that end a burst, which has a job every 0.02 s.
LONGEST_BURST = 30.0  # Maximum seconds that the first job of a burst waits.


class IdleTask(Protocol):
    """A task that the worker does in short steps while no job is due."""

    def wants_a_step(self) -> bool:
        """Return whether a step may find work now, without a request to a server."""

    def step(self, session: SyncSession) -> bool:
        """Do one step, and return whether there was work; do not raise if a server fails."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Computes when the worker has work, without a request to a server."""

    services: Services
    guard: OutageGuard
    pauses: Pauses
    missing: MissingScenes
    idle_task: IdleTask | None = None

    def a_job_is_due(self) -> bool:
        return self._seconds_to_next_job() == 0

    def wants_idle_task(self, config: Config) -> bool:
        able = config.enabled and not self.pauses.active and not self.guard.is_away
        return able and self.idle_task is not None and self.idle_task.wants_a_step()

    def seconds_to_search(self) -> float | None:
        """Return the seconds until the next search for missing files; None if none is missing."""
        return self.missing.seconds_to_search(self.services.monotonic())

    def seconds_to_next_step(self, config: Config) -> float | None:
        """Return the seconds until the next step; None if there is no work."""
        next_job = self._seconds_to_next_job()
        pause = self.pauses.seconds_left
        if not config.enabled:  # a disabled worker neither searches files nor checks Plex
            return None if next_job is None else max(pause, min(next_job, config.poll_interval))
        idle_task = self.wants_idle_task(config)
        if next_job is None and not idle_task and not self.guard.is_away:
            return None
        if pause:
            return min(pause, SETTINGS_LOOK) if self.pauses.kind == SETTINGS else pause
        if self.guard.is_away:
            look = self.guard.seconds_to_next_check(due=next_job == 0)
            return min(look, config.poll_interval)
        if idle_task:
            return 0.0
        waits = (next_job, config.poll_interval, self.seconds_to_search())
        return min(wait for wait in waits if wait is not None)

    def _seconds_to_next_job(self) -> float | None:
        due = self.services.queue.jobs.next_due()
        return None if due is None else max(0.0, due - self.services.clock())


class Waiter:
    """Waits for a time to pass, or for another process to change the queue."""

    def __init__(
        self, queue: QueueManager, stop: threading.Event, monotonic: Callable[[], float]
    ) -> None:
        self._queue = queue
        self._stop = stop
        self._monotonic = monotonic
        self._counter = self._change_counter()
        self._names = queue.spool.names()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds; return early if the queue changes or the worker has to stop."""
        end = self._monotonic() + seconds
        while not self._stop.is_set() and not self._has_changed():
            left = end - self._monotonic()
            if left <= 0:
                return
            self._stop.wait(min(left, 1.0 / LOOKS_PER_SECOND))

    def wait_for_end_of_burst(self) -> None:
        """Wait until hooks store no more jobs, for at most 30 s."""
        end = self._monotonic() + LONGEST_BURST
        names = self._queue.spool.names()
        while (
            len(names - {CONNECTION}) > BURST
            and self._monotonic() < end
            and not self._stop.is_set()
        ):
            self._stop.wait(QUIET)
            before, names = names, self._queue.spool.names()
            if names <= before:
                return

    def _has_changed(self) -> bool:
        counter, names = self._change_counter(), self._queue.spool.names()
        has_changed = counter not in (None, self._counter) or not names <= self._names
        self._names = names
        self._counter = self._counter if counter is None else counter
        return has_changed

    def _change_counter(self) -> int | None:
        try:
            return self._queue.jobs.change_counter()
        except sqlite3.DatabaseError:
            return None  # the next step handles the error

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
from worker.rate_limiter import Pace
from worker.services import Services
from worker.sync.session import SyncSession

LOOKS_PER_SECOND = 5
# A busy worker makes the hooks of a bulk edit take 1.54 times as long. So if the spool has more
# than BURST jobs, the worker waits until no job has arrived for QUIET seconds.
BURST = 3
QUIET = 0.3
LONGEST_BURST = 30.0


class IdleTask(Protocol):
    def wants_a_step(self) -> bool:
        """Return whether a step could find work. The check sends no request to Plex or Stash."""

    def step(self, session: SyncSession) -> bool:
        """Return whether the step did some work. An error of Plex or Stash must not be raised."""


@dataclass(frozen=True, slots=True)
class Timetable:
    services: Services
    guard: OutageGuard
    pauses: Pauses
    missing: MissingScenes
    pace: Pace
    idle_task: IdleTask | None = None

    def a_job_is_due(self) -> bool:
        return self._seconds_to_next_job() == 0

    def wants_idle_task(self, config: Config) -> bool:
        able = config.enabled and not self.pauses.active and not self.guard.is_away
        able = able and not self.pace.quiet_hours(config)
        return able and self.idle_task is not None and self.idle_task.wants_a_step()

    def seconds_to_next_step(self, config: Config) -> float | None:
        next_job = self._seconds_to_next_job()
        pause = self.pauses.seconds_left
        if not config.enabled:
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
        waits = (next_job, config.poll_interval, self.missing.seconds_to_search())
        return min(wait for wait in waits if wait is not None)

    def _seconds_to_next_job(self) -> float | None:
        due = self.services.queue.next_due()
        return None if due is None else max(0.0, due - self.services.clock())


@dataclass
class Waiter:
    queue: QueueManager
    stop: threading.Event
    monotonic: Callable[[], float]

    def __post_init__(self) -> None:
        self._counter = self._change_counter()
        self._names = self.queue.spool.names()

    def wait(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while not self.stop.is_set() and not self._has_changed():
            left = end - self.monotonic()
            if left <= 0:
                return
            self.stop.wait(min(left, 1.0 / LOOKS_PER_SECOND))

    def wait_for_end_of_burst(self) -> None:
        end = self.monotonic() + LONGEST_BURST
        names = self.queue.spool.names()
        while len(names - {CONNECTION}) > BURST and self.monotonic() < end:
            if self.stop.wait(QUIET):
                return
            before, names = names, self.queue.spool.names()
            if names <= before:
                return

    def _has_changed(self) -> bool:
        counter, names = self._change_counter(), self.queue.spool.names()
        has_changed = counter not in (None, self._counter) or not names <= self._names
        self._names = names
        self._counter = self._counter if counter is None else counter
        return has_changed

    def _change_counter(self) -> int | None:
        try:
            return self.queue.change_counter()
        except sqlite3.DatabaseError:
            return None

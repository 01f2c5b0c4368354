"""When the worker works: its next step, the sleep until then, and the daily purge."""

import sqlite3
import threading
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from shared.events import Event
from stash.connection import parse_address
from sync_queue.dlq import DeadLetterQueue
from sync_queue.manager import QueueManager
from sync_queue.spool import CONNECTION
from validation.config import Config
from worker.jobs.missing import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS_LOOK, Pauses
from worker.services import Services
from worker.sync.session import SyncSession

DAY = 86_400.0  # seconds
LOOKS_PER_SECOND = 5  # each reads shared memory only, no disk
# A bulk edit in Stash starts one hook after another, and the user waits for the last of them. With
# a worker at work beside them 1,000 hooks took 1.54 times as long as with an empty plugin.
BURST = 3  # jobs in the spool; with more of them the worker waits for the end of a burst
QUIET = 0.3  # seconds without a new job that end a burst; a hook starts each 0.02
LONGEST_BURST = 30.0  # seconds that its first job waits at most


class IdleTask(Protocol):
    """Work while no job is due, in short steps so that jobs never wait for it."""

    def wants_a_step(self) -> bool:
        """Return whether a step may find work now; asks no server."""
        ...

    def step(self, session: SyncSession) -> bool:
        """Do a step; return False when there was no work.

        Servers that fail raise nothing. After any other exception, no step is wanted for a while.
        """
        ...


class Timetable:
    """Knows when there is something to do, without asking either server.

    Args:
        services: the objects of this process.
        guard: the worker's.
        pauses: the worker's.
        missing: the worker's.
        idle_task: the worker's.
        on_connection: gets a connection to Stash that a hook or task has left.

    Raises (all methods):
        sqlite3.Error: the database cannot be used.
    """

    def __init__(
        self,
        services: Services,
        guard: OutageGuard,
        pauses: Pauses,
        missing: MissingScenes,
        idle_task: IdleTask | None = None,
        on_connection: Callable[[Any], None] = lambda _connection: None,
    ) -> None:
        self._services = services
        self._guard = guard
        self._pauses = pauses
        self._missing = missing
        self._idle_task = idle_task
        self._on_connection = on_connection

    def import_spool(self) -> None:
        """Take what hooks and tasks have left: jobs, and a connection to Stash."""
        self._services.queue.import_spool(self._services.log.event)
        connection = self._services.queue.spool.take_connection()
        if connection is not None:
            self._services.stash.offer(parse_address(connection))
            self._on_connection(connection)
            self._pauses.end_if_about_stash()

    def a_job_is_due(self) -> bool:
        """Tell whether a job waits that may run now."""
        due = self._services.queue.jobs.next_due()
        return due is not None and due <= self._services.clock()

    def wants_idle_task(self, config: Config) -> bool:
        """Return whether the idle task may do a step now."""
        able = config.enabled and not self._pauses.active and not self._guard.is_away
        return able and self._idle_task is not None and self._idle_task.wants_a_step()

    def do_idle_step(self, session: SyncSession) -> bool:
        """Do a step of the idle task; report a bug in it, which ends no worker."""
        try:
            return self._idle_task is not None and self._idle_task.step(session)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001 - the worker survives any bug, and reports it
            self._services.log.event(Event.BUG, trace=traceback.format_exc())
            return False

    def seconds_to_search(self) -> float | None:
        """Return when the next look for missing files is due; None when none is missing."""
        return self._missing.seconds_to_next_look(self._services.monotonic())

    def seconds_to_next_step(self, config: Config) -> float | None:
        """Return how long to wait for the next step; None when nothing waits.

        Args:
            config: of the last session.
        """
        due = self._services.queue.jobs.next_due()
        if not config.enabled:  # nobody looks for anything then, nor after Plex
            left = self._pauses.seconds_left
            ahead = None if due is None else max(0.0, due - self._services.clock())
            return None if ahead is None else max(left, min(ahead, config.poll_interval))
        idle_task = self.wants_idle_task(config)
        if due is None and not idle_task and not self._guard.is_away:
            return None
        if self._pauses.active:
            left = self._pauses.seconds_left
            return min(left, SETTINGS_LOOK) if self._pauses.about_settings else left
        if self._guard.is_away:
            is_due = due is not None and due <= self._services.clock()
            look = self._guard.seconds_to_next_look(due=is_due)
            return min(look, config.poll_interval)
        search = self.seconds_to_search()
        if idle_task:
            return 0.0
        next_job = max(0.0, (due or 0.0) - self._services.clock())
        return min(next_job, config.poll_interval, *([] if search is None else [search]))


class Retention:
    """Drops old dead letters when a worker starts and once a day.

    Args:
        letters: the dead letters.
    """

    def __init__(
        self,
        letters: DeadLetterQueue,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._letters = letters
        self._clock = clock
        self._monotonic = monotonic
        self._purged_at = float("-inf")

    def purge(self, days: int) -> None:
        """Drop, if it is time, the letters that are older than so many days.

        Raises:
            sqlite3.Error: the database cannot be used.
        """
        now = self._monotonic()
        if now - self._purged_at >= DAY:
            self._purged_at = now
            self._letters.purge(self._clock() - days * DAY)


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
        self._kept_names: frozenset[str] = frozenset()

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
        jobs = names - self._kept_names - {CONNECTION}
        while len(jobs) > BURST and self._monotonic() < end and not self._stop.is_set():
            self._stop.wait(QUIET)
            before, names = names, self._queue.spool.names()
            if names <= before:
                self._kept_names = names  # what the import leaves of them is no burst
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

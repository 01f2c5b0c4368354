"""When the worker works: its next step, and the sleep until then."""

import sqlite3
import threading
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from shared.events import Event
from stash.connection import parse_address
from sync_queue.manager import QueueManager
from sync_queue.spool import CONNECTION
from validation.config import Config
from worker.jobs.missing import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS, SETTINGS_LOOK, STASH, Pauses
from worker.services import Services
from worker.sync.session import SyncSession

LOOKS_PER_SECOND = 5  # each reads shared memory only, no disk
# A bulk edit in Stash starts one hook after another, and the user waits for the last of them. A
# worker that works at the same time makes 1,000 hooks take 1.54 times as long as an empty plugin.
BURST = 3  # jobs in the spool; with more of them the worker waits for the end of a burst
QUIET = 0.3  # seconds without a new job that end a burst; a hook starts each 0.02 s
LONGEST_BURST = 30.0  # the longest wait of its first job in seconds


class IdleTask(Protocol):
    """Work while no job is due, in short steps so that jobs never wait for it."""

    def wants_a_step(self) -> bool:
        """Return whether a step may find work now; asks no server."""
        ...

    def step(self, session: SyncSession) -> bool:
        """Do a step; return False if there was no work.

        Servers that fail raise nothing. After any other exception, no step is wanted for a while.
        """
        ...


class Timetable:
    """Knows when there is something to do, without a request to a server.

    All methods raise `sqlite3.Error` if the database cannot be used.
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
        """Import jobs of hooks and tasks, and a connection to Stash that they left."""
        self._services.queue.import_spool(self._services.log.event)
        connection = self._services.queue.spool.take_connection()
        if connection is not None:
            self._services.stash.offer(parse_address(connection))
            self._on_connection(connection)
            if self._pauses.kind == STASH:
                self._pauses.end_now()

    def a_job_is_due(self) -> bool:
        """Return whether a job may run now."""
        return self._seconds_to_next_job() == 0

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
        """Return the wait until the next search for missing files; None if no file is missing."""
        return self._missing.seconds_to_search(self._services.monotonic())

    def seconds_to_next_step(self, config: Config) -> float | None:
        """Return the wait until the next step; None if nothing waits."""
        next_job = self._seconds_to_next_job()
        pause = self._pauses.seconds_left
        if not config.enabled:  # a disabled worker looks for no file, and not after Plex
            return None if next_job is None else max(pause, min(next_job, config.poll_interval))
        idle_task = self.wants_idle_task(config)
        if next_job is None and not idle_task and not self._guard.is_away:
            return None
        if pause:
            return min(pause, SETTINGS_LOOK) if self._pauses.kind == SETTINGS else pause
        if self._guard.is_away:
            look = self._guard.seconds_to_next_look(due=next_job == 0)
            return min(look, config.poll_interval)
        if idle_task:
            return 0.0
        waits = (next_job, config.poll_interval, self.seconds_to_search())
        return min(wait for wait in waits if wait is not None)

    def _seconds_to_next_job(self) -> float | None:
        due = self._services.queue.jobs.next_due()
        return None if due is None else max(0.0, due - self._services.clock())


class Waiter:
    """Waits for time to pass or for another process to change the queue."""

    def __init__(
        self, queue: QueueManager, stop: threading.Event, monotonic: Callable[[], float]
    ) -> None:
        self._queue = queue
        self._stop = stop
        self._monotonic = monotonic
        self._counter = self._change_counter()
        self._names = queue.spool.names()
        self._kept_names: frozenset[str] = frozenset()

    def wait(self, seconds: float) -> None:
        """Return after that time, or as soon as the queue changes or the worker is to stop."""
        end = self._monotonic() + seconds
        while not self._stop.is_set() and not self._has_changed():
            left = end - self._monotonic()
            if left <= 0:
                return
            self._stop.wait(min(left, 1.0 / LOOKS_PER_SECOND))

    def wait_for_end_of_burst(self) -> None:
        """Return once hooks no longer leave one job after another, after half a minute at most."""
        end = self._monotonic() + LONGEST_BURST
        names = self._queue.spool.names()
        jobs = names - self._kept_names - {CONNECTION}
        while len(jobs) > BURST and self._monotonic() < end and not self._stop.is_set():
            self._stop.wait(QUIET)
            before, names = names, self._queue.spool.names()
            if names <= before:
                self._kept_names = names  # what the import leaves of them is no burst
                return

    def _has_changed(self) -> bool:
        counter, names = self._change_counter(), self._queue.spool.names()
        has_changed = counter not in (None, self._counter) or not names <= self._names
        self._names = names
        if counter is not None:
            self._counter = counter
        return has_changed

    def _change_counter(self) -> int | None:
        try:
            return self._queue.jobs.change_counter()
        except sqlite3.DatabaseError:
            return None  # the next step finds out why

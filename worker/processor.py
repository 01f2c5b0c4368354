import sqlite3
import threading
import traceback
from collections.abc import Callable
from typing import Any

from plex.exceptions import PlexError
from shared.clock import ClockSteps
from shared.events import Event
from shared.sqlite import error_code
from stash.connection import parse_address
from stash.exceptions import StashAuthError, StashError
from sync_queue.quarantine import is_damage
from validation.config import Config
from worker.batch_runner import BatchRunner
from worker.finalizer import Finalizer
from worker.jobs.missing_scenes import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import DATABASE, QUIET_HOURS, SETTINGS, STASH, Pauses, database_fault
from worker.process.outcome import DrainOutcome
from worker.rate_limiter import Pace
from worker.services import Services
from worker.sync.session import ConfigFault, SyncSession
from worker.timetable import IdleTask, Timetable, Waiter

DAY = 86_400.0
IDLE_SECONDS = 60.0
SETTINGS_SECONDS = 0.5
# The longest delay of a retry, even if Plex asks for more with the header Retry-After.
LONGEST_BACKOFF = 3700.0


class SyncWorker:
    """Processes the queue's jobs. Only a process that holds the worker lock may create a worker."""

    def __init__(
        self,
        services: Services,
        stop: threading.Event | None = None,
        *,
        guard: OutageGuard | None = None,
        pauses: Pauses | None = None,
        idle_task: IdleTask | None = None,
        is_installed: Callable[[], bool] = lambda: True,
        on_connection: Callable[[Any], None] = lambda _connection: None,
        on_progress: Callable[[int], None] = lambda _jobs: None,
        most_lines: int | None = None,
    ) -> None:
        queue, log = services.queue, services.log
        clock, monotonic = services.clock, services.monotonic
        self._services, self._queue, self._log = services, queue, log
        self._stop = stop or threading.Event()
        self._is_installed = is_installed
        self._on_connection = on_connection
        self._guard = guard or OutageGuard(services)
        self._waiter = Waiter(queue, self._stop, monotonic)
        self._is_only_run = pauses is None
        self._pauses = pauses or Pauses(services.folder.pause, log.event, clock, monotonic)
        self._missing = MissingScenes(queue, monotonic)
        self._pace = Pace(clock, monotonic, log.event, is_ordered=self._is_only_run)
        parts = (services, self._guard, self._pauses, self._missing, self._pace)
        self._timetable = Timetable(*parts, idle_task)
        self._finalizer = Finalizer(services, most_lines)
        loop = (self._timetable, self._finalizer, self._stop)
        self._runner = BatchRunner(*parts, *loop, on_progress)
        self._steps = ClockSteps(clock, monotonic)
        self._purged_at = self._read_at = float("-inf")
        self._config = Config()
        self._begun = False

    @property
    def pause_reason(self) -> str:
        return self._pauses.reason or self._guard.reason

    def stop(self) -> None:
        self._stop.set()

    def run_until_idle(self) -> DrainOutcome:
        """Process jobs until no job has come for a minute. Raise if the database is damaged."""
        idle_since: float | None = None
        while not self._stop.is_set():
            outcome = self._step()
            if outcome in (DrainOutcome.LEFT, DrainOutcome.UPDATED):
                return outcome
            seconds = self._seconds_to_next_step()
            if seconds != 0:
                self._finalizer.progress.drain_ended()
            if seconds is not None:
                idle_since = None
                self._waiter.wait(seconds)
                continue
            self._pauses.end_if_queue_is_empty()
            now = self._services.monotonic()
            idle_since = now if idle_since is None else idle_since
            if now - idle_since >= IDLE_SECONDS:
                self._queue.note_finished()
                return DrainOutcome.IDLE
            self._waiter.wait(IDLE_SECONDS - (now - idle_since))
        return DrainOutcome.STOPPED

    def drain(self) -> DrainOutcome:
        has_checked = False
        while not self._stop.is_set():
            outcome = self._step()
            if outcome is DrainOutcome.PAUSED and self._guard.is_away and not has_checked:
                has_checked = True
                self._guard.recovery.make_due_soon()
                self._stop.wait(self._guard.seconds_to_next_check(due=True))
            elif outcome is not DrainOutcome.WORKED:
                return outcome
        return DrainOutcome.STOPPED

    def _begin(self) -> None:
        self._queue.resume()
        self._queue.cap_waits(LONGEST_BACKOFF)
        self._begun = True

    def _step(self) -> DrainOutcome:
        if not self._is_installed():
            return DrainOutcome.UPDATED
        try:
            outcome = self._try_step()
            if outcome is not DrainOutcome.WORKED:
                self._finalizer.progress.drain_ended()
            if outcome is DrainOutcome.DRAINED:
                self._pauses.end_if(STASH)
            return outcome
        except sqlite3.DatabaseError as error:
            return self._database_failed(error)

    def _database_failed(self, error: sqlite3.DatabaseError) -> DrainOutcome:
        is_read_only = error_code(error) == sqlite3.SQLITE_READONLY
        if is_damage(error) or (is_read_only and not self._is_only_run):
            raise error
        # The failed step may have left jobs marked as in progress. The next step removes the mark.
        self._begun = False
        self._pauses.begin(database_fault(error), DATABASE, error)
        return DrainOutcome.PAUSED

    def _try_step(self) -> DrainOutcome:
        if self._steps.taken() < 0 or not self._begun:
            # If the clock was set back, due times may be far in the future, so `_begin` caps them.
            self._begin()
        if not self._timetable.a_job_is_due():
            self._waiter.wait_for_end_of_burst()
        self._queue.import_spool(self._log.event)
        connection = self._queue.spool.take_connection()
        if connection is not None:
            self._services.stash.fallback = parse_address(connection)
            self._on_connection(connection)
            if self._pauses.kind == STASH:
                self._pauses.end_now()
        due = self._timetable.a_job_is_due()
        spare = not due and self._timetable.wants_idle_task(self._config)
        idle = not due and not spare and self._missing.seconds_to_search() != 0
        if idle and not self._guard.is_away:
            return DrainOutcome.DRAINED
        session = self._session()
        if isinstance(session, DrainOutcome):
            return session
        if not session.config.enabled:
            return self._runner.finish_disabled()
        return self._work(session, due=due, spare=spare)

    def _work(self, session: SyncSession, *, due: bool, spare: bool) -> DrainOutcome:
        config = session.config
        quiet = self._pace.quiet_hours(config)
        if quiet is not None:
            self._pauses.begin_quiet_hours(quiet)
            return DrainOutcome.PAUSED
        self._pauses.end_if(QUIET_HOURS)
        if not self._guard.allow(session.client, due=due):
            return DrainOutcome.PAUSED
        if self._missing.seconds_to_search() == 0:
            try:
                if found := self._missing.search(session):
                    self._log.event(Event.SCENES_FOUND, scenes=found)
            except PlexError as error:
                self._log.step(f"Plex was not searched for missing scenes: {error}")
        seconds = self._pace.seconds_left() if due else 0.0
        if seconds:
            self._stop.wait(seconds)
            return DrainOutcome.WORKED
        size = 1 if self._guard.is_away else self._pace.most_jobs(config, self._runner.size)
        claims = self._queue.claim(size, bulk_last=self._pace.is_limited(config))
        if claims:
            return self._runner.run(session, claims)
        self._finalizer.progress.drain_ended()
        done = spare and self._do_idle_step(session)
        return DrainOutcome.WORKED if done else DrainOutcome.DRAINED

    def _session(self) -> SyncSession | DrainOutcome:
        if self._pauses.active and self._pauses.kind != SETTINGS:
            return DrainOutcome.PAUSED
        try:
            if self._pauses.kind == STASH:
                self._services.stash.confirm_ready()
            session = self._read_session()
        except ConfigFault as fault:
            if not self._pauses.active:
                self._pauses.begin(str(fault), SETTINGS, fault)
            return DrainOutcome.PAUSED
        except StashAuthError as error:
            self._log.event(Event.STASH_REFUSED, error=error)
            return DrainOutcome.LEFT
        except StashError as error:
            self._pauses.begin(self._log.redact(str(error)), STASH, error)
            return DrainOutcome.PAUSED
        if self._pauses.active and session is self._runner.paused_session:
            return DrainOutcome.PAUSED
        self._pauses.end_now()
        self._config = session.config
        now = self._services.monotonic()
        if now - self._purged_at >= DAY:
            self._purged_at = now
            oldest = self._services.clock() - session.config.dlq_retention_days * DAY
            self._queue.dead_letters.purge(oldest)
        return session

    def _read_session(self) -> SyncSession:
        # In a bulk sync, read the settings only every SETTINGS_SECONDS. Reading them before each
        # batch would take 5 % of the time.
        now = self._services.monotonic()
        is_recent = self._runner.was_full and now - self._read_at < SETTINGS_SECONDS
        self._read_at = self._read_at if is_recent else now
        return self._services.sessions.current(reads=not is_recent)

    def _do_idle_step(self, session: SyncSession) -> bool:
        try:
            task = self._timetable.idle_task
            return task is not None and task.step(session)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001 - the worker survives any bug, and reports it
            self._log.event(Event.BUG, trace=traceback.format_exc())
            return False

    def _seconds_to_next_step(self) -> float | None:
        try:
            if self._begun:
                return self._timetable.seconds_to_next_step(self._config)
        except sqlite3.DatabaseError as error:
            self._database_failed(error)
        return self._pauses.seconds_left

"""The drain: claims due jobs batch by batch, and waits when there is nothing to do or no use."""

import sqlite3
import threading

from plex.exceptions import PlexError
from shared.clock import ClockSteps
from shared.events import Event
from stash.exceptions import StashAuthError, StashError
from sync_queue.quarantine import is_damage
from validation.config import Config
from worker.batch_runner import BATCH, BatchRunner, ClaimedBatch
from worker.environment import Environment
from worker.jobs.missing import MissingScenes
from worker.pauses import DATABASE, SETTINGS, STASH, Pauses, database_fault, is_read_only
from worker.process.outcome import DrainOutcome
from worker.schedule import Retention, Timetable, Waiter
from worker.settlement import Settlement
from worker.sync.session import ConfigFault, SyncSession

LINGER = 60.0  # seconds that an idle worker waits for more before it ends
LONGEST_BACKOFF = 3700.0  # seconds: no job is ever put off further, Retry-After included


class SyncWorker:
    """Drains the queue into Plex; to be run by the holder of the worker lock only.

    The detached worker runs it in a thread until it is idle, the task 'Process Queue' in the
    foreground until the queue is drained: one implementation for both.

    Raises (its two runs):
        sqlite3.DatabaseError: the database's content is damaged.
    """

    def __init__(self, environment: Environment, stop: threading.Event | None = None) -> None:
        self._env = environment
        self._queue = environment.queue
        self._guard = environment.guard
        self._log = environment.log
        self._stop = stop or threading.Event()
        self._waiter = Waiter(self._queue, self._stop, environment.monotonic)
        self._pauses = environment.pauses or Pauses(
            environment.monotonic, self._log.event, environment.on_pause
        )
        self._missing = MissingScenes(self._queue)
        self._timetable = Timetable(environment, self._pauses, self._missing)
        self._settlement = Settlement.of(environment)
        self._runner = BatchRunner(
            environment,
            self._pauses,
            self._missing,
            self._settlement,
            self._timetable.a_job_is_due,
            self._stop,
        )
        self._retention = Retention(
            self._queue.dead_letters, environment.clock, environment.monotonic
        )
        self._steps = ClockSteps(environment.clock, environment.monotonic)
        self._config = Config()
        self._begun = False

    @property
    def pause_reason(self) -> str:
        """Why nothing goes on: an outage, a setting, Stash; empty when work goes on."""
        return self._pauses.reason or self._guard.reason

    def stop(self) -> None:
        """Ask the worker to end after the scene in hand; may be called from any thread."""
        self._stop.set()

    def run_until_idle(self) -> DrainOutcome:
        """Work until nothing has waited for a minute, through retries and outages.

        Returns:
            `idle`, `stopped`, `updated` when the plugin's files have changed, or `left` when Stash
            rejects the worker's session.
        """
        idle_since: float | None = None
        while not self._stop.is_set():
            outcome = self._step()
            if outcome in (DrainOutcome.LEFT, DrainOutcome.UPDATED):
                return outcome
            seconds = self._seconds_to_next_step()
            if seconds is not None:
                idle_since = None
                self._waiter.wait(seconds)
                continue
            self._pauses.nothing_waits()
            now = self._env.monotonic()
            idle_since = now if idle_since is None else idle_since
            if now - idle_since >= LINGER:
                self._queue.note_finished()
                return DrainOutcome.IDLE
            self._waiter.wait(LINGER - (now - idle_since))
        return DrainOutcome.STOPPED

    def drain(self) -> DrainOutcome:
        """Work until no job is due.

        Returns:
            `drained`, `paused` (see `pause_reason`), `stopped`, `updated` or `left`.
        """
        looks = 0
        while not self._stop.is_set():
            outcome = self._step()
            if outcome is DrainOutcome.PAUSED and self._guard.is_away and looks == 0:
                # Whoever started this wants to know how Plex is now, not how it was.
                looks += 1
                self._guard.hurry()
                self._stop.wait(self._guard.seconds_to_next_look(due=True))
            elif outcome is not DrainOutcome.WORKED:
                return outcome
        return DrainOutcome.STOPPED

    # -- one step ---------------------------------------------------------------------------

    def _begin(self) -> None:
        self._queue.resume()
        self._queue.cap_waits(LONGEST_BACKOFF)
        self._begun = True

    def _step(self) -> DrainOutcome:
        """Do one batch, or find out why none can be done."""
        if not self._env.installed():
            return DrainOutcome.UPDATED
        try:
            outcome = self._try_step()
            if outcome is not DrainOutcome.WORKED:
                self._settlement.story.end()
            return outcome
        except sqlite3.DatabaseError as error:
            return self._database_failed(error)

    def _database_failed(self, error: sqlite3.DatabaseError) -> DrainOutcome:
        if is_damage(error) or (is_read_only(error) and self._env.pauses is not None):
            raise error  # the worker's process pauses and opens the database anew
        self._begun = False  # the step that failed may have left its jobs in progress
        self._pauses.begin(database_fault(error), DATABASE, error)
        return DrainOutcome.PAUSED

    def _try_step(self) -> DrainOutcome:
        if self._steps.back() or not self._begun:
            self._begin()  # no job may wait for a time that the clock has moved out of reach
        if not self._timetable.a_job_is_due():
            self._waiter.wait_for_end_of_burst()
        self._timetable.import_spool()
        due = self._timetable.a_job_is_due()
        spare = not due and self._timetable.wants_idle_task(self._config)
        idle = not due and not spare and self._timetable.seconds_to_search() != 0
        if idle and not self._guard.is_away:
            return DrainOutcome.DRAINED
        session = self._session()
        if isinstance(session, DrainOutcome):
            return session
        if not session.config.enabled:
            return self._finish_disabled()
        if not self._guard.allow(session.client, due=due):
            return DrainOutcome.PAUSED
        self._search(session)
        claims = self._queue.claim(1 if self._guard.is_away else self._runner.size)
        if not claims:
            done = spare and self._env.idle_task.step(session, self._log)
            return DrainOutcome.WORKED if done else DrainOutcome.DRAINED
        try:
            with ClaimedBatch(self._queue, session, claims) as batch:
                outcome = self._runner.run(batch)
        finally:
            self._guard.step_ended()
        self._settlement.batch_ended()
        return outcome

    def _finish_disabled(self) -> DrainOutcome:
        claims = self._queue.claim(BATCH)
        if not claims:
            return DrainOutcome.DRAINED
        self._runner.finish_disabled(claims)
        return DrainOutcome.WORKED

    def _session(self) -> SyncSession | DrainOutcome:
        """Return the session for this step, or what keeps the worker from having one."""
        if self._pauses.active and not self._pauses.about_settings:
            return DrainOutcome.PAUSED
        try:
            if self._pauses.about_stash:
                self._env.scenes.confirm_ready()
            session = self._env.sessions.current()
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
        self._retention.purge(session.config.dlq_retention_days)
        return session

    def _search(self, session: SyncSession) -> None:
        """Look, if it is time, for the files that Plex did not have."""
        if self._timetable.seconds_to_search() != 0:
            return
        try:
            woken = self._missing.look(session, self._env.monotonic())
        except PlexError as error:
            self._log.step(f"Plex was not asked for missing scenes: {error}")
        else:
            if woken:
                self._log.event(Event.SCENES_FOUND, scenes=woken)

    def _seconds_to_next_step(self) -> float | None:
        try:
            if self._begun:
                return self._timetable.seconds_to_next_step(self._config)
        except sqlite3.DatabaseError as error:
            self._database_failed(error)
        return self._pauses.seconds_left  # until the database can be used, whatever waits in it

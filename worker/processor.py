"""The drain: claims due jobs batch by batch, and waits when there is nothing to do or no use."""

import sqlite3
import threading
import traceback
from collections.abc import Sequence
from itertools import chain

from plex.exceptions import PlexError, PlexReadOnly, PlexTemporaryError
from shared.events import Event
from stash.exceptions import StashAuthError, StashError
from sync_queue.models import Claim
from sync_queue.rescue import is_damage
from validation.config import Config
from worker.backoff import calculate_delay, get_retry_params
from worker.batch import BatchSync
from worker.entity_jobs import EntityJobs
from worker.environment import Environment
from worker.failure_policy import Failure, FailurePolicy
from worker.folder_scans import FolderScans
from worker.missing import MissingScenes
from worker.pauses import DATABASE, SETTINGS, STASH, Pauses, database_fault, is_read_only
from worker.retry_policy import (
    Bury,
    Leave,
    OthersFirst,
    Outage,
    Pause,
    Retry,
)
from worker.scene_work import Result, forget_all, split_jobs
from worker.session import ConfigFault, SyncSession
from worker.settlement import Settlement
from worker.timetable import Retention, Timetable
from worker.waiting import ClockSteps, Waiter

BATCH = 50  # scenes in one batch; they share each read of Stash and Plex
LINGER = 60.0  # seconds that an idle worker waits for more before it ends
LONGEST_BACKOFF = 3700.0  # seconds: no job is ever put off further, Retry-After included

WORKED, DRAINED, PAUSED, STOPPED = "worked", "drained", "paused", "stopped"
IDLE, LEFT, UPDATED = "idle", "left", "updated"


class SyncWorker:
    """Drains the queue into Plex; to be run by the holder of the worker lock only.

    The detached worker runs it in a thread until it is idle, the task 'Process Queue' in the
    foreground until the queue is drained: one implementation for both.

    Raises (its two runs):
        sqlite3.DatabaseError: the database's content is damaged.
    """

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._queue = environment.queue
        self._guard = environment.guard
        self._log = environment.log
        self._stop = threading.Event()
        self._waiter = Waiter(self._queue, self._stop, environment.monotonic)
        self._pauses = environment.pauses or Pauses(
            environment.monotonic, self._log.event, environment.on_pause
        )
        self._paused_session: SyncSession | None = None
        self._missing = MissingScenes(self._queue)
        self._timetable = Timetable(environment, self._pauses, self._missing)
        self._scans = FolderScans(environment.scenes, environment.clock, environment.log)
        self._entities = EntityJobs(
            environment.queue, environment.scenes, environment.clock, self._stop.is_set
        )
        self._settlement = Settlement.of(environment)
        self._policy = FailurePolicy(environment)
        # After a failed batch the next is a single scene, then twice as many with each success: one
        # bad scene is found without its neighbours, and a sick server gets one request.
        self._limit = 1 if self._pauses.in_a_row else BATCH
        self._settled = 0
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

    def run_until_idle(self) -> str:
        """Work until nothing has waited for a minute, through retries and outages.

        Returns:
            `idle`, `stopped`, `updated` when the plugin's files have changed, or `left` when Stash
            rejects the worker's session.
        """
        idle_since: float | None = None
        while not self._stop.is_set():
            outcome = self._step()
            if outcome in (LEFT, UPDATED):
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
                return IDLE
            self._waiter.wait(LINGER - (now - idle_since))
        return STOPPED

    def drain(self) -> str:
        """Work until no job is due.

        Returns:
            `drained`, `paused` (see `pause_reason`), `stopped`, `updated` or `left`.
        """
        looks = 0
        while not self._stop.is_set():
            outcome = self._step()
            if outcome == PAUSED and self._guard.is_away and looks == 0:
                # Whoever started this wants to know how Plex is now, not how it was.
                looks += 1
                self._guard.hurry()
                self._stop.wait(self._guard.seconds_to_next_look(due=True))
            elif outcome != WORKED:
                return outcome
        return STOPPED

    # -- one step ---------------------------------------------------------------------------

    def _begin(self) -> None:
        self._queue.resume()
        self._queue.make_due(LONGEST_BACKOFF)
        self._begun = True

    def _step(self) -> str:
        """Do one batch, or find out why none can be done."""
        if not self._env.installed():
            return UPDATED
        try:
            outcome = self._try_step()
            if outcome != WORKED:
                self._settlement.story.end()
            return outcome
        except sqlite3.DatabaseError as error:
            return self._database_failed(error)

    def _database_failed(self, error: sqlite3.DatabaseError) -> str:
        if is_damage(error) or (is_read_only(error) and self._env.pauses is not None):
            raise error  # the worker's process pauses and opens the database anew
        self._begun = False  # the step that failed may have left its jobs in progress
        self._pauses.begin(database_fault(error), DATABASE, error)
        return PAUSED

    def _try_step(self) -> str:
        if self._steps.back() or not self._begun:
            self._begin()  # no job may wait for a time that the clock has moved out of reach
        if not self._timetable.a_job_is_due():
            self._waiter.wait_for_end_of_burst()
        self._timetable.import_spool()
        due = self._timetable.a_job_is_due()
        spare = not due and self._timetable.wants_idle_task(self._config)
        idle = not due and not spare and self._timetable.seconds_to_search() != 0
        if idle and not self._guard.is_away:
            return DRAINED
        session = self._session()
        if isinstance(session, str):
            return session
        if not session.config.enabled:
            return self._finish_disabled()
        if not self._guard.allow(session.client, due=due):
            return PAUSED
        self._search(session)
        claims = self._queue.claim(1 if self._guard.is_away else self._limit)
        if not claims:
            done = spare and self._env.idle_task.step(session, self._log)
            return WORKED if done else DRAINED
        unsettled = {claim.row_id: claim for claim in claims}
        try:
            outcome = self._work_on(session, claims, unsettled)
        finally:
            self._guard.step_ended()
            self._queue.give_back(list(unsettled.values()))
        self._settlement.batch_ended()
        return outcome

    def _session(self) -> SyncSession | str:
        """Return the session for this step, or what keeps the worker from having one."""
        if self._pauses.active and not self._pauses.about_settings:
            return PAUSED
        try:
            if self._pauses.about_stash:
                self._env.scenes.confirm_ready()
            session = self._env.sessions.current()
        except ConfigFault as fault:
            if not self._pauses.active:
                self._pauses.begin(str(fault), SETTINGS, fault)
            return PAUSED
        except StashAuthError as error:
            return self._leave(error)
        except StashError as error:
            self._pauses.begin(self._log.redact(str(error)), STASH, error)
            return PAUSED
        if self._pauses.active and session is self._paused_session:
            return PAUSED
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

    def _work_on(
        self, session: SyncSession, claims: list[Claim], unsettled: dict[int, Claim]
    ) -> str:
        env = self._env
        batch = BatchSync(session, env.scenes, env.images, self._queue, env.clock, self._log)
        try:
            return self._settle_all(batch, session, claims, unsettled)
        except sqlite3.Error:
            raise
        except (StashError, PlexError) as error:
            known = self._policy.diagnosed(error)
            return self._batch_failed(known, session, claims, unsettled)
        except Exception as error:  # noqa: BLE001 - the worker survives any bug, and tells it
            self._log.event(Event.BUG, trace=traceback.format_exc())
            return self._batch_failed(error, session, claims, unsettled)

    def _settle_all(
        self,
        batch: BatchSync,
        session: SyncSession,
        claims: list[Claim],
        unsettled: dict[int, Claim],
    ) -> str:
        begun = self._env.monotonic()
        jobs = split_jobs(claims)
        results = chain(
            forget_all(jobs.forgets),
            self._entities.run(session, jobs.entities),
            self._scans.run(session, jobs.scans),
            batch.run(jobs.scenes),
        )
        for result in self._guard.paced(results, self._stop.wait):
            outcome = self._settle(result, session, unsettled, self._env.monotonic() - begun)
            if outcome != WORKED or self._stop.is_set():
                return outcome
            begun = self._env.monotonic()
        self._missing.wake(session)
        self._limit = min(BATCH, self._limit * 2)
        return WORKED

    def _settle(
        self, result: Result, session: SyncSession, unsettled: dict[int, Claim], seconds: float
    ) -> str:
        if result.error is not None:
            known = self._policy.diagnosed(result.error)
            return self._settle_error(known, result, session, unsettled)
        self._settlement.done(result, seconds)
        self._forget(result.claims, unsettled)
        self._policy.succeeded(result)
        if result.by_plex:
            self._guard.succeeded()
        return WORKED

    # -- errors -----------------------------------------------------------------------------

    def _settle_error(
        self,
        error: Exception,
        result: Result,
        session: SyncSession,
        unsettled: dict[int, Claim],
    ) -> str:
        """Decide what becomes of a scene's jobs; returns as `_step`."""
        failure = self._policy.examined(error, result, session)
        error = failure.error
        for claim in result.claims:
            decision = self._policy.decide(failure, claim.job, self._config)
            if isinstance(decision, Leave):
                return self._leave(error)
            if isinstance(decision, OthersFirst):
                self._put_last(error, result, unsettled)
                return WORKED
            if isinstance(decision, Outage):
                self._plex_is_away(error, result, unsettled)
                return PAUSED
            if isinstance(decision, Pause):
                self._paused_session = session
                kind = STASH if decision.by_stash else SETTINGS
                self._pauses.begin(self._log.redact(str(error)), kind, error)
                self._limit = 1
                return PAUSED
            self._settlement.failed(decision, result, error, claim)
            self._forget([claim], unsettled)
        if isinstance(error, PlexError):
            self._guard.job_failed()
        return WORKED

    def _plex_is_away(self, error: Exception, result: Result, unsettled: dict[int, Claim]) -> None:
        """Count a failure of Plex; a job that met it right after a good health check goes last.

        Only where others are due: so there is always one to try Plex with, and who goes last waits
        no longer for the end of an outage than for the others.
        """
        others = len(unsettled) > len(result.claims) or self._timetable.a_job_is_due()
        last = self._guard.has_answered and others
        self._note_outage(error)
        self._limit = 1
        if last:
            wait = self._guard.seconds_to_next_look(due=True)
            self._put_last(error, result, unsettled, wait)

    def _note_outage(self, error: Exception) -> None:
        self._guard.failed(str(error), is_read_only=isinstance(error, PlexReadOnly))

    def _put_last(
        self, error: Exception, result: Result, unsettled: dict[int, Claim], wait: float = 0.0
    ) -> None:
        delay = calculate_delay(0, get_retry_params(type(error).__name__), self._env.uniform)
        reported = self._guard.is_away
        later = self._settlement.put_last(result, error, wait + delay, reported=reported)
        unsettled.update({claim.row_id: claim for claim in later})

    def _batch_failed(
        self,
        error: Exception,
        session: SyncSession,
        claims: list[Claim],
        unsettled: dict[int, Claim],
    ) -> str:
        """Settle an error of a whole batch: a fault of one scene is looked for one by one."""
        left = [claim for claim in claims if claim.row_id in unsettled]
        if not left:
            return WORKED  # it came when all was settled, so it is no job's
        decision = self._policy.decide(Failure(error), left[0].job, self._config)
        if isinstance(decision, Retry | Bury | Outage) and len(left) > 1:
            self._limit = 1
            down = isinstance(decision, Outage)
            maybe = isinstance(error, PlexTemporaryError)
            if not down and (not maybe or self._guard.check(session.client)):
                return WORKED
            self._note_outage(error)
            return PAUSED
        alone = Result(left[:1], f"Job {left[0].job.job_key}", error=error)
        return self._settle_error(error, alone, session, unsettled)

    def _leave(self, error: Exception) -> str:
        self._log.event(Event.STASH_REFUSED, error=error)
        return LEFT

    # -- bookkeeping ------------------------------------------------------------------------

    def _finish_disabled(self) -> str:
        claims = self._queue.claim(BATCH)
        if not claims:
            return DRAINED
        self._settlement.disabled(claims)
        self._forget(claims, {})
        return WORKED

    def _forget(self, claims: Sequence[Claim], unsettled: dict[int, Claim]) -> None:
        for claim in claims:
            unsettled.pop(claim.row_id, None)
            self._settled += 1
        self._pauses.succeeded()
        self._env.on_progress(self._settled)

    def _seconds_to_next_step(self) -> float | None:
        try:
            if self._begun:
                return self._timetable.seconds_to_next_step(self._config)
        except sqlite3.DatabaseError as error:
            self._database_failed(error)
        return self._pauses.seconds_left  # until the database can be used, whatever waits in it

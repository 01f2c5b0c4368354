import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from plex.exceptions import PlexError, PlexTemporaryError
from shared.events import Event
from stash.exceptions import StashError
from sync_queue.models import Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET, METADATA, subject_label
from worker.backoff import calculate_delay
from worker.failure_policy import Action, Diagnosis, FailurePolicy, decide
from worker.finalizer import Finalizer
from worker.jobs.entity_jobs import EntityJobs
from worker.jobs.folder_scans import FolderScans
from worker.jobs.missing_scenes import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS, STASH, Pauses
from worker.process.outcome import DrainOutcome
from worker.rate_limiter import Pace
from worker.services import Services
from worker.sync.batch import BatchSync
from worker.sync.results import Failed, FolderScanned, Gone, Skipped, Success, Synced
from worker.sync.session import SyncSession
from worker.timetable import Timetable

BATCH = 50


def jobs_by_kind(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    kinds: dict[str, list[Claim]] = {kind: [] for kind in (FORGET, ENTITY, FOLDER_SCAN, METADATA)}
    for claim in claims:
        kinds.get(claim.job.update_type, kinds[METADATA]).append(claim)
    return kinds


@dataclass(frozen=True, slots=True)
class _Batch:
    session: SyncSession
    unfinished: dict[int, Claim]


@dataclass
class BatchRunner:
    services: Services
    guard: OutageGuard
    pauses: Pauses
    missing: MissingScenes
    pace: Pace
    timetable: Timetable
    finalizer: Finalizer
    stop: threading.Event
    on_progress: Callable[[int], None]

    def __post_init__(self) -> None:
        # The first job after a pause runs alone, because it may be the job that caused the pause.
        self.size = 1 if self.pauses.delay else BATCH
        self.paused_session: SyncSession | None = None
        self.was_full = False
        self._policy = FailurePolicy(self.services, self.guard)
        self._scans = FolderScans(self.services)
        self._finalized = 0

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> DrainOutcome:
        batch = _Batch(session, {claim.row_id: claim for claim in claims})
        self.was_full = len(claims) == BATCH
        begun = self.services.monotonic()
        try:
            outcome = self._run(batch)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - the worker survives any bug, and reports it
            if not isinstance(error, StashError | PlexError):
                self.services.log.event(Event.BUG, trace=traceback.format_exc())
            outcome = self._fail_batch(error, batch)
        finally:
            self.services.queue.release(list(batch.unfinished.values()))
        self.finalizer.batch_ended()
        self.pace.batch_ended(session, len(claims), begun)
        return outcome

    def finish_disabled(self) -> DrainOutcome:
        claims = self.services.queue.claim(BATCH)
        if not claims:
            return DrainOutcome.DRAINED
        self.services.queue.ack(claims, succeeded=False)
        self.services.log.event(Event.JOBS_DISABLED, jobs=len(claims))
        self._count(len(claims))
        return DrainOutcome.WORKED

    def _run(self, batch: _Batch) -> DrainOutcome:
        session, jobs = batch.session, jobs_by_kind(batch.unfinished.values())
        forgotten = (Gone([claim], subject_label(claim.job.job_key)) for claim in jobs[FORGET])
        results = chain(
            forgotten,
            EntityJobs(self.services, self.stop.is_set).run(session, jobs[ENTITY]),
            self._scans.run(session, jobs[FOLDER_SCAN]),
            BatchSync(self.services, session).run(jobs[METADATA]),
        )
        begun = self.services.monotonic()
        for result in self.guard.limit_rate(results, self.stop.wait):
            if isinstance(result, Failed):
                outcome = self._fail(result, batch)
            else:
                outcome = self._succeed(result, batch, self.services.monotonic() - begun)
            must_stop = self.stop.is_set() or self.pace.quiet_hours(session.config)
            if outcome is not DrainOutcome.WORKED or must_stop:
                return outcome
            begun = self.services.monotonic()
        self.missing.make_found_due(session)
        self.size = min(BATCH, self.size * 2)
        return DrainOutcome.WORKED

    def _succeed(self, result: Success, batch: _Batch, seconds: float) -> DrainOutcome:
        self.finalizer.succeeded(result, seconds)
        self._close(result.claims, batch)
        wrote = isinstance(result, Synced) and bool(result.changed)
        self._policy.poison.succeeded(result.key, wrote=wrote)
        if isinstance(result, Synced | Skipped | FolderScanned) and result.by_plex:
            self.guard.served()
        return DrainOutcome.WORKED

    def _close(self, claims: Sequence[Claim], batch: _Batch) -> None:
        for claim in claims:
            batch.unfinished.pop(claim.row_id, None)
        self._count(len(claims))

    def _count(self, jobs: int) -> None:
        self._finalized += jobs
        self.pauses.succeeded()
        self.on_progress(self._finalized)

    def _fail(self, result: Failed, batch: _Batch) -> DrainOutcome:
        services, config = self.services, batch.session.config
        diagnosis = self._policy.diagnose(result, batch.session)
        result = replace(result, error=diagnosis.error)
        for claim in result.claims:
            decision = decide(diagnosis, claim.job, config, services.clock(), services.uniform)
            match decision:
                case Action.EXIT:
                    services.log.event(Event.STASH_REFUSED, error=result.error)
                    return DrainOutcome.LEFT
                case Action.OTHERS_FIRST:
                    self._postpone(result, batch)
                    return DrainOutcome.WORKED
                case Action.WAIT_FOR_PLEX:
                    # Plex passed a health check before this failure, so the job may be the cause.
                    goes_last = self.guard.last_check_succeeded and (
                        len(batch.unfinished) > len(result.claims) or self.timetable.a_job_is_due()
                    )
                    self.guard.failed(result.error)
                    self.size = 1
                    if goes_last:
                        self._postpone(result, batch, self.guard.seconds_to_next_check(due=True))
                    return DrainOutcome.PAUSED
                case Action.PAUSE | Action.WAIT_FOR_STASH:
                    self.paused_session = batch.session
                    kind = STASH if decision is Action.WAIT_FOR_STASH else SETTINGS
                    reason = services.log.redact(str(result.error))
                    self.pauses.begin(reason, kind, result.error)
                    self.size = 1
                    return DrainOutcome.PAUSED
                case _:
                    self.finalizer.failed(decision, result, claim)
                    self._close([claim], batch)
        if isinstance(result.error, PlexError):
            self.guard.served(failed=True)
        return DrainOutcome.WORKED

    def _postpone(self, result: Failed, batch: _Batch, wait: float = 0.0) -> None:
        wait += calculate_delay(result.error, 0, self.services.uniform)
        later = self.finalizer.postpone(result, wait, reported=self.guard.is_away)
        batch.unfinished.update({claim.row_id: claim for claim in later})

    def _fail_batch(self, error: Exception, batch: _Batch) -> DrainOutcome:
        claims = list(batch.unfinished.values())
        if not claims:
            return DrainOutcome.WORKED
        job, services, session = claims[0].job, self.services, batch.session
        if len(claims) > 1:
            error = self._policy.general_error(error)
            is_up = not isinstance(error, PlexTemporaryError) or self.guard.check(session.client)
            diagnosis, now = Diagnosis(error, plex_healthy=is_up), services.clock()
            decision = decide(diagnosis, job, session.config, now, services.uniform)
            if decision not in (Action.EXIT, Action.PAUSE, Action.WAIT_FOR_STASH):
                self.size = 1
                if decision is not Action.WAIT_FOR_PLEX:
                    return DrainOutcome.WORKED
                self.guard.failed(error)
                return DrainOutcome.PAUSED
        return self._fail(Failed(claims[:1], subject_label(job.job_key), error), batch)

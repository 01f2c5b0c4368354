"""Works on one batch of claimed jobs, and carries out the decision about each that fails."""

import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain

from plex.exceptions import PlexError, PlexReadOnly, PlexTemporaryError
from shared.events import Event
from stash.exceptions import StashError
from sync_queue.models import Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET, METADATA, subject_label
from worker.backoff import calculate_delay, get_retry_params
from worker.failure_policy import Action, Decision, Diagnosis, FailurePolicy, Retry, decide
from worker.finalizer import Finalizer
from worker.jobs.entity_jobs import EntityJobs
from worker.jobs.folder_scans import FolderScans
from worker.jobs.missing import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS, STASH, Pauses
from worker.process.outcome import DrainOutcome
from worker.services import Services
from worker.sync.batch import BatchSync
from worker.sync.results import Failed, FolderScanned, Gone, Result, Skipped, Synced
from worker.sync.session import SyncSession

BATCH = 50  # scenes in one batch; they share each read of Stash and Plex


def jobs_by_kind(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Return the claims by kind of job; a job of another kind counts as METADATA."""
    kinds: dict[str, list[Claim]] = {kind: [] for kind in (FORGET, ENTITY, FOLDER_SCAN, METADATA)}
    for claim in claims:
        kinds.get(claim.job.update_type, kinds[METADATA]).append(claim)
    return kinds


class ClaimedBatch:
    """The jobs of one step, and which of them are still open."""

    def __init__(self, session: SyncSession, claims: Sequence[Claim]) -> None:
        self.session = session
        self.claims = claims
        self._open = {claim.row_id: claim for claim in claims}

    @property
    def open(self) -> list[Claim]:
        """The jobs that are not finalized, in the order in which they were claimed."""
        return list(self._open.values())

    def close(self, claims: Iterable[Claim]) -> None:
        """Record that these jobs are finalized."""
        for claim in claims:
            self._open.pop(claim.row_id, None)

    def change(self, claims: Iterable[Claim]) -> None:
        """Replace open jobs by these, so that they are released in this state."""
        self._open.update({claim.row_id: claim for claim in claims})


class BatchRunner:
    """Works on batches; remembers what a batch shows about the next one.

    Attributes:
        size: the number of jobs to claim for the next batch. After a failed batch it is 1, and each
            success doubles it. So a poison job is found alone, and a sick Plex gets one request.
        paused_session: the session with which no job can succeed.
    """

    def __init__(
        self,
        services: Services,
        guard: OutageGuard,
        pauses: Pauses,
        missing: MissingScenes,
        finalizer: Finalizer,
        others_wait: Callable[[], bool],
        stop: threading.Event,
        on_progress: Callable[[int], None],
    ) -> None:
        self.size = 1 if pauses.in_a_row else BATCH
        self.paused_session: SyncSession | None = None
        self._services = services
        self._guard = guard
        self._log = services.log
        self._pauses = pauses
        self._missing = missing
        self._finalizer = finalizer
        self._others_wait = others_wait
        self._stop = stop
        self._on_progress = on_progress
        self._policy = FailurePolicy(services, guard)
        self._scans = FolderScans(services)
        self._entities = EntityJobs(services, stop.is_set)
        self._finalized = 0

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> DrainOutcome:
        """Work on the jobs, finalize each, and release those that are still open at the end.

        Raise `sqlite3.Error` if a database cannot be used.
        """
        batch = ClaimedBatch(session, claims)
        try:
            outcome = self._run(batch)
        except sqlite3.Error:
            raise
        except (StashError, PlexError) as error:
            outcome = self._fail_batch(self._policy.general_error(error), batch)
        except Exception as error:  # noqa: BLE001 - the worker survives any bug, and reports it
            self._log.event(Event.BUG, trace=traceback.format_exc())
            outcome = self._fail_batch(error, batch)
        finally:
            self._services.queue.jobs.release(batch.open)
        self._finalizer.batch_ended()
        return outcome

    def finish_disabled(self) -> DrainOutcome:
        """Acknowledge jobs without effect, because the user has disabled the plugin."""
        claims = self._services.queue.claim(BATCH)
        if not claims:
            return DrainOutcome.DRAINED
        self._finalizer.disabled(claims)
        self._count(len(claims))
        return DrainOutcome.WORKED

    def _run(self, batch: ClaimedBatch) -> DrainOutcome:
        begun = self._services.monotonic()
        for result in self._guard.paced(self._results(batch), self._stop.wait):
            outcome = self._finalize(result, batch, self._services.monotonic() - begun)
            if outcome is not DrainOutcome.WORKED or self._stop.is_set():
                return outcome
            begun = self._services.monotonic()
        self._missing.make_found_due(batch.session)
        self.size = min(BATCH, self.size * 2)
        return DrainOutcome.WORKED

    def _results(self, batch: ClaimedBatch) -> Iterable[Result]:
        session, jobs = batch.session, jobs_by_kind(batch.claims)
        return chain(
            (
                Gone([claim], subject_label(claim.job.job_key), "deleted in Stash")
                for claim in jobs[FORGET]
            ),
            self._entities.run(session, jobs[ENTITY]),
            self._scans.run(session, jobs[FOLDER_SCAN]),
            BatchSync(self._services, session).run(jobs[METADATA]),
        )

    def _finalize(self, result: Result, batch: ClaimedBatch, seconds: float) -> DrainOutcome:
        if isinstance(result, Failed):
            error = self._policy.general_error(result.error)
            return self._fail(replace(result, error=error), batch)
        self._finalizer.succeeded(result, seconds)
        self._close(result.claims, batch)
        self._policy.succeeded(result)
        if isinstance(result, Synced | Skipped | FolderScanned) and result.by_plex:
            self._guard.succeeded()
        return DrainOutcome.WORKED

    def _close(self, claims: Sequence[Claim], batch: ClaimedBatch) -> None:
        batch.close(claims)
        self._count(len(claims))

    def _count(self, jobs: int) -> None:
        self._finalized += jobs
        self._pauses.succeeded()
        self._on_progress(self._finalized)

    def _decide(self, diagnosis: Diagnosis, claim: Claim, batch: ClaimedBatch) -> Decision:
        services, config = self._services, batch.session.config
        return decide(diagnosis, claim.job, config, services.clock(), services.uniform)

    def _fail(self, result: Failed, batch: ClaimedBatch) -> DrainOutcome:
        """Carry out the decision about each job of a scene that failed."""
        diagnosis = self._policy.diagnose(result, batch.session)
        result = replace(result, error=diagnosis.error)
        for claim in result.claims:
            match decision := self._decide(diagnosis, claim, batch):
                case Action.EXIT:
                    self._log.event(Event.STASH_REFUSED, error=result.error)
                    return DrainOutcome.LEFT
                case Action.OTHERS_FIRST:
                    self._postpone(result, batch)
                    return DrainOutcome.WORKED
                case Action.WAIT_FOR_PLEX:
                    self._wait_for_plex(result, batch)
                    return DrainOutcome.PAUSED
                case Action.PAUSE | Action.WAIT_FOR_STASH:
                    self.paused_session = batch.session
                    kind = STASH if decision is Action.WAIT_FOR_STASH else SETTINGS
                    self._pauses.begin(self._log.redact(str(result.error)), kind, result.error)
                    self.size = 1
                    return DrainOutcome.PAUSED
                case _:
                    self._finalizer.failed(decision, result, claim)
                    self._close([claim], batch)
        if isinstance(result.error, PlexError):
            self._guard.job_failed()
        return DrainOutcome.WORKED

    def _wait_for_plex(self, result: Failed, batch: ClaimedBatch) -> None:
        """Record an outage; a job that failed right after a good health check goes last.

        It goes last only if other jobs are due, so there is always a job to try Plex with.
        """
        others = len(batch.open) > len(result.claims) or self._others_wait()
        goes_last = self._guard.has_answered and others
        self._record_outage(result.error)
        if goes_last:
            self._postpone(result, batch, self._guard.seconds_to_next_look(due=True))

    def _record_outage(self, error: Exception) -> None:
        self._guard.failed(str(error), is_read_only=isinstance(error, PlexReadOnly))
        self.size = 1

    def _postpone(self, result: Failed, batch: ClaimedBatch, wait: float = 0.0) -> None:
        params = get_retry_params(type(result.error).__name__)
        delay = wait + calculate_delay(0, params, self._services.uniform)
        batch.change(self._finalizer.postpone(result, delay, reported=self._guard.is_away))

    def _fail_batch(self, error: Exception, batch: ClaimedBatch) -> DrainOutcome:
        """Handle an error of a whole batch; if one scene may be at fault, try them one by one."""
        claims = batch.open
        if not claims:
            return DrainOutcome.WORKED  # all jobs were finalized before the error
        decision = self._decide(Diagnosis(error), claims[0], batch)
        is_outage = decision is Action.WAIT_FOR_PLEX
        may_be_one_scene = (
            is_outage or decision is Action.DEAD_LETTER or isinstance(decision, Retry)
        )
        if len(claims) == 1 or not may_be_one_scene:
            label = f"Job {claims[0].job.job_key}"
            return self._fail(Failed(claims[:1], label, error), batch)
        self.size = 1
        if isinstance(error, PlexTemporaryError) and not is_outage:
            is_outage = not self._guard.check(batch.session.client)
        if not is_outage:
            return DrainOutcome.WORKED
        self._record_outage(error)
        return DrainOutcome.PAUSED

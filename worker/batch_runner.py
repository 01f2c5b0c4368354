"""Works on one batch of claimed jobs, and decides what becomes of each that fails."""

import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from types import TracebackType
from typing import Self

from plex.exceptions import PlexError, PlexReadOnly, PlexTemporaryError
from shared.events import Event
from stash.exceptions import StashError
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET, METADATA
from worker.backoff import calculate_delay, get_retry_params
from worker.failure_policy import Failure, FailurePolicy
from worker.jobs.entity_jobs import EntityJobs
from worker.jobs.folder_scans import FolderScans
from worker.jobs.missing import MissingScenes
from worker.outage_guard import OutageGuard
from worker.pauses import SETTINGS, STASH, Pauses
from worker.process.outcome import DrainOutcome
from worker.retry_policy import Bury, Leave, OthersFirst, Outage, Pause, Retry
from worker.services import Services
from worker.settlement import Settlement
from worker.sync.batch import BatchSync
from worker.sync.results import Failed, FolderScanned, Result, Skipped, Synced, forget_all
from worker.sync.session import SyncSession

BATCH = 50  # scenes in one batch; they share each read of Stash and Plex


def jobs_by_kind(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Return the claims by kind of job; a job of another kind counts as METADATA."""
    kinds: dict[str, list[Claim]] = {kind: [] for kind in (FORGET, ENTITY, FOLDER_SCAN, METADATA)}
    for claim in claims:
        kinds.get(claim.job.update_type, kinds[METADATA]).append(claim)
    return kinds


class ClaimedBatch:
    """The jobs of one step. At its end those that nobody has settled go back to the queue.

    Args:
        session: settings and Plex, for all of them.
    """

    def __init__(self, queue: QueueManager, session: SyncSession, claims: Sequence[Claim]) -> None:
        self.session = session
        self.claims = claims
        self._queue = queue
        self._open = {claim.row_id: claim for claim in claims}

    @property
    def open(self) -> list[Claim]:
        """The jobs that are not settled, in the order in which they were claimed."""
        return list(self._open.values())

    def settle(self, claims: Iterable[Claim]) -> None:
        """Note that the queue knows what became of these jobs."""
        for claim in claims:
            self._open.pop(claim.row_id, None)

    def change(self, claims: Iterable[Claim]) -> None:
        """Give jobs back in this state at the end."""
        self._open.update({claim.row_id: claim for claim in claims})

    def __enter__(self) -> Self:
        """Return the batch."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give back what is not settled."""
        self._queue.jobs.release(self.open)


class BatchRunner:
    """Works on batches; remembers what a batch teaches about the next one.

    Args:
        services: the objects of this process.
        guard: the worker's.
        pauses: the worker's.
        missing: the worker's.
        settlement: writes down how jobs end.
        others_wait: tells whether a job is due that nobody has claimed.
        stop: set when the worker shall end after the scene in hand.
        on_progress: gets the number of jobs that are done, after each scene.

    Attributes:
        size: how many jobs the next batch shall have. After a failed batch it is a single scene,
            then twice as many with each success: one bad scene is found without its neighbours,
            and a sick server gets one request.
        paused_session: under which no job could succeed; None: there was none.
    """

    def __init__(
        self,
        services: Services,
        guard: OutageGuard,
        pauses: Pauses,
        missing: MissingScenes,
        settlement: Settlement,
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
        self._settlement = settlement
        self._others_wait = others_wait
        self._stop = stop
        self._on_progress = on_progress
        self._policy = FailurePolicy(services, guard)
        self._scans = FolderScans(services.scenes, services.clock, services.log)
        self._entities = EntityJobs(services.queue, services.scenes, services.clock, stop.is_set)
        self._settled = 0

    def run(self, batch: ClaimedBatch) -> DrainOutcome:
        """Work on the jobs and settle each; returns `WORKED`, `PAUSED` or `LEFT`.

        Raises:
            sqlite3.Error: a database cannot be used.
        """
        try:
            return self._settle_all(batch)
        except sqlite3.Error:
            raise
        except (StashError, PlexError) as error:
            return self._batch_failed(self._policy.diagnosed(error), batch)
        except Exception as error:  # noqa: BLE001 - the worker survives any bug, and tells it
            self._log.event(Event.BUG, trace=traceback.format_exc())
            return self._batch_failed(error, batch)

    def finish_disabled(self, claims: Sequence[Claim]) -> None:
        """Finish jobs without effect, since the user has switched the plugin off."""
        self._settlement.disabled(claims)
        self._count(len(claims))

    def _settle_all(self, batch: ClaimedBatch) -> DrainOutcome:
        begun = self._services.monotonic()
        for result in self._guard.paced(self._results(batch), self._stop.wait):
            outcome = self._settle(result, batch, self._services.monotonic() - begun)
            if outcome is not DrainOutcome.WORKED or self._stop.is_set():
                return outcome
            begun = self._services.monotonic()
        self._missing.wake(batch.session)
        self.size = min(BATCH, self.size * 2)
        return DrainOutcome.WORKED

    def _results(self, batch: ClaimedBatch) -> Iterable[Result]:
        session = batch.session
        jobs = jobs_by_kind(batch.claims)
        scenes = BatchSync(self._services, session)
        return chain(
            forget_all(jobs[FORGET]),
            self._entities.run(session, jobs[ENTITY]),
            self._scans.run(session, jobs[FOLDER_SCAN]),
            scenes.run(jobs[METADATA]),
        )

    def _settle(self, result: Result, batch: ClaimedBatch, seconds: float) -> DrainOutcome:
        if isinstance(result, Failed):
            return self._failed(replace(result, error=self._policy.diagnosed(result.error)), batch)
        self._settlement.done(result, seconds)
        self._note_settled(result.claims, batch)
        self._policy.succeeded(result)
        if isinstance(result, Synced | Skipped | FolderScanned) and result.by_plex:
            self._guard.succeeded()
        return DrainOutcome.WORKED

    def _note_settled(self, claims: Sequence[Claim], batch: ClaimedBatch) -> None:
        batch.settle(claims)
        self._count(len(claims))

    def _count(self, jobs: int) -> None:
        self._settled += jobs
        self._pauses.succeeded()
        self._on_progress(self._settled)

    # -- failures -----------------------------------------------------------------------------

    def _failed(self, result: Failed, batch: ClaimedBatch) -> DrainOutcome:
        """Decide what becomes of a scene's jobs."""
        failure = self._policy.examined(result.error, result, batch.session)
        result = replace(result, error=failure.error)
        for claim in result.claims:
            decision = self._policy.decide(failure, claim.job, batch.session.config)
            match decision:
                case Leave():
                    self._log.event(Event.STASH_REFUSED, error=result.error)
                    return DrainOutcome.LEFT
                case OthersFirst():
                    self._put_last(result, batch)
                    return DrainOutcome.WORKED
                case Outage():
                    self._plex_is_away(result, batch)
                    return DrainOutcome.PAUSED
                case Pause():
                    self._pause(decision, result.error, batch)
                    return DrainOutcome.PAUSED
                case _:
                    self._settlement.failed(decision, result, claim)
                    self._note_settled([claim], batch)
        if isinstance(result.error, PlexError):
            self._guard.job_failed()
        return DrainOutcome.WORKED

    def _pause(self, decision: Pause, error: Exception, batch: ClaimedBatch) -> None:
        self.paused_session = batch.session
        kind = STASH if decision.by_stash else SETTINGS
        self._pauses.begin(self._log.redact(str(error)), kind, error)
        self.size = 1

    def _plex_is_away(self, result: Failed, batch: ClaimedBatch) -> None:
        """Count a failure of Plex; a job that met it right after a good health check goes last.

        Only where others are due: so there is always one to try Plex with, and who goes last waits
        no longer for the end of an outage than for the others.
        """
        others = len(batch.open) > len(result.claims) or self._others_wait()
        last = self._guard.has_answered and others
        self._note_outage(result.error)
        if last:
            self._put_last(result, batch, self._guard.seconds_to_next_look(due=True))

    def _note_outage(self, error: Exception) -> None:
        self._guard.failed(str(error), is_read_only=isinstance(error, PlexReadOnly))
        self.size = 1

    def _put_last(self, result: Failed, batch: ClaimedBatch, wait: float = 0.0) -> None:
        params = get_retry_params(type(result.error).__name__)
        delay = wait + calculate_delay(0, params, self._services.uniform)
        batch.change(self._settlement.put_last(result, delay, reported=self._guard.is_away))

    def _batch_failed(self, error: Exception, batch: ClaimedBatch) -> DrainOutcome:
        """Settle an error of a whole batch: a fault of one scene is looked for one by one."""
        left = batch.open
        if not left:
            return DrainOutcome.WORKED  # it came when all was settled, so it is no job's
        decision = self._policy.decide(Failure(error), left[0].job, batch.session.config)
        if isinstance(decision, Retry | Bury | Outage) and len(left) > 1:
            self.size = 1
            down = isinstance(decision, Outage)
            maybe = isinstance(error, PlexTemporaryError)
            if not down and (not maybe or self._guard.check(batch.session.client)):
                return DrainOutcome.WORKED
            self._note_outage(error)
            return DrainOutcome.PAUSED
        return self._failed(Failed(left[:1], f"Job {left[0].job.job_key}", error), batch)

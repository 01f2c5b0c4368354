"""The drain: claims due jobs batch by batch and settles each scene in one transaction."""

import random
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plex.exceptions import PlexError, PlexNotFound
from shared.log import Log
from stash.exceptions import StashError
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from validation.config import Config
from worker.backoff import RetryParams
from worker.batch import BatchSync, Result
from worker.retry_policy import (
    MISSING_SINCE,
    Bury,
    Decision,
    Leave,
    Pause,
    Retry,
    decide,
)
from worker.session import ConfigFault, SessionProvider
from worker.stats import SyncStats
from worker.waiting import Waiter

BATCH = 50  # scenes in one batch; they share each read of Stash and Plex
LINGER = 60.0  # seconds that an idle worker waits for more before it ends (design.md §2)
_PAUSE = RetryParams(base=5.0, cap=60.0)

IDLE, DRAINED, STOPPED, PAUSED, LEFT = "idle", "drained", "stopped", "paused", "left"


@dataclass(frozen=True, slots=True)
class Environment:
    """What a worker works with; its owner passes everything in.

    Attributes:
        clock: seconds since the epoch.
        monotonic: seconds that never step.
        uniform: a source of randomness such as `random.uniform`.
        on_progress: is told after each scene how many were settled since the start.
    """

    queue: QueueManager
    sessions: SessionProvider
    scenes: StashScenes
    images: StashImages
    stats: SyncStats
    log: Log
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform
    on_progress: Callable[[int], None] = lambda _settled: None


class SyncWorker:
    """Drains the queue into Plex; to be run by the holder of the worker lock only.

    The detached worker runs it in a thread until it is idle, the task 'Process Queue' in the
    foreground until the queue is drained: one implementation for both.
    """

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._queue = environment.queue
        self._log = environment.log
        self._stop = threading.Event()
        self._waiter = Waiter(self._queue.change_counter, self._stop, environment.monotonic)
        # After a failed batch the next is a single scene, then twice as many with each success: one
        # bad scene is found without its neighbours, and a sick server gets one request.
        self._limit = BATCH
        self._pauses = 0
        self._paused_until = 0.0
        self._settled = 0
        self._poll_interval = Config().poll_interval
        self.pause_reason = ""

    def stop(self) -> None:
        """Ask the worker to end after the scene in hand; may be called from any thread."""
        self._stop.set()

    def run_until_idle(self) -> str:
        """Work until nothing has waited for a minute, through retries and outages.

        Returns:
            `idle`, `stopped`, or `left` when Stash no longer lets this process in.
        """
        self._queue.resume()
        idle_since: float | None = None
        while not self._stop.is_set():
            if self._step() == LEFT:
                return LEFT
            due = self._seconds_to_next_step()
            if due is not None:
                idle_since = None
                self._waiter.wait(due)
                continue
            now = self._env.monotonic()
            idle_since = now if idle_since is None else idle_since
            if now - idle_since >= LINGER:
                return IDLE
            self._waiter.wait(LINGER - (now - idle_since))
        return STOPPED

    def drain(self) -> str:
        """Work until no job is due.

        Returns:
            `drained`, `paused` (see `pause_reason`), `stopped` or `left`.
        """
        self._queue.resume()
        while not self._stop.is_set():
            outcome = self._step()
            if outcome in (LEFT, PAUSED, DRAINED):
                return outcome
        return STOPPED

    # -- one step ---------------------------------------------------------------------------

    def _step(self) -> str:
        """Do one batch; returns `drained` when nothing is due, `paused`, `left`, or ``."""
        if self._env.monotonic() < self._paused_until:
            return PAUSED
        claims = self._queue.claim(self._limit)
        if not claims:
            return DRAINED
        unsettled = {claim.row_id: claim for claim in claims}
        try:
            outcome = self._work_on(claims, unsettled)
        finally:
            self._queue.give_back(list(unsettled.values()))
        self._save_stats()
        return outcome

    def _work_on(self, claims: list[Claim], unsettled: dict[int, Claim]) -> str:
        try:
            session = self._env.sessions.current()
            self._poll_interval = session.config.poll_interval
            if not session.config.enabled:
                self._finish_disabled(claims, unsettled)
                return ""
            batch = BatchSync(
                session,
                self._env.scenes,
                self._env.images,
                self._queue,
                self._env.clock,
                self._log.warning,
            )
            return self._settle_all(batch, claims, unsettled, session.config)
        except ConfigFault as fault:
            return self._pause(str(fault))
        except (StashError, PlexError) as error:
            return self._batch_failed(error, claims, unsettled)
        except Exception as error:  # noqa: BLE001 - the worker survives any bug, and tells it
            self._log.error("A bug of Stash2Plex, please report it: " + traceback.format_exc())
            return self._batch_failed(error, claims, unsettled)

    def _settle_all(
        self,
        batch: BatchSync,
        claims: list[Claim],
        unsettled: dict[int, Claim],
        config: Config,
    ) -> str:
        begun = self._env.monotonic()
        for result in batch.run(claims):
            seconds = self._env.monotonic() - begun
            outcome = self._settle(result, unsettled, config, seconds)
            if outcome:
                return outcome
            if self._stop.is_set():
                return ""
            begun = self._env.monotonic()
        self._limit = min(BATCH, self._limit * 2)
        return ""

    def _settle(
        self, result: Result, unsettled: dict[int, Claim], config: Config, seconds: float
    ) -> str:
        """Record how a scene ended, in one transaction; returns as `_step`."""
        if result.error is not None:
            for claim in result.claims:
                outcome = self._settle_error(result.error, result.label, claim, unsettled, config)
                if outcome:
                    return outcome
            return ""
        with self._queue.transaction():
            scene_id = result.claims[0].job.scene_id
            if scene_id is not None and result.record is not None:
                self._queue.sync_log.remember_scene(scene_id, result.record)
            elif scene_id is not None:
                self._queue.sync_log.forget_scene(scene_id)
            self._queue.finish(result.claims)
        self._forget(result.claims, unsettled)
        self._pauses = 0
        self._env.stats.succeeded(seconds)
        outcome = result.record.outcome if result.record else "done"
        what = ", ".join(result.changed) or "already in step"
        self._log.info(f"{result.label}: {outcome}: {what}; {seconds:.1f} s")
        return ""

    def _settle_error(
        self,
        error: Exception,
        label: str,
        claim: Claim,
        unsettled: dict[int, Claim],
        config: Config | None,
    ) -> str:
        decision = self._decide(error, claim, config)
        if isinstance(decision, Pause):
            return self._pause(str(error))
        if isinstance(decision, Leave):
            self._log.warning(
                f"{error}. The jobs stay queued; the next edit in Stash or any task of Stash2Plex "
                "goes on with them"
            )
            return LEFT
        self._apply(decision, error, label, claim)
        self._forget([claim], unsettled)
        self._env.stats.failed(type(error).__name__, 0.0, dead=isinstance(decision, Bury))
        return ""

    def _decide(self, error: Exception, claim: Claim, config: Config | None) -> Decision:
        config = config or Config()
        return decide(
            error,
            claim.job,
            max_retries=config.max_retries,
            skip_not_found=config.skip_not_found,
            now=self._env.clock(),
            uniform=self._env.uniform,
        )

    def _apply(self, decision: Decision, error: Exception, label: str, claim: Claim) -> None:
        name = type(error).__name__
        if isinstance(decision, Retry):
            job = claim.job.postponed(decision.at, name, counts=decision.counts)
            if isinstance(error, PlexNotFound):
                since = {MISSING_SINCE: claim.job.data.get(MISSING_SINCE, self._env.clock())}
                job = replace(job, data={**job.data, **since})
            self._queue.give_back([Claim(claim.row_id, job)])
            seconds = max(0.0, decision.at - self._env.clock())
            self._log.warning(f"{label}: {error}. Next try in {seconds:.0f} s")
        elif isinstance(decision, Bury):
            self._queue.bury(claim, Failure(name, str(error), _trace_of_a_bug(error)))
            self._log.error(f"{label}: {error}. It is in the dead letters")
        else:
            self._queue.finish([claim], healthy=False)
            self._log.info(f"{label}: skipped: {error}")

    # -- faults that are no job's -------------------------------------------------------------

    def _batch_failed(
        self, error: Exception, claims: list[Claim], unsettled: dict[int, Claim]
    ) -> str:
        decision = self._decide(error, claims[0], None)
        left = [claim for claim in claims if claim.row_id in unsettled]
        if isinstance(decision, Pause | Leave) or len(left) == 1:
            label = f"Job {left[0].job.job_key}"
            return self._settle_error(error, label, left[0], unsettled, None)
        self._limit = 1
        return ""

    def _pause(self, reason: str) -> str:
        """Let all jobs wait, without cost to any; the more often in a row, the longer."""
        delay = min(_PAUSE.cap, _PAUSE.base * 2 ** min(self._pauses, 10))
        self._pauses += 1
        self._limit = 1
        self._paused_until = self._env.monotonic() + delay
        if reason != self.pause_reason or self._pauses == 1:
            self._log.warning(f"{reason}. All jobs wait, none is lost")
        self.pause_reason = reason
        return PAUSED

    def _finish_disabled(self, claims: list[Claim], unsettled: dict[int, Claim]) -> None:
        self._queue.finish(claims, healthy=False)
        self._forget(claims, unsettled)
        self._log.info(f"{len(claims)} jobs finished without effect: Stash2Plex is disabled")

    # -- bookkeeping ------------------------------------------------------------------------

    def _forget(self, claims: Sequence[Claim], unsettled: dict[int, Claim]) -> None:
        for claim in claims:
            unsettled.pop(claim.row_id, None)
            self._settled += 1
        self._env.on_progress(self._settled)

    def _seconds_to_next_step(self) -> float | None:
        """Return how long to wait for the next due job or the end of a pause; None when idle."""
        due = self._queue.next_due()
        if due is None:
            return None
        wait = max(due - self._env.clock(), self._paused_until - self._env.monotonic())
        return min(max(0.0, wait), self._poll_interval)

    def _save_stats(self) -> None:
        try:
            self._env.stats.save()
        except OSError as error:
            self._log.warning(f"stats.json could not be written: {error}")


def _trace_of_a_bug(error: Exception) -> str | None:
    if isinstance(error, PlexError | StashError):
        return None
    return "".join(traceback.format_exception(error))

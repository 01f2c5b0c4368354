"""Writes down what became of a scene: one transaction, one line, one count."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plex.exceptions import PlexError, PlexNotFound, PlexTemporaryError
from plex.matcher import MatchConfidence
from shared.events import Event
from shared.log import DEBUG, INFO, Log
from stash.exceptions import StashError
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import MISSING_PATHS, MISSING_SINCE, MISSING_SIZES, Claim
from sync_queue.operations import METADATA, scene_job
from worker.retry_policy import Bury, Decision, Retry, SceneError
from worker.stats import SyncStats
from worker.sync.results import (
    Failed,
    FolderScanned,
    Gone,
    ScanPostponed,
    ScenesQueued,
    Skipped,
    Success,
    Synced,
)
from worker.sync.story import Story


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles results.

    Attributes:
        story: is told how each ended.
    """

    queue: QueueManager
    stats: SyncStats
    log: Log
    clock: Callable[[], float]
    story: Story

    def done(self, result: Success, seconds: float) -> None:
        """Remove the jobs of a scene whose effect is in Plex, and remember how it went."""
        match result:
            case ScanPostponed():
                self.queue.jobs.release(_postponed(result.claims, result.until))
            case FolderScanned():
                self._scanned(result)
            case ScenesQueued():
                self.queue.ack(result.claims, healthy=False)
                self.log.event(Event.SCENES_QUEUED, label=result.label, outcome=result.outcome)
            case _:
                self._scene_done(result, seconds)

    def _scene_done(self, result: Synced | Skipped | Gone, seconds: float) -> None:
        with self.queue.transaction():
            if result.scene_id is not None:
                if isinstance(result, Gone):
                    self.queue.forget_scenes([result.scene_id])
                else:
                    self.queue.sync_log.remember_scene(result.scene_id, result.record)
            self.queue.ack(result.claims)
        self.stats.succeeded(seconds)
        what: dict[str, Any]
        match result:
            case Gone():
                end, what = Event.JOB_DONE, {"reason": (result.reason,)}
            case Skipped():
                end, what = Event.SCENE_SKIPPED, {"reason": result.reasons}
            case Synced():
                self.stats.matched(sure=result.confidence is MatchConfidence.HIGH)
                if result.changed and result.edited_at is not None:
                    self.stats.arrived(result.edited_at)
                end = Event.SCENE_SYNCED if result.changed else Event.SCENE_IN_STEP
                what = {"changed": result.changed} if result.changed else {"reason": ()}
        self.story.tell(end, scene=result.scene_id, label=result.label, seconds=seconds, **what)

    def _scanned(self, result: FolderScanned) -> None:
        """End jobs of folder scans; the job of the scene's metadata takes their place at once."""
        scene_ids = {claim.job.scene_id for claim in result.claims} if result.by_plex else set()
        now = self.clock()
        self.queue.replace(
            result.claims, [scene_job(one, METADATA, now) for one in scene_ids if one is not None]
        )
        self.log.step(f"{result.label}: {result.outcome}")

    def failed(self, decision: Decision, result: Failed, claim: Claim) -> None:
        """Put a job off, bury it, or finish it without effect."""
        error = result.error
        name = type(error).__name__
        reported = isinstance(error, PlexError) and error.reported
        again = reported or claim.job.last_error_type == name
        claim = self._with_search(claim, result)
        if isinstance(decision, Retry):
            later = claim.job.postponed(decision.at, name, counts=decision.counts)
            self.queue.jobs.release([Claim(claim.row_id, later)])
            seconds = max(0.0, decision.at - self.clock())
            cause = error.cause if isinstance(error, PlexTemporaryError) else _words(error)
            if reported and not decision.counts:
                words, facts = _words(error), _facts(result)
                self.log.event(
                    Event.JOB_RETRIED, level=DEBUG, reason=words, seconds=seconds, **facts
                )
            else:
                self._tell_failure(
                    Event.JOB_RETRIED, result, again=again, cause=cause, seconds=seconds
                )
        elif isinstance(decision, Bury):
            self.queue.dead_letter(claim, self._failure(error))
            self._tell_failure(Event.JOB_DEAD_LETTERED, result)
        else:
            self.queue.ack([claim], healthy=False)
            self._tell_failure(Event.SCENE_SKIPPED, result)
        self.stats.failed(name, 0.0, dead=isinstance(decision, Bury))

    def _tell_failure(self, event: Event, result: Failed, **options: Any) -> None:
        self.story.tell(event, reason=_words(result.error), **_facts(result), **options)

    def put_last(self, result: Failed, seconds: float, *, reported: bool) -> list[Claim]:
        """Return a scene's jobs as they let the others go first; it costs no retry.

        Args:
            result: of the scene.
            seconds: until its next try.
            reported: the user knows why all jobs wait.
        """
        level = DEBUG if reported else INFO
        words, facts = _words(result.error), _facts(result)
        self.log.event(Event.JOB_POSTPONED, level=level, reason=words, seconds=seconds, **facts)
        return _postponed(result.claims, self.clock() + seconds)

    def disabled(self, claims: Sequence[Claim]) -> None:
        """Finish jobs without effect, since the user has switched the plugin off."""
        self.queue.ack(claims, healthy=False)
        self.log.event(Event.JOBS_DISABLED, jobs=len(claims))

    def batch_ended(self) -> None:
        """Save the counts, and tell how far it has come if that is due."""
        self.story.pause()
        try:
            self.stats.save()
        except OSError as error:
            self.log.event(Event.STATE_NOT_SAVED, state="stats.json", error=error)

    def _failure(self, error: Exception) -> Failure:
        trace = _trace_of_a_bug(error)
        return Failure(
            type(error).__name__,
            self.log.redact(str(error)),
            None if trace is None else self.log.redact(trace),
        )

    def _with_search(self, claim: Claim, result: Failed) -> Claim:
        """Note in a job that Plex lacks which files it looks for, and since when."""
        if not isinstance(result.error, PlexNotFound):
            return claim
        since = claim.job.data.get(MISSING_SINCE, self.clock())
        search = {
            MISSING_SINCE: since,
            MISSING_PATHS: [file.path for file in result.files],
            MISSING_SIZES: [file.size for file in result.files],
        }
        return Claim(claim.row_id, replace(claim.job, data={**claim.job.data, **search}))


def _facts(result: Failed) -> dict[str, Any]:
    """Return the fields of an event about a failure, but for its reason."""
    error = type(result.error).__name__
    return {"scene": result.scene_id, "label": result.label, "error": error}


def _postponed(claims: Sequence[Claim], until: float) -> list[Claim]:
    return [Claim(claim.row_id, replace(claim.job, next_retry_at=until)) for claim in claims]


def _words(error: Exception) -> str:
    """Return what people are told of an error; of a bug, which one it is."""
    if isinstance(error, PlexError | StashError | SceneError):
        return str(error)
    return f"a bug of Stash2Plex, please report it: {type(error).__name__}: {error}"


def _trace_of_a_bug(error: Exception) -> str | None:
    if isinstance(error, PlexError | StashError | SceneError):
        return None
    return "".join(traceback.format_exception(error))

import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from plex.exceptions import PlexError, PlexNotFound, PlexTemporaryError
from shared.events import Event
from shared.log import DEBUG, INFO
from stash.exceptions import StashError
from sync_queue.dlq import Failure
from sync_queue.models import MISSING_PATHS, MISSING_SINCE, MISSING_SIZES, Claim
from sync_queue.operations import METADATA, scene_job
from worker.failure_policy import Action, Decision, Retry
from worker.services import Services
from worker.stats import SyncStats
from worker.sync.progress_log import ProgressLog
from worker.sync.results import (
    Failed,
    FolderScanned,
    Gone,
    ScanPostponed,
    SceneError,
    ScenesQueued,
    Skipped,
    Success,
    Synced,
)


class Finalizer:
    def __init__(self, services: Services, most_lines: int | None = None) -> None:
        self._queue = services.queue
        self._log = services.log
        self._clock = services.clock
        self._stats = SyncStats(services.folder.stats, services.log.event, services.clock)
        self.progress = ProgressLog(services.log, services.monotonic, most_lines)

    def succeeded(self, result: Success, seconds: float) -> None:
        match result:
            case ScanPostponed():
                self._queue.release(_postponed(result.claims, result.until))
            case FolderScanned():
                scene_ids = {claim.job.scene_id for claim in result.claims if result.by_plex}
                now = self._clock()
                jobs = [scene_job(id_, METADATA, now) for id_ in scene_ids if id_ is not None]
                self._queue.replace(result.claims, jobs)
                self._log.step(f"{result.label}: {result.outcome}")
            case ScenesQueued():
                self._queue.ack(result.claims, succeeded=False)
                self._log.event(Event.SCENES_QUEUED, label=result.label, outcome=result.outcome)
            case Gone():
                self._finalize_scene(result, seconds, Event.JOB_DONE, reason=("deleted in Stash",))
            case Skipped(reasons=reasons):
                self._finalize_scene(result, seconds, Event.SCENE_SKIPPED, reason=reasons)
            case Synced(changed=()):
                self._finalize_scene(result, seconds, Event.SCENE_IN_STEP, reason=())
            case Synced(changed=changed):
                self._finalize_scene(result, seconds, Event.SCENE_SYNCED, changed=changed)

    def _finalize_scene(
        self, result: Synced | Skipped | Gone, seconds: float, event: Event, **fields: Any
    ) -> None:
        with self._queue.transaction():
            if result.scene_id is not None:
                if isinstance(result, Gone):
                    self._queue.forget_scenes([result.scene_id])
                else:
                    self._queue.sync_log.remember_scene(result.scene_id, result.record)
            self._queue.ack(result.claims)
        self._stats.succeeded(seconds, synced=isinstance(result, Synced))
        if isinstance(result, Synced):
            self._stats.matched(sure=result.is_sure)
            moments = [claim.job.enqueued_at for claim in result.claims if claim.job.enqueued_at]
            if result.changed and moments:
                self._stats.arrived(min(moments))
        label = result.label
        self.progress.report(event, scene=result.scene_id, label=label, seconds=seconds, **fields)

    def failed(self, decision: Decision, result: Failed, claim: Claim) -> None:
        error, reason, fields = result.error, _reason(result.error), _fields_of(result)
        if isinstance(error, PlexNotFound):
            data = {
                **claim.job.data,
                MISSING_SINCE: claim.job.data.get(MISSING_SINCE, self._clock()),
                MISSING_PATHS: [file.path for file in result.files],
                MISSING_SIZES: [file.size for file in result.files],
            }
            claim = Claim(claim.row_id, replace(claim.job, data=data))
        if isinstance(decision, Retry):
            later = claim.job.postponed(decision.at, fields["error"], counts=decision.counts)
            self._queue.release([Claim(claim.row_id, later)])
            self._report_retry(decision, result, claim)
        elif decision is Action.DEAD_LETTER:
            trace = None if _is_expected(error) else "".join(traceback.format_exception(error))
            trace = trace and self._log.redact(trace)
            failure = Failure(fields["error"], self._log.redact(str(error)), trace)
            self._queue.dead_letter(claim, failure)
            self.progress.report(Event.JOB_DEAD_LETTERED, reason=reason, **fields)
        else:
            self._queue.ack([claim], succeeded=False)
            self.progress.report(Event.SCENE_SKIPPED, reason=reason, **fields)
        self._stats.failed(fields["error"], dead=decision is Action.DEAD_LETTER)

    def _report_retry(self, decision: Retry, result: Failed, claim: Claim) -> None:
        error, reason, fields = result.error, _reason(result.error), _fields_of(result)
        seconds = max(0.0, decision.at - self._clock())
        again = claim.job.last_error_type == fields["error"]
        if isinstance(error, PlexError):
            if error.reported and not decision.counts:
                self._log.event(
                    Event.JOB_RETRIED, level=DEBUG, reason=reason, seconds=seconds, **fields
                )
                return
            again = again or error.reported
            if again:
                reason = error.brief
        cause = error.cause if isinstance(error, PlexTemporaryError) else reason
        self.progress.report(
            Event.JOB_RETRIED, again=again, cause=cause, reason=reason, seconds=seconds, **fields
        )

    def postpone(self, result: Failed, seconds: float, *, reported: bool) -> list[Claim]:
        level, reason = DEBUG if reported else INFO, _reason(result.error)
        fields = _fields_of(result)
        self._log.event(Event.JOB_POSTPONED, level=level, reason=reason, seconds=seconds, **fields)
        return _postponed(result.claims, self._clock() + seconds)

    def batch_ended(self) -> None:
        self.progress.batch_ended()
        try:
            self._stats.save()
        except OSError as error:
            self._log.event(Event.STATE_NOT_SAVED, state="stats.json", error=error)


def _fields_of(result: Failed) -> dict[str, Any]:
    error = type(result.error).__name__
    return {"scene": result.scene_id, "label": result.label, "error": error}


def _reason(error: Exception) -> str:
    if _is_expected(error):
        return str(error) or type(error).__name__
    return f"Stash2Plex has a bug, please report the bug ({type(error).__name__}: {error})"


def _postponed(claims: Sequence[Claim], until: float) -> list[Claim]:
    return [Claim(claim.row_id, replace(claim.job, next_retry_at=until)) for claim in claims]


def _is_expected(error: Exception) -> bool:
    return isinstance(error, PlexError | StashError | SceneError)

"""Queues the scenes that a run has found, except scenes in their cool-down.

A scene whose job was dead-lettered would fail again in every run. So a run queues the scene again
after a cool-down of 1 day, and later of 2, 4, 8, 16 and 32 days. An edit of the scene ends the
cool-down.
"""

from collections.abc import Sequence

from reconciliation.findings import GapOutcome, Outcome
from reconciliation.run import DAY
from sync_queue.dlq import DeadLetter
from sync_queue.gap_store import Gap
from sync_queue.models import BULK
from sync_queue.operations import METADATA, scene_job
from validation.scene_extractor import moment_of
from worker.services import Services

MOST_DOUBLINGS = 5
# This key in a job's data counts how often reconciliation runs have queued the scene again.
TRIES = "reconciled"
NOT_FOUND = "PlexNotFound"
# This kind of gap is a synced scene that Stash no longer lists.
GONE = "gone"


def queue_gaps(services: Services, gaps: Sequence[Gap]) -> tuple[list[GapOutcome], int]:
    """Queue scenes with gaps. Return their outcomes, and the number of scenes deleted in Stash."""
    queue, now = services.queue, services.clock()
    lost = [gap.scene_id for gap in gaps if gap.kind == GONE]
    present = services.scenes.read(lost)
    forgotten = [scene_id for scene_id in lost if scene_id not in present]
    found = [gap for gap in gaps if gap.kind != GONE]
    ids = [gap.scene_id for gap in found]
    waiting = queue.waiting_among(ids)
    letters = queue.dead_letters.of_scenes(ids)
    outcomes, jobs = [], []
    for gap in found:
        of_scene = letters.get(gap.scene_id, [])
        is_waiting = gap.scene_id in waiting
        outcome = GapOutcome.WAITING if is_waiting else _outcome(gap, of_scene, now)
        outcomes.append(outcome)
        if outcome is GapOutcome.QUEUED:
            hints = {TRIES: tries_of(of_scene) + 1} if of_scene else {}
            jobs.append(scene_job(gap.scene_id, METADATA, now, hints, BULK))
    queue.enqueue(jobs)
    queue.forget_scenes(forgotten)
    return outcomes, len(forgotten)


def _outcome(gap: Gap, letters: Sequence[DeadLetter], now: float) -> GapOutcome:
    if gap.kind == Outcome.MISSING.name and is_given_up(letters):
        return GapOutcome.GIVEN_UP
    # A missing file starts no cool-down: the worker queues the scene once Plex has the file.
    failures = [letter for letter in letters if letter.error_type != NOT_FOUND]
    if is_in_cool_down(failures, moment_of(gap.changed_at), now):
        return GapOutcome.DAMPED
    return GapOutcome.QUEUED


def is_given_up(letters: Sequence[DeadLetter]) -> bool:
    return any(letter.error_type == NOT_FOUND for letter in letters)


def tries_of(letters: Sequence[DeadLetter]) -> int:
    stored = [letter.job.data.get(TRIES) for letter in letters if letter.job is not None]
    return max((tries for tries in stored if type(tries) is int and tries > 0), default=0)


def is_in_cool_down(letters: Sequence[DeadLetter], changed_at: float | None, now: float) -> bool:
    failed_at = max((letter.moment for letter in letters), default=None)
    if failed_at is None or (changed_at is not None and changed_at > failed_at):
        return False
    pause = DAY * 2.0 ** min(tries_of(letters), MOST_DOUBLINGS)
    return bool(0 <= now - failed_at < pause)

"""Queues gaps, with a cool-down for scenes whose job was dead-lettered.

Such a scene would fail in every run. It is queued again after 1 day, then 2, 4, 8 and so on, and
at once after an edit.
"""

import datetime
from collections.abc import Callable, Sequence

from reconciliation.findings import GapOutcome, Outcome
from stash.scenes import StashScenes
from sync_queue.dlq import DeadLetter
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job
from validation.scene_extractor import moment_of

DAY = 86_400.0  # seconds
MOST_DOUBLINGS = 5  # so the longest cool-down is 32 days
TRIES = "reconciled"  # key of a job's data: how often it was queued here after a failure
NOT_FOUND = "PlexNotFound"
GONE = "gone"  # kind of gap: a known scene that Stash did not list


class GapQueue:
    """Queues stored gaps batch by batch, and forgets scenes that Stash has deleted."""

    def __init__(
        self, queue: QueueManager, scenes: StashScenes, clock: Callable[[], float]
    ) -> None:
        self._queue = queue
        self._scenes = scenes
        self._clock = clock

    def queue_gaps(self, gaps: Sequence[Gap]) -> tuple[list[GapOutcome], int]:
        """Process gaps; return their outcomes, and the number of forgotten scenes."""
        lost = [gap.scene_id for gap in gaps if gap.kind == GONE]
        present = self._scenes.read(lost)
        forgotten = [scene_id for scene_id in lost if scene_id not in present]
        found = [gap for gap in gaps if gap.kind != GONE]
        ids = [gap.scene_id for gap in found]
        waiting = self._queue.jobs.waiting_among(ids)
        letters = self._queue.dead_letters.of_scenes(ids)
        outcomes: list[GapOutcome] = []
        jobs = []
        for gap in found:
            of_scene = letters.get(gap.scene_id, [])
            outcome = self._outcome(gap, of_scene, waits=gap.scene_id in waiting)
            outcomes.append(outcome)
            if outcome is GapOutcome.QUEUED:
                hints = {TRIES: tries_of(of_scene) + 1} if of_scene else {}
                jobs.append(scene_job(gap.scene_id, METADATA, self._clock(), hints))
        # After a kill before the caller's commit the next step counts them as already queued.
        self._queue.enqueue(jobs)
        self._queue.forget_scenes(forgotten)
        return outcomes, len(forgotten)

    def _outcome(self, gap: Gap, letters: Sequence[DeadLetter], *, waits: bool) -> GapOutcome:
        if waits:
            return GapOutcome.WAITING
        if gap.kind == Outcome.MISSING.name and is_given_up(letters):
            return GapOutcome.GIVEN_UP
        # A missing file is no failure: the worker requeues the scene once Plex has the file.
        failures = [letter for letter in letters if letter.error_type != NOT_FOUND]
        if is_in_cool_down(failures, moment_of(gap.changed_at), self._clock()):
            return GapOutcome.DAMPED
        return GapOutcome.QUEUED


def is_given_up(letters: Sequence[DeadLetter]) -> bool:
    """Tell whether a dead letter of the scene waits for Plex to have the file."""
    return any(letter.error_type == NOT_FOUND for letter in letters)


def tries_of(letters: Sequence[DeadLetter]) -> int:
    """Return how often the scene was queued after a failure and failed again."""
    return max((_tries(letter) for letter in letters), default=0)


def is_in_cool_down(letters: Sequence[DeadLetter], changed_at: float | None, now: float) -> bool:
    """Tell whether a scene is in its cool-down; `changed_at` is None if unknown."""
    failed_at = max((_moment(letter.failed_at) for letter in letters), default=None)
    if failed_at is None or (changed_at is not None and changed_at > failed_at):
        return False
    pause = DAY * 2.0 ** min(tries_of(letters), MOST_DOUBLINGS)
    return bool(0 <= now - failed_at < pause)


def _tries(letter: DeadLetter) -> int:
    tries = letter.job.data.get(TRIES) if letter.job is not None else None
    return tries if isinstance(tries, int) and not isinstance(tries, bool) and tries > 0 else 0


def _moment(text: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return moment.replace(tzinfo=datetime.UTC).timestamp()

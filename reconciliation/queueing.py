"""Decides which of the found gaps are queued, and when a scene that failed is tried again.

A scene whose job ended as a dead letter would fail again in every run. It is tried again after a
day, then after two, four and so on, and at once when it was edited since.
"""

import datetime
from collections.abc import Callable, Sequence

from reconciliation.findings import Fate, Outcome
from stash.scenes import StashScenes
from sync_queue.dlq import DeadLetter
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job
from validation.scene_extractor import moment_of

DAY = 86_400.0  # seconds
MOST_DOUBLINGS = 5  # the longest pause is a month
TRIES = "reconciled"  # in a job's data: how many times it was queued here after a failure
NOT_FOUND = "PlexNotFound"
GONE = "gone"  # the kind of what is known of a scene that Stash did not list


class GapQueue:
    """Deals with stored gaps, batch by batch.

    Args:
        queue: the jobs, the dead letters, and the sync log.
        scenes: Stash's scenes, to make sure of those that seem gone.
    """

    def __init__(
        self, queue: QueueManager, scenes: StashScenes, clock: Callable[[], float]
    ) -> None:
        self._queue = queue
        self._scenes = scenes
        self._clock = clock

    def deal_with(self, gaps: Sequence[Gap]) -> tuple[list[Fate], int]:
        """Queue what is to be queued.

        Returns:
            The fates of the gaps, and how many scenes were forgotten because Stash has lost them.

        Raises:
            StashError: whether scenes are gone could not be asked.
        """
        lost = [gap.scene_id for gap in gaps if gap.kind == GONE]
        present = self._scenes.read(lost)
        forgotten = [scene_id for scene_id in lost if scene_id not in present]
        found = [gap for gap in gaps if gap.kind != GONE]
        ids = [gap.scene_id for gap in found]
        waiting = self._queue.jobs.waiting_among(ids)
        letters = self._queue.dead_letters.of_scenes(ids)
        fates: list[Fate] = []
        jobs = []
        for gap in found:
            of_scene = letters.get(gap.scene_id, [])
            fate = self._fate(gap, of_scene, waits=gap.scene_id in waiting)
            fates.append(fate)
            if fate is Fate.QUEUED:
                hints = {TRIES: tries_of(of_scene) + 1} if of_scene else {}
                jobs.append(scene_job(gap.scene_id, METADATA, self._clock(), hints))
        # A kill between here and the caller's commit makes these scenes "already queued" next time.
        self._queue.enqueue(jobs)
        self._queue.forget_scenes(forgotten)
        return fates, len(forgotten)

    def _fate(self, gap: Gap, letters: Sequence[DeadLetter], *, waits: bool) -> Fate:
        if waits:
            return Fate.WAITING
        if gap.kind == Outcome.MISSING.name and is_given_up(letters):
            return Fate.GIVEN_UP
        # What was once missing is revived by the worker when it appears: that is no failure.
        failures = [letter for letter in letters if letter.error_type != NOT_FOUND]
        if is_damped(failures, moment_of(gap.changed_at), self._clock()):
            return Fate.DAMPED
        return Fate.QUEUED


def is_given_up(letters: Sequence[DeadLetter]) -> bool:
    """Tell whether the scene waits among the dead letters for its file to appear in Plex."""
    return any(letter.error_type == NOT_FOUND for letter in letters)


def tries_of(letters: Sequence[DeadLetter]) -> int:
    """Return how many times the scene was queued after a failure and failed again."""
    return max((_tries(letter) for letter in letters), default=0)


def is_damped(letters: Sequence[DeadLetter], changed_at: float | None, now: float) -> bool:
    """Tell whether the scene is to be left alone for now.

    Args:
        letters: the scene's.
        changed_at: when it was last edited in Stash; None when that is not known.
        now: seconds since the epoch, as `changed_at`.
    """
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

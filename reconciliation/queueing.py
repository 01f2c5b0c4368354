"""What becomes of the gaps that a run has found: queued, or left alone for a reason."""

from collections.abc import Callable, Sequence

from reconciliation.damping import NOT_FOUND, TRIES, is_damped, is_given_up, tries_of
from reconciliation.findings import Outcome
from reconciliation.sums import Fate
from stash.scenes import StashScenes
from stash.time_stamps import moment_of
from sync_queue.dlq import DeadLetter
from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job

GONE = "gone"  # the kind of what is known of a scene that Stash did not list


class GapQueue:
    """Deals with stored gaps, batch by batch.

    Args:
        queue: the jobs, the dead letters, and the sync log.
        scenes: Stash's scenes, to make sure of those that seem gone.
        clock: seconds since the epoch.
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
        waiting = self._queue.waiting_among(ids)
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

"""Both servers with the plugin between them, and how the demo acts on them and waits."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Unpack

from simulators.rig import PLUGIN, Rig
from simulators.stash import PluginResult, PluginRun, SceneFields
from tools.demo.screen import Screen

SYNC_ALL = "Sync All Scenes to Plex"
PATIENCE = 30.0  # seconds without progress after which the demo gives up
_FRAME = 0.1  # seconds between two looks


class StuckError(Exception):
    """The demo cannot go on; the text says why."""


class Arrivals:
    """Scenes that Plex is to show, as `simulators.oracle` judges them.

    Args:
        edited: the scenes are yet to be edited, so none has arrived before its next change.
    """

    def __init__(self, rig: Rig, ids: Iterable[int], *, edited: bool = True) -> None:
        self._rig = rig
        self._before = {scene_id: rig.stash.scene(scene_id) for scene_id in ids}
        self._edited = edited
        self.differences: dict[int, list[str]] = {scene_id: [""] for scene_id in self._before}

    def look(self) -> int:
        """Compare the scenes; return the number of differences."""
        # First: a scene that is saved after the verdict has not been compared with its new values.
        unsaved = [
            scene_id
            for scene_id, before in self._before.items()
            if self._edited and self._rig.stash.scene(scene_id) is before
        ]
        found: dict[int, list[str]] = defaultdict(list)
        for text in self._rig.verdict().differences:
            scene, _, sentence = text.partition(": ")
            found[int(scene.split()[1].rstrip(","))].append(sentence)
        for scene_id in unsaved:
            found[scene_id].append("it has not been saved yet")
        self.differences = {scene_id: found[scene_id] for scene_id in self._before}
        return sum(map(len, self.differences.values()))

    @property
    def arrived(self) -> list[int]:
        """The scenes that had arrived at the last look."""
        return [scene_id for scene_id, found in self.differences.items() if not found]


class Stage:
    """Where the acts play.

    Attributes:
        ids: the scenes.
        saves: seconds that each save waited for the plugin.
    """

    def __init__(self, rig: Rig, screen: Screen) -> None:
        self.rig, self.screen = rig, screen
        self.ids: list[int] = []
        self.saves: list[float] = []
        self._background = ThreadPoolExecutor(max_workers=1)

    def close(self) -> None:
        """End the tasks and the worker."""
        self.rig.stash.jobs.stop_all()
        self._background.shutdown()
        self.rig.stop_worker()

    def save(self, scene_id: int, **changes: Unpack[SceneFields]) -> float:
        """Save a scene as Stash's page does; return the seconds that the save waited."""
        return self._note(self.rig.stash.edit_scene(scene_id, **changes))[0]

    def start_bulk_save(self, ids: Sequence[int], changes: SceneFields) -> Future[list[float]]:
        """Save many scenes at once, in the background; see `save`."""
        return self._background.submit(
            lambda: self._note(self.rig.stash.edit_scenes(ids, **changes))
        )

    def start_task(self) -> Future[PluginResult]:
        """Start the task that syncs all scenes, in the background."""
        return self._background.submit(self.rig.stash.run_task_to_end, PLUGIN, SYNC_ALL)

    def task_result(self, task: Future[PluginResult]) -> PluginResult:
        """Return what the task answered, once all its jobs are done."""
        result = task.result(PATIENCE)
        if result.error is not None:
            raise StuckError(f"The task failed: {result.error}")
        self.settle()
        return result

    def watch(
        self, what: str, left: Callable[[], int], draw: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """Wait until `left` counts nothing, and redraw the screen's area meanwhile.

        Raises:
            StuckError: there was no progress for `PATIENCE` seconds.
        """
        fewest, deadline = sys.maxsize, 0.0
        while missing := left():
            if missing < fewest:
                fewest, deadline = missing, time.monotonic() + PATIENCE
            self.screen.draw(draw())
            if time.monotonic() > deadline:
                raise StuckError(f"{what}: {missing} missing, no progress for {PATIENCE:g} s")
            time.sleep(_FRAME)
        self.screen.draw(draw())

    def settle(self) -> None:
        """Wait until the plugin has ended all its jobs; the screen's area stays as it is."""
        self.screen.keep()
        self.watch("The end of all jobs", self.rig.queued)

    def title(self, scene_id: int) -> str:
        """Return the title of a scene."""
        return self.rig.stash.scene(scene_id).title

    def _note(self, runs: Sequence[PluginRun]) -> list[float]:
        for run in runs:
            if run.result.error is not None or run.result.exit_code != 0:
                raise StuckError(f"A hook failed: {run.result.error}")
        if not runs:
            raise StuckError("Stash has run no hook: the plugin's manifest asks for none")
        self.saves += (seconds := [run.result.seconds for run in runs])
        return seconds

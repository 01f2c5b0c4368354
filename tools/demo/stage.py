"""Both servers with the plugin between them, and how the demo acts on them and waits."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Unpack

from simulators.oracle import compare
from simulators.plex import ItemState
from simulators.plex.snapshot import item_state
from simulators.rig import PLUGIN, Rig
from simulators.stash import PluginResult, PluginRun, Scene, SceneFields
from tools.demo.screen import Screen

SYNC_ALL = "Sync All Scenes to Plex"
PATIENCE = 30.0  # seconds without progress after which the demo gives up
_FRAME = 0.1  # seconds between two looks that compare many scenes
_SHORTEST_FRAME = 0.02  # seconds between two looks that compare a few
# Each field of the tables, and how the oracle's sentences about it begin.
FIELDS = {
    "title": "title is",
    "studio": "studio is",
    "summary": "summary is",
    "date": "originally_available_at is",
    "actors": "actors is",
    "genres": "genres is",
    "collection": "it is not in the collection",
    "poster": "the poster is",
    "art": "the art is",
    "locks": "not locked",
}


class StuckError(Exception):
    """The demo cannot go on; `details` has one sentence each."""

    def __init__(self, what: str, details: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.details = tuple(details)


class Arrivals:
    """Scenes that Plex is to show, as the oracle judges them.

    Args:
        edited: the scenes are yet to be edited, so none has arrived before its next change.
    """

    def __init__(self, rig: Rig, ids: Iterable[int], *, edited: bool = False) -> None:
        self.differences: dict[int, list[str]] = {scene_id: [""] for scene_id in ids}
        self._rig = rig
        self._before = {each: rig.stash.scene(each) for each in self.differences if edited}
        self._snapshot: dict[int, dict[str, Any]] = {}
        self._seen: dict[int, Scene] = {}

    def look(self) -> int:
        """Compare the scenes that have not arrived; return the number of differences."""
        for scene_id in self.differences.keys() - set(self.arrived):
            self.differences[scene_id] = self._compare(scene_id)
        return sum(map(len, self.differences.values()))

    @property
    def arrived(self) -> list[int]:
        """The scenes that had arrived at the last look."""
        return [scene_id for scene_id, found in self.differences.items() if not found]

    def fields(self, scene_id: int) -> set[str]:
        """Return the fields of a scene that differed at the last look."""
        found = self.differences[scene_id]
        return {name for text in found for name in FIELDS if text.startswith(FIELDS[name])}

    def _compare(self, scene_id: int) -> list[str]:
        scene = self._rig.stash.scene(scene_id)
        if scene is self._before.get(scene_id):
            return ["it has not been saved yet"]
        if self._seen.get(scene_id) is not scene:
            self._seen = {each.id: each for each in self._rig.stash.scenes()}
            self._snapshot = self._rig.stash.snapshot()
        expected = {**self._snapshot[scene_id], "cover": scene.cover}
        return compare(expected, item_of(self._rig, scene_id))


def item_of(rig: Rig, scene_id: int) -> ItemState:
    """Return the Plex item of a scene as it is at this moment."""
    with rig.plex.changed:
        return item_state(rig.item_of(scene_id))


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
        self._call = rig.stash.call()
        self._background = ThreadPoolExecutor(max_workers=1)

    def close(self) -> None:
        """End the tasks and the worker."""
        self.rig.stash.jobs.stop_all()
        self._call.cancel.cancel()
        self._background.shutdown()
        self.rig.stop_worker()

    def save(self, scene_id: int, **changes: Unpack[SceneFields]) -> float:
        """Save a scene as Stash's page does; return the seconds that the save waited."""
        return self._note(self.rig.stash.edit_scene(scene_id, call=self._call, **changes))[0]

    def start_bulk_save(self, ids: Sequence[int], changes: SceneFields) -> Future[list[float]]:
        """Save many scenes at once, in the background; see `save`."""
        return self._background.submit(
            lambda: self._note(self.rig.stash.edit_scenes(ids, call=self._call, **changes))
        )

    def start_task(self) -> Future[PluginResult]:
        """Start the task that syncs all scenes, in the background."""
        return self._background.submit(self.rig.stash.run_task_to_end, PLUGIN, SYNC_ALL)

    def task_result(self, task: Future[PluginResult]) -> PluginResult:
        """Return what the task answered, once all its jobs are done."""
        result = task.result(PATIENCE)
        if result.error is not None:
            raise StuckError("The task failed", [result.error, *result.messages()])
        self.settle()
        return result

    def watch(
        self,
        what: str,
        left: Callable[[], int],
        draw: Callable[[], Sequence[str]] = tuple,
        *,
        every_change: bool = False,
    ) -> None:
        """Wait until nothing is left, and redraw the screen's area meanwhile.

        Args:
            what: the thing that is waited for.
            left: counts what is missing.
            draw: returns the area's lines.
            every_change: look after every change of Plex, which only cheap looks may do.

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
            if every_change:
                with self.rig.plex.changed:
                    self.rig.plex.changed.wait(_SHORTEST_FRAME)
            else:
                time.sleep(_FRAME)
        self.screen.draw(draw())

    def watch_log(self, what: str, mark: str, since: int) -> str:
        """Wait for a new line of the worker's log that has a mark in it; return its end."""

        def found() -> str:
            lines = self.rig.worker_log()[since:].splitlines()
            return next((text[text.index(mark) :] for text in lines if mark in text), "")

        self.watch(what, lambda: not found())
        return found()

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
                raise StuckError("A hook failed", [str(run.result.error), *run.result.messages()])
        if not runs:
            raise StuckError("Stash has run no hook: the plugin's manifest asks for none")
        self.saves += (seconds := [run.result.seconds for run in runs])
        return seconds

"""Both servers with the plugin between them, and how the demo acts on them and waits."""

import contextlib
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, Unpack

from simulators.rig import PLUGIN, Rig
from simulators.stash import PluginResult, PluginRun, SceneFields
from tools.demo.goals import EmptyQueue, Goal
from tools.demo.layout import Line
from tools.demo.screen import Screen

SYNC_ALL = "Sync All Scenes to Plex"
_FRAME = 0.1  # seconds between two looks that compare up to all scenes
_SHORTEST_FRAME = 0.02  # the same where a look is cheap
_CLEANUP = 5.0  # seconds for killed processes to go

T = TypeVar("T")
Draw = Callable[[], Sequence[Line]]


class StuckError(Exception):
    """The demo cannot go on.

    Args:
        what: what did not come about.
        details: a sentence each.
    """

    def __init__(self, what: str, details: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.details = tuple(details)


class Stage:
    """Where the acts play; its end leaves no process behind.

    Args:
        rig: both servers, running.
        screen: what people see.
        patience: seconds without any progress after which a wait is given up.

    Attributes:
        ids: the scenes.
        saves: seconds that each save waited for the plugin.
        faults: claims of the demo that turned out untrue though both libraries may agree.
    """

    def __init__(self, rig: Rig, screen: Screen, patience: float) -> None:
        self.rig = rig
        self.screen = screen
        self.patience = patience
        self.ids: list[int] = []
        self.saves: list[float] = []
        self.faults: list[str] = []
        self._call = rig.stash.call()
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stash-page")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.rig.stash.jobs.stop_all()
        self._call.cancel.cancel()
        self._background.shutdown()
        # From here on nobody starts a worker.
        self.kill_worker()

    # -- acting -------------------------------------------------------------------------------

    def save(self, scene_id: int, **changes: Unpack[SceneFields]) -> float:
        """Save a scene as the web page does; return the seconds that the save waited.

        Raises:
            StuckError: the hook failed.
        """
        runs = self.rig.stash.edit_scene(scene_id, call=self._call, **changes)
        return self._note_saves(runs)[0]

    def start_bulk_save(self, ids: Sequence[int], changes: SceneFields) -> Future[list[float]]:
        """Save many scenes at once, in the background; see `save`."""

        def work() -> list[float]:
            runs = self.rig.stash.edit_scenes(ids, call=self._call, **changes)
            return self._note_saves(runs)

        return self._background.submit(work)

    def start_task(self, name: str) -> Future[PluginResult]:
        """Press a task's button, in the background."""
        return self._background.submit(self.rig.stash.run_task_to_end, PLUGIN, name)

    def result(self, future: Future[T], what: str) -> T:
        """Return what comes of work in the background.

        Raises:
            StuckError: it does not end.
        """
        try:
            return future.result(self.patience)
        except TimeoutError:
            raise StuckError(f"{what} has not ended") from None

    def task_result(self, task: Future[PluginResult]) -> PluginResult:
        """Return what a task in the background has answered.

        Raises:
            StuckError: it does not end, or failed.
        """
        result = self.result(task, "The task")
        if result.error is not None:
            raise StuckError("The task failed", [result.error, *result.messages()])
        return result

    def kill_worker(self) -> list[int]:
        """Kill the worker with signal 9, and wait until it is gone; return its process id."""
        deadline = time.monotonic() + _CLEANUP
        killed = self.rig.worker_pids()
        self.rig.stop_worker()
        while self.rig.worker_pids() and time.monotonic() < deadline:
            time.sleep(_SHORTEST_FRAME)
        return killed

    # -- looking ------------------------------------------------------------------------------

    def watch(self, goal: Goal, draw: Draw = tuple, *, every_change: bool = False) -> None:
        """Wait for a goal, and redraw the screen's area meanwhile.

        Args:
            goal: what is waited for.
            draw: returns the area's lines as of the last look.
            every_change: look at every change of Plex, where a look is cheap; else now and then,
                because to compare hundreds of scenes so often would hold Plex up.

        Raises:
            StuckError: there was no progress for too long.
        """
        fewest, deadline = sys.maxsize, 0.0
        while True:
            left = goal.left()
            if left < fewest:
                fewest, deadline = left, time.monotonic() + self.patience
            self.screen.draw(draw())
            if not left:
                return
            if time.monotonic() > deadline:
                what = f"{goal.what} did not come about: no progress for {self.patience:g} s"
                raise StuckError(what, goal.missing())
            self._until_next_look(every_change)

    def settle(self) -> None:
        """Wait until the plugin has ended all its jobs; what the screen's area shows stays.

        Raises:
            StuckError: it does not.
        """
        self.screen.keep()
        self.watch(EmptyQueue(self.rig))

    def waiting(self) -> Counter[int]:
        """Return the scenes that have jobs, and how many; jobs in progress are included.

        A job counts once while it is both in the spool and in the database.
        """
        # The spool comes first: a job that is imported meanwhile is in the database by then.
        jobs = {tuple(name.split(".")[1:3]) for name in self.rig.spooled()}
        # The first worker makes the database and then its tables.
        if (self.rig.data / "queue" / "data.db").exists():
            with contextlib.suppress(sqlite3.OperationalError), self.rig.database() as database:
                for (data,) in database.execute("SELECT data FROM ack_queue_default"):
                    job = json.loads(data)
                    jobs.add((job["update_type"], f"scene_{job['scene_id']}"))
        return Counter(int(subject.removeprefix("scene_")) for _, subject in jobs)

    def dead_letters(self) -> int:
        """Return how many jobs the plugin has given up."""
        with self.rig.database() as database:
            return int(database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])

    def title(self, scene_id: int) -> str:
        """Return how people call a scene."""
        return self.rig.stash.scene(scene_id).title

    def _until_next_look(self, every_change: bool) -> None:
        if every_change:
            with self.rig.plex.changed:
                self.rig.plex.changed.wait(_SHORTEST_FRAME)
        else:
            time.sleep(_FRAME)

    def _note_saves(self, runs: Sequence[PluginRun]) -> list[float]:
        for run in runs:
            result = run.result
            if result.error is not None or result.exit_code != 0:
                details = [str(result.error), *result.messages()]
                raise StuckError(
                    f"A {run.trigger} hook failed (status {result.exit_code})", details
                )
        if not runs:
            raise StuckError("Stash has run no hook: the plugin's manifest asks for none")
        seconds = [run.result.seconds for run in runs]
        self.saves += seconds
        return seconds

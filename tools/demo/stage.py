import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeAlias, Unpack

from simulators.rig import Rig
from simulators.stash import PluginRun, SceneFields
from tools.demo.screen import Screen

PATIENCE = 30.0
_FRAME = 0.1


Differences: TypeAlias = dict[int, list[str]]


class StuckError(Exception):
    pass


@dataclass
class Stage:
    rig: Rig
    screen: Screen
    background: Executor
    ids: list[int] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)

    def title(self, scene_id: int) -> str:
        return self.rig.stash.scene(scene_id).title

    def save(self, scene_id: int, **changes: Unpack[SceneFields]) -> float:
        return self._record(self.rig.stash.edit_scene(scene_id, **changes))[0]

    def save_all(self, ids: Sequence[int], changes: SceneFields) -> list[float]:
        return self._record(self.rig.stash.edit_scenes(ids, **changes))

    def differences(self, ids: Iterable[int]) -> Differences:
        found: Differences = {scene_id: [] for scene_id in ids}
        for text in self.rig.verdict().differences:
            scene, _, sentence = text.partition(": ")
            found.get(int(scene.split()[1].rstrip(",")), []).append(sentence)
        return found

    def watch(
        self, compare: Callable[[], Differences], draw: Callable[[Differences], Sequence[str]]
    ) -> None:
        fewest, deadline = sys.maxsize, 0.0
        while count := sum(map(len, (found := compare()).values())):
            if count < fewest:
                fewest, deadline = count, time.monotonic() + PATIENCE
            self.screen.draw(draw(found))
            if time.monotonic() > deadline:
                raise StuckError(f"No progress for {PATIENCE:g} s, {count} differences are left")
            time.sleep(_FRAME)
        self.screen.draw(draw(found))
        self.screen.keep()
        if not self.rig.wait_until(lambda: self.rig.queued() == 0, PATIENCE):
            raise StuckError("Both libraries agree, but the queue does not get empty")

    def _record(self, runs: Sequence[PluginRun]) -> list[float]:
        failed = [run.result.error for run in runs if run.result.error or run.result.exit_code]
        if failed or not runs:
            raise StuckError(f"A hook failed: {failed[0] if runs else 'Stash ran none'}")
        self.saves += (seconds := [run.result.seconds for run in runs])
        return seconds

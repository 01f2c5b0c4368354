import statistics
import time
from collections.abc import Iterator, Sequence

from benchmarks.installed import Installed, Progress, StandstillError, installed
from benchmarks.table import Row
from benchmarks.workspace import Workspace

_EDITS, _EDITS_FROM_COLD, _BURST = 20, 10, 50
_LATENCY = 0.005
_POLL_EVERY = 0.2


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    with installed(workspace, "edit") as plugin:
        plugin.rig.plex.latency.every = _LATENCY
        scenes = plugin.rig.add_library(_BURST, covers=False)
        _edit(plugin, scenes[0], "The first edit")
        progress("edit: worker alive")
        worker = plugin.worker()
        alive: list[float] = []
        for number in range(_EDITS):
            plugin.wait_until_drained()
            # Vary the time of the edits, because the worker looks for edits only every 0.2 s.
            time.sleep(number / _EDITS * _POLL_EVERY)
            alive.append(_edit(plugin, scenes[number], f"Alive {number}"))
        progress(f"edit: burst of {_BURST}")
        burst = _burst(plugin, scenes, "worker alive")
        if plugin.worker() != worker:
            raise StandstillError("the worker has changed while edits were to find it alive")
        progress("edit: worker to be started")
        started: list[float] = []
        for number in range(_EDITS_FROM_COLD):
            plugin.rig.stop_worker()
            started.append(_edit(plugin, scenes[number], f"Started {number}"))
        plugin.rig.stop_worker()
        progress(f"edit: burst of {_BURST}, worker to be started")
        cold_burst = _burst(plugin, scenes, "worker started")
    yield _median("edit → visible, worker alive", alive, "≤ 0.3")
    yield _median("edit → visible, worker started", started, "≤ 1")
    yield burst
    yield cold_burst


def _edit(plugin: Installed, scene_id: int, title: str) -> float:
    item = plugin.rig.item_of(scene_id)
    begun = time.perf_counter()
    plugin.rig.stash.edit_scene(scene_id, title=title)
    return plugin.wait_until_visible(lambda: item.title == title) - begun


def _burst(plugin: Installed, scenes: Sequence[int], name: str) -> Row:
    items = [plugin.rig.item_of(scene_id) for scene_id in scenes]
    begun = time.perf_counter()
    plugin.rig.stash.edit_scenes(scenes, details=name)
    hooks = time.perf_counter() - begun
    shown = plugin.wait_until_visible(lambda: all(item.summary == name for item in items)) - begun
    note = f"of which the hooks take {hooks:.2f} s"
    return Row(f"bulk edit of {_BURST} → last visible, {name}", shown, "s", "< 5", note)


def _median(name: str, taken: Sequence[float], goal: str) -> Row:
    note = f"{min(taken):.2f} to {max(taken):.2f} s in {len(taken)} edits; Plex answers in 5 ms"
    return Row(name, statistics.median(taken), "s", goal, note)

"""From saving an edit in Stash to seeing it in Plex, hook, queue and worker included."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

from benchmarks.installed import Installed, Progress, StandstillError, installed
from benchmarks.table import Row
from benchmarks.workspace import Workspace

_EDITS, _EDITS_FROM_COLD, _BURST = 20, 10, 50
_LATENCY = 0.005  # seconds; of a Plex on the same machine or network
_LOOK_EVERY = 0.2  # seconds between an idle worker's looks (worker/schedule.py)


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    """Yield the rows of edit → visible."""
    with installed(workspace, "edit") as plugin:
        plugin.rig.plex.latency.every = _LATENCY
        scenes = plugin.rig.add_library(_BURST, covers=False)
        _edit(plugin, scenes[0], "The first of all")
        progress("edit: worker alive")
        worker = plugin.worker()
        alive = [
            _edit_beside_worker(plugin, scenes[number], number / _EDITS, f"Alive {number}")
            for number in range(_EDITS)
        ]
        progress(f"edit: burst of {_BURST}")
        burst, hooks = _burst(plugin, scenes[:_BURST], "In one go")
        if plugin.worker() != worker:
            message = "the worker was to stay the same while edits found it alive"
            raise StandstillError(message)
        progress("edit: worker to be started")
        started = [
            _edit_without_worker(plugin, scenes[number], f"Started {number}")
            for number in range(_EDITS_FROM_COLD)
        ]
        plugin.rig.stop_worker()
        progress(f"edit: burst of {_BURST}, worker to be started")
        cold_burst, cold_hooks = _burst(plugin, scenes[:_BURST], "In one go, again")
    yield _median("edit → visible, worker alive", alive, "≤ 0.3")
    yield _median("edit → visible, worker started", started, "≤ 1")
    name = f"bulk edit of {_BURST} → last visible"
    yield Row(f"{name}, worker alive", burst, "s", "< 5", f"of which {hooks:.2f} s are its hooks")
    yield Row(
        f"{name}, worker started", cold_burst, "s", "< 5", f"of which {cold_hooks:.2f} s its hooks"
    )


def _edit_beside_worker(plugin: Installed, scene_id: int, moment: float, title: str) -> float:
    plugin.wait_until_drained()
    # The worker looks for jobs five times a second, and people save at any moment between; chosen
    # by chance, twenty moments would move the median by a tenth.
    time.sleep(moment * _LOOK_EVERY)
    return _edit(plugin, scene_id, title)


def _edit_without_worker(plugin: Installed, scene_id: int, title: str) -> float:
    plugin.rig.stop_worker()
    return _edit(plugin, scene_id, title)


def _edit(plugin: Installed, scene_id: int, title: str) -> float:
    """Save a title as a person does; return the seconds until Plex shows it."""
    item = plugin.rig.item_of(scene_id)
    begun = time.perf_counter()
    plugin.rig.stash.edit_scene(scene_id, title=title)
    return plugin.wait_until_visible(lambda: item.title == title) - begun


def _burst(plugin: Installed, scenes: Sequence[int], details: str) -> tuple[float, float]:
    """Save one text for many scenes; return the seconds until Plex shows all, and of the hooks."""
    items = [plugin.rig.item_of(scene_id) for scene_id in scenes]
    begun = time.perf_counter()
    plugin.rig.stash.edit_scenes(scenes, details=details)
    hooks = time.perf_counter() - begun
    shown = plugin.wait_until_visible(lambda: all(one.summary == details for one in items))
    return shown - begun, hooks


def _median(name: str, taken: Sequence[float], goal: str) -> Row:
    note = f"{min(taken):.2f} to {max(taken):.2f} s in {len(taken)} edits; Plex answers in 5 ms"
    return Row(name, statistics.median(taken), "s", goal, note)

"""Which Plex item holds which file: what a worker pays to learn that, and saves by knowing it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.installed import Installed, Progress, installed
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.scale import Scale
from benchmarks.table import Row, by_kind
from benchmarks.workspace import Workspace
from simulators.rig import FOLDER

_BATCH = 50  # scenes of which the worker claims all at once
_FOLDERS = 50
_REST = 0.2  # seconds in which a worker with no job left ends its step


def measure(workspace: Workspace, scale: Scale, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the path index, all of real workers that are processes of their own."""
    name = f"path index of {scale.items:,} items"
    with installed(workspace, "index") as plugin:
        progress(f"index: {scale.items} items")
        scenes = _add_items(plugin, scale.items)
        yield from _building(plugin, scenes[0], name)
        progress(f"index: {_BATCH} changed scenes")
        yield from _batch(plugin, scenes, name)
        progress("index: a new file")
        yield _new_file(plugin, scenes[0], name)


def _add_items(plugin: Installed, count: int) -> list[int]:
    """Fill Plex with items; return the few scenes that Stash has of them."""
    rig = plugin.rig
    scenes = rig.add_library(_BATCH, covers=False)
    for number in range(len(scenes), count):
        path = f"{FOLDER}/Studio {number % _FOLDERS}/Scene {number:06}.mp4"
        rig.plex.add_item(rig.section, path)
    return scenes


def _building(plugin: Installed, scene_id: int, name: str) -> Iterator[Row]:
    """The first edit of all: its worker lists the library, and does little else."""
    begun = time.perf_counter()
    requests = _edit(plugin, scene_id, "The first of all")
    seconds = time.perf_counter() - begun
    pid = plugin.worker()
    yield Row(f"{name}: requests", requests.total(), "requests", "≤ 110", by_kind(requests))
    note = f"all of its worker's; {seconds:.1f} s from the first edit to its end, the fake included"
    yield Row(f"{name}: CPU", cpu_seconds(pid), "s", "≤ 15", note)
    yield Row(
        f"{name}: memory", peak_megabytes(pid), "MB", "≤ 120", "the worker's most ever (VmHWM)"
    )


def _batch(plugin: Installed, scenes: list[int], name: str) -> Iterator[Row]:
    mark = plugin.rig.plex.log.mark()
    details = "In one go"
    with plugin.worker_held():
        plugin.rig.stash.edit_scenes(scenes, details=details)
    items = [plugin.rig.item_of(scene_id) for scene_id in scenes]
    plugin.wait_until_visible(lambda: all(item.summary == details for item in items))
    plugin.wait_until_drained()
    time.sleep(_REST)
    writes = len(plugin.rig.plex.log.writes(mark))
    requests = _requests(plugin, mark)
    reads = requests.total() - writes
    scene = f"{name}, warm: changed scene in a batch of {_BATCH}"
    yield Row(f"{scene}: PUTs", writes / _BATCH, "per scene", "1")
    note = by_kind(requests, _BATCH)
    yield Row(f"{scene}: reads", reads / _BATCH, "per scene", "≤ 0.05", note)


def _new_file(plugin: Installed, known_id: int, name: str) -> Row:
    """What a new file costs more than one that the index has, each with a worker of its own."""
    plugin.kill_worker()
    known = _edit(plugin, known_id, "A known file")
    plugin.kill_worker()
    new_id, _ = plugin.rig.add_pair("new", title="New", details="Nobody has seen it yet")
    more = _edit(plugin, new_id, "A new file") - known
    note = f"more than an edit of a known file: {by_kind(more)}"
    return Row(f"{name}: look-up of a new file", more.total(), "requests", "≤ 2", note)


def _edit(plugin: Installed, scene_id: int, title: str) -> Counter[str]:
    """Save a title; return the requests that its worker made until it was done with it."""
    mark = plugin.rig.plex.log.mark()
    item = plugin.rig.item_of(scene_id)
    plugin.rig.stash.edit_scene(scene_id, title=title)
    plugin.wait_until_visible(lambda: item.title == title)
    plugin.wait_until_drained()
    time.sleep(_REST)
    return _requests(plugin, mark)


def _requests(plugin: Installed, mark: int) -> Counter[str]:
    return Counter(one.kind for one in plugin.rig.plex.log.since(mark))

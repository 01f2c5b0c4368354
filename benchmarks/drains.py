import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

from benchmarks.installed import Installed, Progress, installed
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.table import Row, by_kind, short
from benchmarks.workspace import Workspace
from simulators.plex.request_log import Kind

_LATENCY = 0.005
_NO_IMAGES = {"sync_poster": False, "sync_background": False}


def measure(images: bool, workspace: Workspace, progress: Progress) -> Iterator[Row]:
    name = "new images" if images else "no images"
    folder = f"drain-{name.replace(' ', '-')}"
    with installed(workspace, folder, **({} if images else _NO_IMAGES)) as plugin:
        plugin.rig.add_library(workspace.scenes, covers=images)
        plugin.rig.plex.latency.every = _LATENCY
        progress(f"drain of {workspace.scenes}: {name}")
        yield from _first(plugin, f"first sync ({name})", images)
        progress(f"second pass: {name}")
        yield from _second(plugin, f"second pass ({name})")


def _first(plugin: Installed, name: str, images: bool) -> Iterator[Row]:
    scenes, mark = plugin.workspace.scenes, _Mark(plugin)
    plugin.task("all")
    pid = plugin.worker()
    begun = plugin.wait_for_claim()
    start_cpu, servers_cpu = cpu_seconds(pid), time.process_time()
    seconds = plugin.wait_until_drained() - begun
    cpu, servers_cpu = cpu_seconds(pid) - start_cpu, time.process_time() - servers_cpu
    writes = plugin.rig.plex.log.max_writes_in_flight
    note = f"{seconds / scenes * 1e3:.1f} ms/scene; writes in flight: {writes}"
    yield Row(f"{name}: speed", scenes / seconds, "scenes/s", "" if images else "≥ 80", note)
    yield mark.requests_row(name, "≤ 3.2" if images else "≤ 1.2")
    note = f"the start took {start_cpu:.2f} s more; both fakes {servers_cpu / scenes * 1e3:.1f}"
    yield Row(f"{name}: worker's CPU", cpu / scenes * 1e3, "ms/scene", note=note)
    yield Row(f"{name}: worker's memory", peak_megabytes(pid), "MB", "≤ 60", "VmHWM, the peak")


def _second(plugin: Installed, name: str) -> Iterator[Row]:
    scenes, mark, begun = plugin.workspace.scenes, _Mark(plugin), time.perf_counter()
    plugin.task("all", force="true")
    seconds = plugin.wait_until_drained() - begun
    yield Row(f"{name}: PUTs and uploads", mark.writes(), "requests", "0")
    yield mark.requests_row(name, "≤ 0.05")
    note = f"{seconds:.1f} s with the task"
    yield Row(f"{name}: speed", scenes / seconds, "scenes/s", note=note)
    mark, begun = _Mark(plugin), time.perf_counter()
    plugin.task("all")
    seconds = time.perf_counter() - begun
    note = f"requests to Plex: {by_kind(mark.requests())}"
    yield Row(f"{name}: Sync All without a difference", seconds, "s", note=note)


class _Mark:
    def __init__(self, plugin: Installed) -> None:
        self._rig, self._scenes = plugin.rig, plugin.workspace.scenes
        self._plex, self._stash = plugin.rig.plex.log.mark(), plugin.rig.stash.requests.mark()

    def requests(self) -> Counter[Kind]:
        return self._rig.plex.log.kinds(since=self._plex)

    def writes(self) -> int:
        return len(self._rig.plex.log.writes(self._plex))

    def requests_row(self, name: str, goal: str) -> Row:
        requests, stash = self.requests(), len(self._rig.stash.requests.since(self._stash))
        note = f"{by_kind(requests, self._scenes)}; to Stash {short(stash / self._scenes)}"
        per_scene = requests.total() / self._scenes
        return Row(f"{name}: requests to Plex", per_scene, "per scene", goal, note)


PARTS = (partial(measure, False), partial(measure, True))

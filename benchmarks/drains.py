"""The drain of a whole library: a first sync, then a second pass over what has not changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.installed import Installed, Progress, installed
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.table import Row, by_kind, short
from benchmarks.workspace import Workspace

_UPLOADS = ("poster_upload", "art_upload")


@dataclass(frozen=True, slots=True)
class Library:
    """What is drained, and through which Plex.

    Attributes:
        images: whether there are new covers to upload; else images are switched off.
        latency: milliseconds in which Plex answers.
    """

    images: bool
    latency: int

    @property
    def name(self) -> str:
        """How the rows call it."""
        return f"{'new images' if self.images else 'no images'}, {self.latency} ms"

    @property
    def request_goal(self) -> str:
        """Requests to Plex per scene."""
        return "≤ 3.2" if self.images else "≤ 1.2"

    @property
    def speed_goal(self) -> str:
        """Scenes per second."""
        return "" if self.images or not self.latency else "≥ 80"


@dataclass(frozen=True, slots=True)
class Drain:
    """What a drain took.

    Attributes:
        seconds: wall time.
        requests: to Plex, by kind.
        stash_requests: to Stash.
        worker_cpu: seconds.
        servers_cpu: seconds of this process, in which both fakes run.
    """

    seconds: float
    requests: Counter[str]
    stash_requests: int
    worker_cpu: float
    servers_cpu: float


def measure(library: Library, workspace: Workspace, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the drains of one library."""
    scenes = workspace.scenes
    switches = {} if library.images else {"sync_poster": False, "sync_background": False}
    folder = f"drain-{library.images}-{library.latency}"
    with installed(workspace, folder, **switches) as plugin:
        plugin.rig.add_library(scenes, covers=library.images)
        plugin.rig.plex.latency.every = library.latency / 1000
        progress(f"drain of {scenes}: {library.name}")
        yield from _first(plugin, library, scenes)
        if library.latency:
            progress(f"second pass: {library.name}")
            yield from _second(plugin, library, scenes)


def _first(plugin: Installed, library: Library, scenes: int) -> Iterator[Row]:
    mark = _Mark(plugin)
    plugin.task("all")
    pid = plugin.wait_for_worker()
    begun = plugin.wait_for_claim()
    start_up = cpu_seconds(pid)
    drain = mark.until_drained(begun, pid, start_up)
    writes = plugin.rig.plex.log.max_writes_in_flight
    name = f"first sync ({library.name})"
    yield Row(
        f"{name}: speed",
        scenes / drain.seconds,
        "scenes/s",
        library.speed_goal,
        f"{drain.seconds / scenes * 1e3:.1f} ms/scene; writes in flight: {writes}",
    )
    yield _requests(f"{name}: requests to Plex", drain, scenes, library.request_goal)
    yield Row(
        f"{name}: worker's CPU",
        drain.worker_cpu / scenes * 1e3,
        "ms/scene",
        note=f"its start took {start_up:.2f} s of CPU more; both fakes take "
        f"{drain.servers_cpu / scenes * 1e3:.1f} ms/scene",
    )
    yield Row(f"{name}: worker's memory", peak_megabytes(pid), "MB", note="the most ever (VmHWM)")


def _second(plugin: Installed, library: Library, scenes: int) -> Iterator[Row]:
    name = f"second pass ({library.name})"
    pid = plugin.worker()
    mark = _Mark(plugin)
    begun, cpu = time.perf_counter(), cpu_seconds(pid)
    plugin.task("all", force="true")
    drain = mark.until_drained(begun, pid, cpu)
    uploads = sum(drain.requests[kind] for kind in _UPLOADS)
    writes = mark.writes()
    yield Row(f"{name}: PUTs and uploads", writes, "requests", "0", f"{uploads} of them uploads")
    yield _requests(f"{name}: requests to Plex", drain, scenes, "≤ 0.05")
    yield Row(
        f"{name}: speed",
        scenes / drain.seconds,
        "scenes/s",
        note=f"{drain.seconds:.1f} s with the task; worker's CPU "
        f"{drain.worker_cpu / scenes * 1e3:.2f} ms/scene",
    )
    mark, begun = _Mark(plugin), time.perf_counter()
    plugin.task("all")
    seconds = time.perf_counter() - begun
    found = mark.requests()
    yield Row(
        f"Sync All with nothing to do ({library.name})",
        seconds,
        "s",
        note=f"{found.total()} requests to Plex ({by_kind(found)}), {scenes} scenes",
    )


class _Mark:
    """A moment from which requests and this process's CPU are counted."""

    def __init__(self, plugin: Installed) -> None:
        self._plugin = plugin
        self._plex = plugin.rig.plex.log.mark()
        self._stash = plugin.rig.stash.requests.mark()

    def requests(self) -> Counter[str]:
        """Requests to Plex, by kind."""
        return Counter(one.kind for one in self._plugin.rig.plex.log.since(self._plex))

    def writes(self) -> int:
        """Requests that change Plex."""
        return len(self._plugin.rig.plex.log.writes(self._plex))

    def until_drained(self, begun: float, pid: int, worker_cpu: float) -> Drain:
        """Wait until the queue is empty; times count from the given ones on."""
        servers_cpu = time.process_time()
        ended = self._plugin.wait_until_drained()
        return Drain(
            seconds=ended - begun,
            requests=self.requests(),
            stash_requests=len(self._plugin.rig.stash.requests.since(self._stash)),
            worker_cpu=cpu_seconds(pid) - worker_cpu,
            servers_cpu=time.process_time() - servers_cpu,
        )


def _requests(name: str, drain: Drain, scenes: int, goal: str) -> Row:
    note = f"{by_kind(drain.requests, scenes)}; to Stash {short(drain.stash_requests / scenes)}"
    return Row(name, drain.requests.total() / scenes, "per scene", goal, note)


PARTS = tuple(
    partial(measure, Library(images, latency)) for images in (False, True) for latency in (0, 5)
)

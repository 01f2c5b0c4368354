"""A reconciliation of all scenes: of a library in step, and of one with gaps."""

from __future__ import annotations

import hashlib
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.installed import Installed, Progress, StandstillError, installed
from benchmarks.processes import peak_megabytes
from benchmarks.table import Row, by_kind
from benchmarks.workspace import Workspace
from plex.diff import PLEX_NAMES, edit_for
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexItem
from plex.originals import original_values
from simulators.plex import Item
from stash.connection import StashConnection, parse_address
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.sync_records import ItemRecord, SceneRecord
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import StashScene
from worker.sync.results import SYNCED

_LOCKS = frozenset(PLEX_NAMES.values()) | {IMAGE_LOCKS[POSTER], IMAGE_LOCKS[ART]}
_GAP_EVERY = 50  # scenes: two in a hundred
_LOOK_EVERY = 0.02  # seconds between two looks at the task's memory


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run took.

    Attributes:
        gaps: how many it found, by its last line.
        seconds: wall time, both fakes included.
        cpu: seconds, of the task's process.
        memory: the most megabytes that this process held (VmHWM).
        plex: requests to Plex, by kind.
        stash: requests to Stash.
    """

    gaps: int
    seconds: float
    cpu: float
    memory: float
    plex: Counter[str]
    stash: int

    @property
    def requests(self) -> int:
        """All of them, to both servers."""
        return self.plex.total() + self.stash

    @property
    def requests_by_kind(self) -> str:
        """The requests, for a note."""
        return f"to Plex {by_kind(self.plex)}; to Stash {self.stash}"


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the reconciliation, each run a task in a process of its own."""
    large = workspace.reconciled
    with installed(workspace, "reconcile") as plugin:
        cold, warm = _cold_and_warm(plugin, large, progress)
        for name, one in (("cold", cold), ("warm", warm)):
            yield from _rows(f"reconciliation of {large:,} in step, index {name}", one)
        progress(f"reconciliation: {large // _GAP_EVERY} gaps of {large}")
        yield from _gaps(plugin, large)


def _cold_and_warm(plugin: Installed, scenes: int, progress: Progress) -> tuple[Taken, Taken]:
    progress(f"reconciliation: making a library of {scenes} that is in step")
    add_synced_library(plugin, scenes)
    progress(f"reconciliation: {scenes} in step, index cold")
    cold = _run(plugin)
    progress(f"reconciliation: {scenes} in step, index warm")
    return cold, _run(plugin)


def _rows(name: str, taken: Taken) -> Iterator[Row]:
    yield Row(f"{name}: gaps", taken.gaps, "scenes", "0")
    yield Row(f"{name}: requests", taken.requests, "requests", "≤ 450", taken.requests_by_kind)
    note = f"of the task's process, which took {taken.seconds:.1f} s, the fakes included"
    yield Row(f"{name}: CPU", taken.cpu, "s", "≤ 30", note)
    yield Row(f"{name}: memory", taken.memory, "MB", "≤ 150", "the task's most ever (VmHWM)")


def _gaps(plugin: Installed, scenes: int) -> Iterator[Row]:
    """Edits that no hook told of: found, and queued."""
    stale = [one.id for one in plugin.rig.stash.scenes()][::_GAP_EVERY]
    for scene_id in stale:
        plugin.rig.stash.update_scene(scene_id, details="Edited while the plugin was off")
    taken = _run(plugin)
    name = f"reconciliation of {scenes:,}, {len(stale):,} of them stale"
    yield Row(f"{name}: gaps", taken.gaps, "scenes", f"{len(stale)}")
    note = f"{taken.seconds:.1f} s; requests {taken.requests}; memory {taken.memory:.0f} MB"
    yield Row(f"{name}: CPU", taken.cpu, "s", "≤ 30", note)


def _run(plugin: Installed) -> Taken:
    plex, stash = plugin.rig.plex.log.mark(), plugin.rig.stash.requests.mark()
    cpu, begun, memory = _cpu_of_children(), time.perf_counter(), 0.0
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(plugin.task, "reconcile_all")
        while not wait([task], _LOOK_EVERY).done:
            for pid in plugin.task_processes():
                with suppress(OSError):
                    memory = max(memory, peak_megabytes(pid))
        answer = task.result()
    seconds = time.perf_counter() - begun
    found = re.search(r"([\d,]+) gaps", answer)
    if found is None:
        message = f"the reconciliation tells of no gaps: {answer}"
        raise StandstillError(message)
    return Taken(
        gaps=int(found[1].replace(",", "")),
        seconds=seconds,
        cpu=_cpu_of_children() - cpu,
        memory=memory,
        plex=Counter(one.kind for one in plugin.rig.plex.log.since(plex)),
        stash=len(plugin.rig.stash.requests.since(stash)),
    )


def _cpu_of_children() -> float:
    """Seconds of those that have ended; a detached worker is none of them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def add_synced_library(plugin: Installed, count: int) -> list[int]:
    """Add that many scenes and their items, all in step; return the scenes' ids.

    As far as the log knows each has its cover, which is what spares looking at it again.
    """
    rig = plugin.rig
    ids = rig.add_library(count, covers=False)
    folder = rig.data / "queue"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    queue = QueueManager(str(folder))
    connection = StashConnection(parse_address(rig.stash.server_connection()), lambda _secret: None)
    for page in StashScenes(connection).walk():
        with queue.transaction():
            for scene in page:
                _sync(rig.item_of(scene.id), scene, plugin, queue)
    connection.close()
    queue.close()
    return ids


def _sync(item: Item, scene: StashScene, plugin: Installed, queue: QueueManager) -> None:
    desired = project(scene, Config())
    plex, key, now = plugin.rig.plex, item.rating_key, time.time()
    bare = PlexItem(key, item.section.key, item.title, files=tuple(item.files))
    held = original_values(bare)
    record = ItemRecord(desired.digest, edit_for(desired, bare, {}, held).sent)
    plex.edit(key, lock=False, **_shown(desired))
    plex.set_locks(key, _LOCKS)
    sha1 = hashlib.sha1(str(scene.id).encode(), usedforsecurity=False).hexdigest()
    log, server_id = queue.sync_log, plex.machine_identifier
    log.keep_original(server_id, key, held, now)
    log.remember_item(scene.id, server_id, key, record, now)
    for kind in (POSTER, ART):
        log.remember_image(scene.id, server_id, key, kind, sha1)
    log.remember_scene(
        scene.id,
        SceneRecord(
            SYNCED,
            now,
            scene_updated_at=scene.updated_at,
            cover_tag=f"{sha1} {sha1[:8]}",
            entities=scene.entity_ids(),
        ),
    )


def _shown(desired: SceneMetadata) -> Any:
    return {
        "title": desired.title,
        "studio": desired.studio,
        "summary": desired.summary,
        "originally_available_at": desired.date,
        "actors": desired.performers,
        "genres": desired.tags,
        "collections": desired.collections,
    }

import hashlib
import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from benchmarks.installed import Installed, Progress, installed
from benchmarks.processes import peak_megabytes
from benchmarks.table import Row, by_kind
from benchmarks.workspace import Workspace
from plex.diff import Comparison
from plex.items import ART, POSTER, PlexItem
from plex.originals import original_values
from simulators.oracle import IMAGE_LOCKS, LOCKS
from simulators.rig import Rig
from stash.connection import StashConnection, parse_address
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.sync_log import ItemRecord, SceneRecord
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import StashScene
from worker.sync.results import SYNCED

_GAP_EVERY = 50
_POLL_EVERY = 0.02


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    scenes = workspace.reconciled
    with installed(workspace, "reconcile") as plugin:
        progress(f"reconciliation: making two libraries of {scenes} that agree")
        ids = _add_synced_library(plugin, scenes)
        for index in ("cold", "warm"):
            progress(f"reconciliation: {scenes} in sync, index {index}")
            yield from _run(plugin, f"reconciliation of {scenes:,} in sync, index {index}")
        stale = ids[::_GAP_EVERY]
        progress(f"reconciliation: {len(stale)} gaps of {scenes}")
        for scene_id in stale:
            plugin.rig.stash.update_scene(scene_id, details="Edited while the plugin was off")
        name = f"reconciliation of {scenes:,}, {len(stale):,} of them stale"
        yield from _run(plugin, name, gaps=len(stale))


def _run(plugin: Installed, name: str, gaps: int = 0) -> Iterator[Row]:
    rig = plugin.rig
    plex_mark, stash_mark = rig.plex.log.mark(), rig.stash.requests.mark()
    cpu_before, begun, memory = _cpu_of_children(), time.perf_counter(), 0.0
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(plugin.task, "reconcile_all")
        while not wait([task], _POLL_EVERY).done:
            for pid in rig.task_pids():
                with suppress(OSError):
                    memory = max(memory, peak_megabytes(pid))
        task.result()
    seconds, cpu = time.perf_counter() - begun, _cpu_of_children() - cpu_before
    plex, stash = rig.plex.log.kinds(since=plex_mark), len(rig.stash.requests.since(stash_mark))
    state = json.loads((rig.data / "reconciliation_state.json").read_text())
    yield Row(f"{name}: gaps", state["last_gaps_found"], "scenes", f"{gaps}")
    note = f"to Plex {by_kind(plex)}; to Stash {stash}"
    yield Row(f"{name}: requests", plex.total() + stash, "requests", "≤ 450", note)
    note = f"the task took {seconds:.1f} s with the fakes"
    yield Row(f"{name}: CPU", cpu, "s", "≤ 30", note)
    yield Row(f"{name}: memory", memory, "MB", "≤ 150", "VmHWM, the peak of the task")


def _cpu_of_children() -> float:
    """Return the CPU seconds of all ended child processes.

    Detached workers are no child processes.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _add_synced_library(plugin: Installed, count: int) -> list[int]:
    """Add scenes and items, and record them as synced. Real syncs would take 20 minutes."""
    rig = plugin.rig
    ids = rig.add_library(count, covers=False)
    folder = rig.data / "queue"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    queue = QueueManager(str(folder))
    connection = StashConnection(parse_address(rig.stash.server_connection()), lambda _secret: None)
    for page in StashScenes(connection).walk():
        with queue.transaction():
            for scene in page:
                _sync(rig, scene, queue)
    connection.close()
    queue.close()
    return ids


def _sync(rig: Rig, scene: StashScene, queue: QueueManager) -> None:
    desired, item, now = project(scene, Config()), rig.item_of(scene.id), time.time()
    key, log, server_id = item.rating_key, queue.sync_log, rig.plex.machine_identifier
    bare = PlexItem(key, item.section.key, item.title, files=tuple(item.files))
    held = original_values(bare)
    record = ItemRecord(desired.digest, Comparison(desired, bare, {}, held).edit().sent)
    values = {"date": "originally_available_at", "performers": "actors", "tags": "genres"}
    for name in ("title", "studio", "summary", "date", "performers", "tags", "collections"):
        shown: Any = {values.get(name, name): getattr(desired, name)}
        rig.plex.edit(key, lock=False, **shown)
    rig.plex.set_locks(key, LOCKS | IMAGE_LOCKS)
    log.keep_original(server_id, key, held, now)
    log.remember_item(scene.id, server_id, key, record, now)
    sha1 = hashlib.sha1(str(scene.id).encode(), usedforsecurity=False).hexdigest()
    for kind in (POSTER, ART):
        log.remember_image(scene.id, server_id, key, kind, sha1)
    state = SceneRecord(
        SYNCED,
        now,
        scene_updated_at=scene.updated_at,
        cover_tag=f"{sha1} {sha1[:8]}",
        entities=scene.entity_ids(),
    )
    log.remember_scene(scene.id, state)

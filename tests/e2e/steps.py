"""Steps of end-to-end tests that sync and wait until the worker has nothing left to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from shared.file_lock import FileLock
from simulators.plex import Fault, Item
from simulators.rig import Rig


def settle(rig: Rig) -> None:
    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: rig.queued() == 0)


def sync_all(rig: Rig) -> None:
    rig.task("all")
    settle(rig)


def hang_in_edit(rig: Rig, scene_id: int, *, applied: bool = False, **fields: Any) -> Fault:
    """Edit a scene; return the fault in which Plex's next edit hangs, before or after it did it."""
    fault = rig.plex.faults.hang(kind="edit", times=1, applied=applied)
    rig.stash.edit_scene(scene_id, **fields)
    assert fault.wait_for_hit(timeout=20)
    return fault


def sync_title(rig: Rig, scene_id: int, title: str, **fields: Any) -> None:
    item = rig.item_of(scene_id)
    rig.stash.edit_scene(scene_id, title=title, **fields)
    assert rig.wait_until(lambda: item.title == title and rig.queued() == 0)


def synced_pair(rig: Rig, name: str = "a", **fields: Any) -> tuple[int, Item]:
    """Add a scene with its item and sync the scene's first edit, to the title "One"."""
    scene_id, item = rig.add_pair(name, **{"tags": ["T"], **fields})
    sync_title(rig, scene_id, "One")
    return scene_id, item


def dead_scenes(rig: Rig) -> set[int]:
    if not (rig.data / "queue" / "data.db").exists():
        return set()  # no worker has made the tables yet
    found: set[int] = set()
    with rig.database() as database, suppress(sqlite3.OperationalError):
        found |= {row[0] for row in database.execute("SELECT scene_id FROM dead_letters")}
    return found


@contextmanager
def no_worker(rig: Rig) -> Iterator[None]:
    """Hold the worker's place, so that no worker runs what is queued."""
    rig.stop_worker()
    rig.data.mkdir(exist_ok=True)
    lock = FileLock(str(rig.data / "worker.lock"))
    assert rig.wait_until(lock.try_acquire)
    try:
        yield
    finally:
        lock.release()

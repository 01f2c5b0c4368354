"""Containers whose process 1 collects nothing: real process trees in PID namespaces.

`SOAK=1` runs the full count of edits.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app import dependencies
from shared import file_lock
from shared.file_lock import FileLock
from simulators.rig import FOLDER, PLUGIN_SOURCE, Rig
from simulators.tuning import Tuning
from tests.e2e.changes import lack_a_module, wait_after_release, wait_before_release
from tests.e2e.test_worker_place import cut_off_from_stash, is_free
from tests.trees.container import PROCESS_ONE, PYTHON, Container, unshare
from worker import processor, rest
from worker.takeover import Takeover

pytestmark = pytest.mark.skipif(
    not unshare(), reason="PID namespaces are not permitted here, or it is no Linux"
)

EDITS = 200 if os.environ.get("SOAK") else 8
OF_THE_QUESTION = 1  # the zombie of the first worker, from which the others know
MOST_MEMORY = 1.3  # times a bare interpreter's

Place = tuple[Container, Rig]
Enter = Callable[..., Place]


@pytest.fixture
def enter(tmp_path: Path, prepared_plugin: Path) -> Iterator[Enter]:
    """Makes a container of a kind, and a rig whose plugin runs in it."""
    opened: list[Any] = []

    def make(kind: str, **options: Any) -> Place:
        container = Container(kind)
        opened.append(container.__enter__())
        options = {
            "plugin": prepared_plugin,
            "linked": True,
            "interpreter": container.python,
            **options,
        }
        rig = Rig(tmp_path / "rig", **options)
        opened.append(rig.__enter__())
        rig.tune(Tuning(linger=0.0))
        first_worker(rig)
        return container, rig

    yield make
    while opened:
        opened.pop().__exit__(*sys.exc_info())


def first_worker(rig: Rig) -> None:
    """Have the first worker of a container's start end, which shows whether it is reaped."""
    scene_id, item = rig.add_pair(f"first {time.monotonic()}", tags=["T"])
    rig.stash.edit_scene(scene_id, title="First")
    assert rig.wait_until(lambda: item.title == "First" and at_rest(rig))


def alive(rig: Rig) -> list[int]:
    """The worker, or what waits in its place."""
    return rig.worker_pids() + rig.waiter_pids()


def at_rest(rig: Rig) -> bool:
    return rig.queued() == 0 and not rig.worker_pids()


def waiter_after_an_edit(rig: Rig, scene_id: int, title: str) -> int:
    """Edit the scene, and return the process that waits when all is done."""
    rig.stash.edit_scene(scene_id, title=title)
    assert rig.wait_until(lambda: rig.item_of(scene_id).title == title), rig.worker_log()[-2000:]
    assert rig.wait_until(lambda: at_rest(rig) and rig.waiter_pids() != []), alive(rig)
    (waiter,) = rig.waiter_pids()
    return waiter


def lingering_worker_after_an_edit(rig: Rig, scene_id: int, title: str) -> int:
    """Have the process that waits become a worker that stays one, and return it."""
    rig.tune(Tuning(linger=60.0))
    rig.stash.edit_scene(scene_id, title=title)
    assert rig.wait_until(lambda: rig.item_of(scene_id).title == title and rig.queued() == 0)
    (worker,) = rig.worker_pids()
    return worker


def collects(rig: Rig) -> bool:
    """What the plugin has found out about its container."""
    return json.loads((rig.data / "orphans.json").read_text())["collected"] is not False


@pytest.mark.parametrize("kind", PROCESS_ONE if os.environ.get("SOAK") else ["stash"])
def test_edits_with_and_without_pauses_leave_at_most_one_zombie_per_killed_worker(
    enter: Enter, kind: str
) -> None:
    container, rig = enter(kind)
    scene_id, item = rig.add_pair("a", tags=["T"])
    killed = 0
    for number in range(EDITS):
        title = f"Title {number}"
        rig.stash.edit_scene(scene_id, title=title)
        assert rig.wait_until(lambda title=title: item.title == title), number  # type: ignore[misc]
        if number % 2 == 0:
            assert rig.wait_until(lambda: at_rest(rig)), number
        assert rig.wait_until(lambda: len(alive(rig)) <= 1), number
        if number % (EDITS // 2) == 2:
            for pid in alive(rig):
                os.kill(pid, signal.SIGKILL)
                killed += 1

    assert rig.wait_until(lambda: at_rest(rig))
    collected = collects(rig)
    bound = 0 if collected else killed + OF_THE_QUESTION
    assert rig.wait_until(lambda: len(container.zombies()) <= bound), container.zombies()
    waiters = 0 if collected else 1
    assert rig.wait_until(lambda: len(rig.waiter_pids()) == waiters)
    assert kind == "shell" or collected == (kind == "init")  # shells differ
    assert len(rig.events("worker_parks")) == (not collected)


def _before_it_rests(marker: str, reached: str) -> None:
    become = rest.Rest._become_waiter

    def becomes(self: rest.Rest, door: int) -> None:
        with open(reached, "w"):
            pass
        while os.path.exists(marker):
            time.sleep(0.005)
        become(self, door)

    rest.Rest._become_waiter = becomes  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("module", "change"),
    [
        (file_lock, wait_before_release),
        (file_lock, wait_after_release),
        (rest, _before_it_rests),
    ],
    ids=["with the lock", "before its last look", "after its last look"],
)
def test_an_edit_that_comes_while_the_worker_goes_to_rest_is_not_lost(
    enter: Enter, module: ModuleType, change: Callable[..., None]
) -> None:
    container, rig = enter("stash")
    scene_id, item = rig.add_pair("a", tags=["T"])
    waiter = waiter_after_an_edit(rig, scene_id, "Zero")
    marker, reached = rig.data / "marker", rig.data / "reached"
    rig.alter(module, change, marker=str(marker), reached=str(reached))
    marker.touch()
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and reached.exists())

    rig.stash.edit_scene(scene_id, title="Two")
    marker.unlink()

    assert rig.wait_until(lambda: item.title == "Two")
    assert rig.wait_until(lambda: at_rest(rig) and rig.waiter_pids() == [waiter])
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_a_worker_whose_stash_has_moved_becomes_the_one_that_the_next_edit_calls(
    enter: Enter,
) -> None:
    container, rig = enter("stash")
    scene_id, worker = cut_off_from_stash(rig)
    rig.stash.move()
    rig.plex.start()
    assert rig.happened("sync_paused", kind="stash")
    assert rig.wait_until(lambda: is_free(rig))

    def arrives() -> bool:
        rig.stash.edit_scene(scene_id, title="After")
        return rig.wait_until(lambda: rig.item_of(scene_id).title == "After", timeout=1)

    assert any(arrives() for _ in range(10)), rig.worker_log()
    assert rig.events("worker_ended", outcome="away")
    assert rig.wait_until(lambda: alive(rig) == [worker])
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_the_process_that_waits_needs_the_memory_of_a_bare_interpreter(enter: Enter) -> None:
    _, rig = enter("stash")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter = waiter_after_an_edit(rig, scene_id, "T")
    command = [PYTHON, "-S", "-c", "import time; print(flush=True); time.sleep(600)"]

    with subprocess.Popen(command, stdout=subprocess.PIPE) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        own, of_bare = memory(waiter), memory(bare.pid)
        bare.kill()

    assert own <= MOST_MEMORY * of_bare, (own, of_bare)


def memory(pid: int) -> int:
    """Resident kilobytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(found)


@pytest.mark.parametrize("kind", ["stash", "init"])
def test_what_waits_when_the_container_stops_arrives_after_its_next_start(
    enter: Enter, kind: str
) -> None:
    container, rig = enter(kind)
    ids = rig.add_library(4, covers=False)
    rig.stash.edit_scene(ids[0], title="Before")
    assert rig.wait_until(lambda: rig.item_of(ids[0]).title == "Before" and at_rest(rig))
    rig.plex.stop()
    for scene_id in ids:
        rig.stash.edit_scene(scene_id, tags=["While Plex was away"])
    assert rig.queued() == 4

    container.stop()

    assert alive(rig) == []
    rig.plex.start()
    container.start()
    rig.stash.edit_scene(ids[0], play_duration=12.0)  # asks for nothing
    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: at_rest(rig))
    bound = 0 if kind == "init" else OF_THE_QUESTION
    assert rig.wait_until(lambda: len(container.zombies()) <= bound)


def test_a_call_brings_a_fresh_cookie_when_the_last_one_is_stale(enter: Enter) -> None:
    later = [0.0]
    container, rig = enter("stash", stash={"username": "me", "now": lambda: time.time() + later[0]})
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter = waiter_after_an_edit(rig, scene_id, "One")

    later[0] = 2 * 3600.0

    assert waiter_after_an_edit(rig, scene_id, "Two") == waiter
    assert rig.events("worker_ended", outcome="left") == []
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_a_worker_whose_cookie_is_stale_waits_for_the_edit_that_brings_another(
    enter: Enter,
) -> None:
    later = [0.0]
    container, rig = enter("stash", stash={"username": "me", "now": lambda: time.time() + later[0]})
    ids = rig.add_library(2, covers=False)
    waiter = waiter_after_an_edit(rig, ids[0], "One")
    rig.plex.stop()
    rig.stash.edit_scene(ids[0], title="Two")
    assert rig.wait_until(lambda: rig.worker_pids() == [waiter])

    later[0] = 2 * 3600.0

    assert rig.happened("worker_ended", outcome="left", timeout=90)
    assert rig.wait_until(lambda: rig.waiter_pids() == [waiter])
    assert rig.queued() == 1
    rig.plex.start()
    assert waiter_after_an_edit(rig, ids[1], "Three") == waiter
    assert rig.item_of(ids[0]).title == "Two"
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_a_worker_that_makes_room_for_a_task_waits_without_the_lock(enter: Enter) -> None:
    container, rig = enter("stash")
    scene_id, item = rig.add_pair("a", tags=["T"])
    waiter_after_an_edit(rig, scene_id, "Zero")
    worker = lingering_worker_after_an_edit(rig, scene_id, "One")
    lock, request = (str(rig.data / name) for name in ("worker.lock", "takeover.lock"))

    with Takeover(FileLock(lock), FileLock(request)).place():
        assert rig.wait_until(lambda: rig.waiter_pids() == [worker])
    free = FileLock(lock)
    assert free.try_acquire()
    free.release()
    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: item.title == "Two")
    assert rig.worker_pids() == [worker]
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_an_update_under_a_waiting_process_has_it_work_as_the_new_version(enter: Enter) -> None:
    container, rig = enter("stash")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter = waiter_after_an_edit(rig, scene_id, "Old")
    update(rig)

    assert waiter_after_an_edit(rig, scene_id, "New") == waiter

    assert (rig.data / "new version").exists()
    assert len(container.zombies()) <= OF_THE_QUESTION


def test_an_update_under_a_living_worker_has_the_same_process_work_as_the_new_version(
    enter: Enter,
) -> None:
    container, rig = enter("stash")
    scene_id, item = rig.add_pair("a", tags=["T"])
    waiter_after_an_edit(rig, scene_id, "Older")
    worker = lingering_worker_after_an_edit(rig, scene_id, "Old")
    update(rig)

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.wait_until(lambda: item.title == "New")
    assert rig.events("worker_ended", outcome="updated")
    assert (rig.data / "new version").exists()
    assert alive(rig) == [worker]
    assert len(container.zombies()) <= OF_THE_QUESTION


def update(rig: Rig) -> None:
    """Put another version in the plugin's place."""
    rig.alter(processor, _leave_a_mark, mark=str(rig.data / "new version"))
    rig.update_plugin()


def _leave_a_mark(mark: str) -> None:
    with open(mark, "w"):
        pass


def test_a_process_that_waits_ends_when_the_plugin_is_removed(enter: Enter) -> None:
    container, rig = enter("stash", plugin=PLUGIN_SOURCE, linked=False)
    rig.tune(Tuning(waiter_look=0.1))
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter_after_an_edit(rig, scene_id, "T")

    (rig.manifest.directory / "worker" / "waiter.py").unlink()

    assert rig.wait_until(lambda: alive(rig) == [])
    assert len(container.zombies()) <= OF_THE_QUESTION + 1


def test_a_process_that_waits_ends_by_a_signal_and_the_next_edit_starts_another(
    enter: Enter,
) -> None:
    container, rig = enter("stash")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter = waiter_after_an_edit(rig, scene_id, "One")

    os.kill(waiter, signal.SIGTERM)

    assert rig.wait_until(lambda: alive(rig) == [])
    assert waiter_after_an_edit(rig, scene_id, "Two") != waiter
    assert len(container.zombies()) <= OF_THE_QUESTION + 1


def test_a_worker_told_to_end_ends_and_waits_for_nothing(enter: Enter) -> None:
    _, rig = enter("stash")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    waiter_after_an_edit(rig, scene_id, "Zero")
    worker = lingering_worker_after_an_edit(rig, scene_id, "One")

    os.kill(worker, signal.SIGTERM)

    assert rig.wait_until(lambda: alive(rig) == [])
    assert rig.events("worker_ended", outcome="stopped")


def test_workers_that_cannot_work_leave_no_zombies(enter: Enter) -> None:
    container, rig = enter("stash")
    rig.alter(dependencies, lack_a_module)
    ids = rig.add_library(3, covers=False)
    for number, scene_id in enumerate(ids, start=1):
        rig.stash.edit_scene(scene_id, title=f"T{number}")
        assert rig.wait_until(lambda number=number: complaints(rig) == number)  # type: ignore[misc]
        assert rig.wait_until(lambda: len(rig.waiter_pids()) == 1)

    rig.restore_plugin()
    rig.tune(Tuning(linger=0.0))
    rig.stash.edit_scene(ids[0], title="Goes on")

    assert rig.settled(60), rig.verdict().differences[:3]
    assert len(container.zombies()) <= OF_THE_QUESTION


def complaints(rig: Rig) -> int:
    return len(rig.events("worker_unusable"))


def test_the_earlier_answer_holds_for_one_start_of_a_container_only(enter: Enter) -> None:
    container, rig = enter("stash")
    scene = rig.stash.add_scene(files=[f"{FOLDER}/a.mp4"], tags=["T"])
    rig.plex.add_item(rig.section, f"{FOLDER}/a.mp4")
    waiter_after_an_edit(rig, scene.id, "One")
    (before,) = container.zombies()
    first = (rig.data / "orphans.json").read_text()
    waiter_after_an_edit(rig, scene.id, "Two")
    assert (rig.data / "orphans.json").read_text() == first
    assert container.zombies() == [before]

    container.stop()
    container.start()
    first_worker(rig)
    waiter_after_an_edit(rig, scene.id, "Three")

    assert (
        json.loads(first)["place"] != json.loads((rig.data / "orphans.json").read_text())["place"]
    )
    assert len(container.zombies()) == OF_THE_QUESTION

"""Containers whose process 1 collects nothing: real process trees in PID namespaces.

`SOAK=1` runs the full count of edits.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app import dependencies
from app.processes import worker_process
from simulators.rig import PLUGIN_SOURCE, Rig
from simulators.tuning import Tuning
from tests.e2e.steps import sync_all
from tests.e2e.test_worker_place import cut_off_from_stash
from tests.sync_queue.support import spool
from tests.trees.container import PROCESS_ONE, Container, unshare
from worker import processor

pytestmark = pytest.mark.skipif(
    not unshare(), reason="PID namespaces are not permitted here, or it is no Linux"
)

EDITS = 200 if os.environ.get("SOAK") else 24
FIRST = 1  # the zombie of a container's first worker, from which the others know
MOST_MEMORY = 60_000  # kilobytes

Place = tuple[Container, Rig]
Enter = Callable[..., Place]


@pytest.fixture
def enter(tmp_path: Path, prepared_plugin: Path) -> Iterator[Enter]:
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
        rig.tune(Tuning(linger=0.0, shortest_probe=0.2))
        first_worker(rig)
        return container, rig

    yield make
    while opened:
        opened.pop().__exit__(*sys.exc_info())


def first_worker(rig: Rig) -> None:
    scene_id, item = rig.add_pair(f"first {time.monotonic()}", tags=["T"])
    rig.stash.edit_scene(scene_id, title="First")
    assert rig.wait_until(lambda: item.title == "First" and not rig.worker_pids())


def is_idle(worker: int) -> bool:
    """Return whether the worker has nothing to do: it has closed its databases."""
    opened = []
    for file in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):  # the worker has closed the file meanwhile
            opened.append(os.readlink(file))
    return not any(name.endswith(".db") for name in opened)


def idle_worker_after_an_edit(rig: Rig, scene_id: int, title: str) -> int:
    worker = busy_worker_after_an_edit(rig, scene_id, title)
    assert rig.wait_until(lambda: is_idle(worker))
    return worker


def busy_worker_after_an_edit(rig: Rig, scene_id: int, title: str) -> int:
    sync_edit(rig, scene_id, title)
    return rig.the_worker()


def sync_edit(rig: Rig, scene_id: int, title: str) -> None:
    rig.stash.edit_scene(scene_id, title=title)
    assert rig.wait_until(lambda: rig.item_of(scene_id).title == title and rig.queued() == 0)


@pytest.mark.parametrize("kind", PROCESS_ONE if os.environ.get("SOAK") else ["stash"])
def test_at_most_one_zombie_remains_per_killed_worker(enter: Enter, kind: str) -> None:
    container, rig = enter(kind)
    scene_id, item = rig.add_pair("a", tags=["T"])
    killed = 0
    for number in range(EDITS):
        title = f"Title {number}"
        rig.stash.edit_scene(scene_id, title=title)
        assert rig.wait_until(lambda title=title: item.title == title), number  # type: ignore[misc]
        if number % 10 == 0:
            assert rig.wait_until(
                lambda: rig.queued() == 0 and all(map(is_idle, rig.worker_pids()))
            )
        assert rig.wait_until(lambda: len(rig.worker_pids()) <= 1), number
        if number % (EDITS // 2) == 2:
            for pid in rig.worker_pids():
                os.kill(pid, signal.SIGKILL)
                killed += 1
            # A hook that starts while the killed worker still holds its lock starts no worker.
            assert rig.wait_until(lambda: rig.worker_pids() == [])

    stays = bool(rig.events("worker_stays"))
    assert rig.wait_until(lambda: len(rig.worker_pids()) == stays and rig.queued() == 0)
    bound = killed + FIRST if stays else 0
    assert rig.wait_until(lambda: len(container.zombies()) <= bound), container.zombies()
    assert kind == "shell" or stays == (kind != "init")  # shells differ


def _before_it_waits(marker: str, reached: str) -> None:
    process = worker_process._WorkerProcess
    wait = process._wait_for_job

    def waits(self: worker_process._WorkerProcess, known: frozenset[str]) -> bool:
        with open(reached, "w"):
            pass
        while os.path.exists(marker):
            time.sleep(0.005)
        return wait(self, known)

    process._wait_for_job = waits  # type: ignore[method-assign]


def test_an_edit_that_comes_while_the_worker_becomes_idle_is_not_lost(enter: Enter) -> None:
    container, rig = enter("stash")
    scene_id, item = rig.add_pair("a", tags=["T"])
    marker, reached = rig.data / "marker", rig.data / "reached"
    rig.alter(worker_process, _before_it_waits, marker=str(marker), reached=str(reached))
    marker.touch()
    worker = busy_worker_after_an_edit(rig, scene_id, "One")
    assert rig.wait_until(reached.exists)

    rig.stash.edit_scene(scene_id, title="Two")
    marker.unlink()

    assert rig.wait_until(lambda: item.title == "Two")
    assert rig.the_worker() == worker
    assert len(container.zombies()) <= FIRST


def test_a_worker_whose_stash_has_moved_goes_on_with_the_next_edit(enter: Enter) -> None:
    container, rig = enter("stash")
    scene_id, worker = cut_off_from_stash(rig)
    rig.stash.move()
    rig.plex.start()
    assert rig.happened("sync_paused", kind="stash")

    rig.stash.edit_scene(scene_id, title="After")

    assert rig.wait_until(lambda: rig.item_of(scene_id).title == "After"), rig.worker_log()
    assert rig.the_worker() == worker
    assert len(container.zombies()) <= FIRST


def test_an_idle_worker_needs_little_memory_and_ends_by_a_signal(enter: Enter) -> None:
    container, rig = enter("stash")
    ids = rig.add_library(100)
    sync_all(rig)

    worker = idle_worker_after_an_edit(rig, ids[0], "One")

    status = Path(f"/proc/{worker}/status").read_text().splitlines()
    (memory,) = [int(line.split()[1]) for line in status if line.startswith("VmRSS:")]
    assert memory <= MOST_MEMORY

    os.kill(worker, signal.SIGTERM)

    assert rig.wait_until(lambda: rig.worker_pids() == [])
    assert idle_worker_after_an_edit(rig, ids[0], "Two") != worker
    assert len(container.zombies()) <= FIRST + 1


@pytest.mark.parametrize("kind", ["stash", "init"])
def test_waiting_jobs_arrive_after_a_restart_of_the_container(enter: Enter, kind: str) -> None:
    """The answer to whether zombies stay holds for one start of the container."""
    container, rig = enter(kind)
    ids = rig.add_library(4, covers=False)
    # With an init process, the worker ends at once.
    sync: Callable[..., object] = sync_edit if kind == "init" else idle_worker_after_an_edit
    sync(rig, ids[0], "Before")
    answer = rig.data / "orphans.json"
    before = json.loads(answer.read_text())
    rig.plex.stop()
    for scene_id in ids:
        rig.stash.edit_scene(scene_id, tags=["While Plex was away"])
    assert rig.wait_until(lambda: rig.queued() == 4)

    container.stop()

    assert rig.worker_pids() == []
    rig.plex.start()
    container.start()
    rig.stash.edit_scene(ids[0], play_duration=12.0)  # asks for nothing
    assert rig.settled(60), rig.verdict().differences[:3]
    sync(rig, ids[0], "After")
    bound = 0 if kind == "init" else FIRST
    assert rig.wait_until(lambda: len(container.zombies()) <= bound)
    assert json.loads(answer.read_text()) != before


def test_the_next_edit_brings_a_fresh_cookie_when_the_last_one_is_stale(enter: Enter) -> None:
    later = [0.0]
    container, rig = enter("stash", stash={"username": "me", "now": lambda: time.time() + later[0]})
    ids = rig.add_library(2, covers=False)
    worker = idle_worker_after_an_edit(rig, ids[0], "One")

    later[0] += 2 * 3600.0

    assert idle_worker_after_an_edit(rig, ids[0], "Two") == worker
    assert rig.events("stash_refused") == []

    rig.plex.stop()
    rig.stash.edit_scene(ids[0], title="Three")
    assert rig.happened("plex_failed")

    later[0] += 2 * 3600.0

    assert rig.happened("stash_refused", timeout=90)
    assert rig.wait_until(lambda: is_idle(worker))
    assert rig.wait_until(lambda: rig.queued() == 1)
    rig.plex.start()
    assert idle_worker_after_an_edit(rig, ids[1], "Four") == worker
    assert rig.item_of(ids[0]).title == "Three"
    assert len(rig.events("stash_refused")) == 1
    assert len(container.zombies()) <= FIRST


def test_an_idle_worker_makes_room_for_tasks_and_takes_its_place_again(enter: Enter) -> None:
    container, rig = enter("stash")
    ids = rig.add_library(2, covers=False)
    worker = idle_worker_after_an_edit(rig, ids[0], "Before")
    for task in ("process_queue", "restore_values", "clear_queue"):
        spool(rig.data / "queue", f"metadata.scene_{ids[1]}")

        answer = rig.task(task, **({"scene_id": ids[0]} if task == "restore_values" else {}))

        assert answer.error is None
        assert rig.wait_until(lambda: rig.queued() == 0)
        assert idle_worker_after_an_edit(rig, ids[0], f"After {task}") == worker
    assert len(container.zombies()) <= FIRST


def _leave_a_mark(mark: str) -> None:
    with open(mark, "w"):
        pass


def test_an_edit_after_an_update_is_synced_by_the_new_version(enter: Enter) -> None:
    """The worker is idle at the first update and busy at the second."""
    container, rig = enter("stash")
    scene_id, item = rig.add_pair("a", tags=["T"])
    old = idle_worker_after_an_edit(rig, scene_id, "Old")
    rig.tune(Tuning(linger=60.0))  # the next worker stays busy
    for number, title in enumerate(("New", "Newest"), start=1):
        mark = rig.data / title
        rig.alter(processor, _leave_a_mark, mark=str(mark))
        rig.update_plugin()

        rig.stash.edit_scene(scene_id, title=title)

        assert rig.wait_until(lambda title=title: item.title == title)  # type: ignore[misc]
        assert mark.exists()
        assert rig.wait_until(lambda old=old: old not in rig.worker_pids())  # type: ignore[misc]
        assert len(container.zombies()) <= FIRST + number
        old = busy_worker_after_an_edit(rig, scene_id, f"By the {title}")


def test_an_idle_worker_ends_when_the_plugin_is_removed(enter: Enter) -> None:
    container, rig = enter("stash", plugin=PLUGIN_SOURCE, linked=False)
    rig.tune(Tuning(plugin_look=0.1))
    scene_id, _ = rig.add_pair("a", tags=["T"])
    idle_worker_after_an_edit(rig, scene_id, "T")

    (rig.manifest.directory / "Stash2Plex.py").unlink()

    assert rig.wait_until(lambda: rig.worker_pids() == [])
    assert len(container.zombies()) <= FIRST + 1


def _lack_a_module_once_told(marker: str) -> None:
    problem = dependencies.dependency_problem

    def tells(plugin_dir: str) -> str | None:
        return "A module is missing" if os.path.exists(marker) else problem(plugin_dir)

    dependencies.dependency_problem = tells


def test_workers_that_cannot_work_leave_no_zombies(enter: Enter) -> None:
    container, rig = enter("stash")
    marker = rig.data / "marker"
    rig.alter(dependencies, _lack_a_module_once_told, marker=str(marker))
    marker.touch()
    ids = rig.add_library(3, covers=False)
    for number, scene_id in enumerate(ids, start=1):
        rig.stash.edit_scene(scene_id, title=f"T{number}")
        assert rig.happened("worker_unusable", count=number)

    marker.unlink()
    rig.stash.edit_scene(ids[0], title="Goes on")

    assert rig.settled(60), rig.verdict().differences[:3]
    assert len(container.zombies()) <= FIRST

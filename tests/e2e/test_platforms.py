"""The branches for systems that cannot be run here, in real processes that take them."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from simulators.rig import Rig
from tests.conftest import MakeRig
from tests.e2e import fake_windows
from tests.e2e.test_outages import quicken


@pytest.fixture
def windows(make_rig: MakeRig) -> Rig:
    rig = make_rig()
    rig.alter(sys, _pretend)
    quicken(rig)
    return rig


def _pretend() -> None:
    fake_windows.install()


def test_on_windows_edits_arrive_also_after_an_outage_and_a_kill(windows: Rig) -> None:
    rig = windows
    scenes = [rig.add_pair(f"s{number}", tags=["T"]) for number in range(3)]
    (first, _), (second, _), (third, _) = scenes
    rig.stash.edit_scene(first, title="One")
    assert rig.wait_until(lambda: scenes[0][1].title == "One"), rig.worker_log()

    rig.plex.stop()
    rig.stash.edit_scene(second, title="Two")
    assert rig.happened("plex_failed")
    rig.stop_worker()
    rig.plex.start()
    rig.stash.edit_scene(third, title="Three")

    assert rig.wait_until(lambda: [item.title for _, item in scenes] == ["One", "Two", "Three"])
    assert rig.events("bug", "worker_failed") == []


def test_on_windows_the_children_of_many_hooks_elect_one_worker(windows: Rig) -> None:
    """No lock can be handed over there: each child takes it for itself, or ends."""
    ids = windows.add_library(12, covers=False)
    windows.plex.stop()

    with ThreadPoolExecutor(12) as pool:
        runs = list(pool.map(lambda one: windows.stash.edit_scene(one, tags=["At once"])[0], ids))

    assert {run.result.output for run in runs} == {"queued"}
    assert windows.happened("worker_started")
    assert windows.wait_until(lambda: len(windows.worker_pids()) == 1)
    assert len(windows.events("worker_started")) == 1


def test_on_windows_a_task_does_its_work(windows: Rig) -> None:
    scene_id, _ = windows.add_pair("a", tags=["T"])
    windows.stash.edit_scene(scene_id, title="T")
    assert windows.settled(), windows.worker_log()

    for mode in ("health_check", "queue_status", "preview_sync", "reconcile_all", "process_queue",
                 "doctor"):  # fmt: skip
        answer = windows.task(mode)

        assert answer.error is None
        told = "\n".join(answer.messages())
        assert ("bug" in told, "has it open" in told) == (False, False), told


def _know_no_sessions() -> None:
    spawn: Callable[..., int] = os.posix_spawn

    def spawns(*arguments: Any, **options: Any) -> int:
        if "setsid" in options:
            raise NotImplementedError
        return spawn(*arguments, **options)

    os.posix_spawn = spawns


def test_an_old_libc_gets_a_worker_in_a_session_of_its_own_too(rig: Rig) -> None:
    """Not every C library can begin a session with the start of a process."""
    rig.alter(os, _know_no_sessions)
    scene_id, item = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="Old")

    assert rig.wait_until(lambda: item.title == "Old"), rig.worker_log()
    (worker,) = rig.worker_pids()
    assert os.getsid(worker) == worker

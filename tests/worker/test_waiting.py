import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sync_queue.manager import QueueManager
from sync_queue.operations import get_queued_scene_ids
from tests.sync_queue.support import job, spool
from worker.timetable import BURST, LONGEST_BURST, LOOKS_PER_SECOND, QUIET, Waiter


class Nap(threading.Event):
    """An order to stop that is waited for in no time: it moves a clock instead.

    Args:
        wakes: what happens during each sleep, given the time.
    """

    def __init__(self, wakes: Callable[[float], None] = lambda _now: None) -> None:
        super().__init__()
        self.now = 1000.0
        self.naps: list[float] = []
        self._wakes = wakes

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.naps.append(timeout)
        self.now += timeout
        self._wakes(self.now)
        return self.is_set()


class Counter:
    def __init__(self) -> None:
        self.value = 7

    def __call__(self) -> int:
        return self.value


@pytest.fixture
def counter() -> Counter:
    return Counter()


def queue_of(change_counter: Callable[[], int]) -> QueueManager:
    spool = SimpleNamespace(names=frozenset)
    queue: Any = SimpleNamespace(change_counter=change_counter, spool=spool)
    return cast("QueueManager", queue)


def waiter(counter: Counter, nap: Nap) -> Waiter:
    return Waiter(queue_of(counter), nap, lambda: nap.now)


def test_it_looks_at_the_queue_several_times_a_second(counter: Counter) -> None:
    nap = Nap()
    waiter(counter, nap).wait(3.0)
    assert max(nap.naps) <= 1.0 / LOOKS_PER_SECOND
    assert len(nap.naps) <= 3 * LOOKS_PER_SECOND + 1


def test_a_change_of_the_queue_wakes_it_at_the_next_look(counter: Counter) -> None:
    def enqueue(now: float) -> None:
        counter.value += now > 1002.1

    nap = Nap(enqueue)
    waiter(counter, nap).wait(60.0)
    assert nap.now == pytest.approx(1002.2)


def test_a_change_before_the_wait_wakes_it_once(counter: Counter) -> None:
    nap = Nap()
    waiting = waiter(counter, nap)
    counter.value += 1
    waiting.wait(60.0)
    assert nap.naps == []
    waiting.wait(1.0)
    assert nap.now == pytest.approx(1001.0)


def test_the_order_to_stop_wakes_it(counter: Counter) -> None:
    def stop(now: float) -> None:
        if now > 1001.1:
            nap.set()

    nap = Nap(stop)
    waiting = waiter(counter, nap)
    waiting.wait(60.0)
    assert nap.now == pytest.approx(1001.2)
    naps = len(nap.naps)
    waiting.wait(60.0)
    assert len(nap.naps) == naps


def test_another_process_s_job_is_such_a_change_and_one_s_own_work_is_none(tmp_path: Path) -> None:
    worker, hook = QueueManager(str(tmp_path)), QueueManager(str(tmp_path))

    def enqueue(now: float) -> None:
        if now > 1001.1:
            hook.enqueue([job(1)])

    nap = Nap(enqueue)
    waiting = Waiter(worker, nap, lambda: nap.now)
    worker.enqueue([job(2)])
    worker.ack(worker.claim(1))
    waiting.wait(60.0)
    assert nap.now == pytest.approx(1001.2)
    assert get_queued_scene_ids(worker.connection) == {1}
    worker.close()
    hook.close()


def test_a_job_in_the_spool_ends_the_wait_once(tmp_path: Path) -> None:
    worker = QueueManager(str(tmp_path))

    def hook(now: float) -> None:
        if now > 1001.1 and not worker.spool.names():
            spool(tmp_path, "metadata.scene_1")

    nap = Nap(hook)
    waiting = Waiter(worker, nap, lambda: nap.now)
    waiting.wait(60.0)
    assert nap.now == pytest.approx(1001.2)
    waiting.wait(3.0)  # its import fails, for instance: no reason to try it without a pause
    assert nap.now == pytest.approx(1004.2)
    worker.close()


def test_it_ends_on_a_real_order_to_stop_from_another_thread(counter: Counter) -> None:
    stop = threading.Event()
    waiting = threading.Thread(
        target=Waiter(queue_of(counter), stop, lambda: 0.0).wait, args=(3600.0,)
    )
    waiting.start()
    stop.set()
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_change_behind_a_locked_database_ends_the_next_wait(counter: Counter) -> None:
    held = True

    def ask() -> int:
        if held:
            raise sqlite3.OperationalError("database is locked")
        return counter()

    nap = Nap()
    sleeper = Waiter(queue_of(ask), nap, lambda: nap.now)
    sleeper.wait(3.0)
    assert nap.now == pytest.approx(1003.0)

    held = False
    sleeper.wait(3.0)
    assert nap.now == pytest.approx(1003.0)


def test_a_burst_of_hooks_is_waited_for_until_it_is_quiet(tmp_path: Path) -> None:
    worker = QueueManager(str(tmp_path))

    def hook(now: float) -> None:
        if now < 1003.0:
            spool(tmp_path, "metadata.scene_1")

    nap = Nap(hook)
    waiting = Waiter(worker, nap, lambda: nap.now)
    for _ in range(BURST):
        spool(tmp_path, "metadata.scene_2")
    waiting.wait_for_end_of_burst()
    assert nap.naps == []  # a few edits are no burst
    spool(tmp_path, "metadata.scene_3")
    waiting.wait_for_end_of_burst()
    assert nap.now == pytest.approx(1003.3, abs=QUIET)
    worker.close()


def test_a_burst_that_does_not_end_is_waited_for_some_seconds_only(tmp_path: Path) -> None:
    worker = QueueManager(str(tmp_path))
    nap = Nap(lambda _now: spool(tmp_path, "metadata.scene_1"))
    for _ in range(BURST + 1):
        spool(tmp_path, "metadata.scene_2")
    Waiter(worker, nap, lambda: nap.now).wait_for_end_of_burst()
    assert nap.now == pytest.approx(1000.0 + LONGEST_BURST, abs=QUIET)
    worker.close()

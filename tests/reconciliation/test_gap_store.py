from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciliation.state import Gap, GapStore, Order, Run, Scope
from sync_queue.manager import QueueManager
from tests.sync_queue.support import NOW

FIRST, SECOND = (Run(Order(Scope.ALL), NOW, cursor) for cursor in (1, 2))
GAPS = [Gap(3, "STALE", "t3"), Gap(1, "EMPTY", "t1"), Gap(2, "gone")]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "queue"
    path.mkdir()
    return str(path)


@pytest.fixture
def queue(folder: str) -> Iterator[QueueManager]:
    manager = QueueManager(folder)
    yield manager
    manager.close()


def test_gaps_come_by_rising_scene_until_they_are_removed(queue: QueueManager) -> None:
    store = GapStore(queue.connection)
    store.add(GAPS)
    assert store.first(2) == [GAPS[1], GAPS[2]]
    store.remove(store.first(2))
    assert store.first(9) == [GAPS[0]]


def test_a_run_replaces_the_one_before_on_disk(queue: QueueManager, folder: str) -> None:
    store = GapStore(queue.connection)
    assert store.run(NOW) is None
    store.save_run(FIRST)
    store.save_run(SECOND)
    manager = QueueManager(folder)
    other = GapStore(manager.connection)
    assert other.run(NOW) == SECOND
    other.clear()
    manager.close()
    assert store.run(NOW) is None


def test_a_page_that_fails_stores_nothing(queue: QueueManager, folder: str) -> None:
    store = GapStore(queue.connection)
    store.save_run(FIRST)

    def page() -> None:
        with queue.transaction():
            store.add(GAPS)
            store.save_run(SECOND)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        page()
    manager = QueueManager(folder)
    other = GapStore(manager.connection)
    assert (other.first(9), other.run(NOW)) == ([], FIRST)
    manager.close()

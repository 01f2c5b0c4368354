from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_queue.gap_store import Gap
from sync_queue.manager import QueueManager

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
    queue.gaps.add(GAPS)
    assert queue.gaps.first(2) == [GAPS[1], GAPS[2]]
    queue.gaps.remove(queue.gaps.first(2))
    assert queue.gaps.first(9) == [GAPS[0]]


def test_a_run_replaces_the_one_before_on_disk(queue: QueueManager, folder: str) -> None:
    assert queue.gaps.run() is None
    queue.gaps.save_run({"cursor": 1})
    queue.gaps.save_run({"cursor": 2})
    other = QueueManager(folder)
    assert other.gaps.run() == {"cursor": 2}
    other.gaps.clear()
    other.close()
    assert queue.gaps.run() is None


def test_a_page_that_fails_stores_nothing(queue: QueueManager, folder: str) -> None:
    queue.gaps.save_run({"cursor": 1})

    def page() -> None:
        with queue.transaction():
            queue.gaps.add(GAPS)
            queue.gaps.save_run({"cursor": 3})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        page()
    other = QueueManager(folder)
    assert (other.gaps.first(9), other.gaps.run()) == ([], {"cursor": 1})
    other.close()

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_queue.manager import QueueManager
from tests.sync_queue.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "queue"
    path.mkdir()
    return str(path)


@pytest.fixture
def queue(folder: str, clock: Clock) -> Iterator[QueueManager]:
    manager = QueueManager(folder, clock)
    yield manager
    manager.close()

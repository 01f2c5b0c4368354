from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulators.stash import FakeStash
from stash.connection import StashConnection, parse_address
from tests.sync_queue.support import NOW, Clock

Connect = Callable[[FakeStash], StashConnection]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def stash(tmp_path: Path, clock: Clock) -> Iterator[FakeStash]:
    with FakeStash(tmp_path / "open", now=clock) as server:
        yield server


@pytest.fixture
def locked(tmp_path: Path, clock: Clock) -> Iterator[FakeStash]:
    root = tmp_path / "locked"
    with FakeStash(root, username="me", api_key="key-0123456789", now=clock) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connects as a plugin does: with what Stash hands it on stdin."""
    with ExitStack() as stack:

        def make(server: FakeStash) -> StashConnection:
            address = parse_address(server.server_connection())
            connection = StashConnection(address, lambda _secret: None)
            stack.callback(connection.close)
            return connection

        yield make


@pytest.fixture
def connection(stash: FakeStash, connect: Connect) -> StashConnection:
    return connect(stash)

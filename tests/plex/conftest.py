"""A fake Plex with one library, our client of it, and an index and a clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plex.client import PlexClient
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Section
from tests.plex.support import client_of
from tests.sync_queue.support import Clock


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        yield server


@pytest.fixture
def section(plex: FakePlex) -> Section:
    return plex.add_section("Scenes", ["/plex/scenes"])


@pytest.fixture
def client(plex: FakePlex) -> Iterator[PlexClient]:
    connected = client_of(plex)
    yield connected
    connected.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PathIndex]:
    opened = PathIndex(str(tmp_path / "library.db"))
    yield opened
    opened.close()

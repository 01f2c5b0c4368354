"""A fake Plex with one library, and our client of it."""

from collections.abc import Iterator

import pytest

from plex.client import PlexClient
from simulators.plex import FakePlex, Section
from tests.plex.support import client_of


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

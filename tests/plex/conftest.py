"""A fake Plex, and with it one library, our client of it, an index and a clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plex.items import PlexItem
from simulators.plex import FakePlex
from tests.plex.support import Lab
from tests.sync_queue.support import Clock


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lab(plex: FakePlex, clock: Clock, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(plex, clock, tmp_path)
    yield made
    made.close()


@pytest.fixture
def item(lab: Lab) -> PlexItem:
    return PlexItem(lab.add("a.mp4").rating_key, lab.section.key)

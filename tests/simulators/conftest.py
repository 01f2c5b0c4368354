"""Two clients of the fake Plex that a module of tests names `plex`: of bytes, and the real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.plex import FakePlex
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient


@pytest.fixture
def raw(plex: FakePlex) -> Iterator[RawClient]:
    """A client that sends and shows what it is told, unquoted and unparsed."""
    with RawClient(plex.url, plex.token) as client:
        yield client


@pytest.fixture
def server(plex: FakePlex) -> Iterator[Any]:
    """Plexapi's connection."""
    with plexapi_server(plex) as connected:
        yield connected

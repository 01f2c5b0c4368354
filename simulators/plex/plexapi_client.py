"""The real plexapi against the fake, typed as Any: the library ships no types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from plexapi.server import PlexServer

from simulators.plex.fake import FakePlex


@contextmanager
def plexapi_server(plex: FakePlex, token: str | None = None) -> Iterator[Any]:
    """A connected `PlexServer` whose sockets are closed at the end."""
    with requests.Session() as session:
        session.trust_env = False
        yield connect(plex.url, token or plex.token, session)


def connect(url: str, token: str, session: requests.Session, timeout: float = 10.0) -> Any:
    """`PlexServer(…)`: one `GET /`."""
    return PlexServer(url, token, session=session, timeout=timeout)  # type: ignore[no-untyped-call]

"""What the tests of the client share."""

from plex.client import PlexClient
from simulators.plex import FakePlex

IDENTITY = {
    "X-Plex-Client-Identifier": "0b0a0d0c-device",
    "X-Plex-Product": "Stash2Plex",
    "X-Plex-Device-Name": "Stash2Plex",
}
SECONDS = (5.0, 10.0)


def client_of(
    server: FakePlex,
    *,
    token: str | None = None,
    timeout: tuple[float, float] = SECONDS,
    verify: bool | str = True,
    url: str | None = None,
) -> PlexClient:
    """Our client of a server; the owner's token unless another is given."""
    return PlexClient(
        url or server.url, server.token if token is None else token, timeout, verify, IDENTITY
    )

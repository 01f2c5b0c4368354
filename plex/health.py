"""Whether Plex is there and serves us: one or two cheap requests."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from plex.client import IDENTITY_TIMEOUT, PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexPermissionError, PlexTlsError


@dataclass(frozen=True, slots=True)
class PlexHealth:
    """What a health check found.

    Attributes:
        reachable: a Plex server answered at the address, and is not in maintenance.
        latency: seconds that the answer to `/identity`, or its absence, took.
        server_id: its machine identifier, empty when it was not reachable.
        token_ok: it accepted the token; None when that was not asked or not answered.
        error: what was wrong, None when nothing was.
    """

    reachable: bool
    latency: float
    server_id: str = ""
    token_ok: bool | None = None
    error: PlexError | None = None

    @property
    def healthy(self) -> bool:
        """Everything that was asked was answered."""
        return self.error is None

    @property
    def is_there(self) -> bool:
        """Whether Plex is up: healthy, or what it refuses is a fault of the settings."""
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)

    @property
    def problem(self) -> str:
        """What was wrong, for people; empty when nothing was."""
        return "" if self.error is None else str(self.error)


def check_plex_health(
    client: PlexClient,
    *,
    with_token: bool = True,
    timeout: tuple[float, float] = IDENTITY_TIMEOUT,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexHealth:
    """Ask Plex who it is and, unless that fails, for its libraries; never raises a PlexError.

    Args:
        client: for the server in question; need not be connected.
        with_token: also make the cheapest request that proves token and database. It has the
            client's own time-out: what is fast enough for jobs is healthy.
        timeout: of `/identity`, seconds to connect and to read.
        monotonic: seconds that never step.
    """
    begun = monotonic()
    try:
        server_id = client.identity(timeout)
    except PlexError as error:
        return PlexHealth(reachable=False, latency=monotonic() - begun, error=error)
    latency = monotonic() - begun
    if not with_token:
        return PlexHealth(reachable=True, latency=latency, server_id=server_id)
    token_ok: bool | None = True
    problem: PlexError | None = None
    try:
        client.sections()
    except (PlexAuthError, PlexPermissionError) as error:
        token_ok, problem = False, error
    except PlexError as error:
        token_ok, problem = None, error
    return PlexHealth(
        reachable=True, latency=latency, server_id=server_id, token_ok=token_ok, error=problem
    )

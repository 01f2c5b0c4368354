"""Health checks of Plex: two cheap requests for the worker, more for the task Doctor."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from plex.client import PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexPermissionError, PlexTlsError
from plex.items import Section
from shared.clock import seconds_ahead


@dataclass(frozen=True, slots=True)
class PlexHealth:
    """The result of a health check."""

    reachable: bool  # a Plex server answered and is not in maintenance
    latency: float  # seconds until `/identity` answered or failed
    server_id: str = ""  # the machine identifier; empty when not reachable
    token_ok: bool | None = None  # Plex accepted the token; None when not asked or not answered
    error: PlexError | None = None  # the first error; None when all requests succeeded

    @property
    def healthy(self) -> bool:
        """Whether all requests succeeded."""
        return self.error is None

    @property
    def is_there(self) -> bool:
        """Whether Plex is up: healthy, or failing because of the settings."""
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)


def check_plex_health(
    client: PlexClient,
    *,
    with_token: bool = True,
    timeout: tuple[float, float] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexHealth:
    """Ask Plex for its identity, then for its libraries; never raises a PlexError.

    The libraries are the cheapest proof of token and database. `timeout` is that of `/identity`.
    """
    begun = monotonic()
    try:
        server_id = client.identity(timeout).server_id
    except PlexError as error:
        return PlexHealth(reachable=False, latency=monotonic() - begun, error=error)
    health = PlexHealth(reachable=True, latency=monotonic() - begun, server_id=server_id)
    if not with_token:
        return health
    try:
        client.sections()
    except PlexError as error:
        is_refused = isinstance(error, PlexAuthError | PlexPermissionError)
        return replace(health, token_ok=False if is_refused else None, error=error)
    return replace(health, token_ok=True)


@dataclass(frozen=True, slots=True)
class PlexCheckup:
    """Plex's answers for the task Doctor."""

    error: PlexError | None = None  # why no Plex answers at the address; None when one does
    latency: float = 0.0  # seconds until `/identity` answered
    version: str = ""
    server_id: str = ""  # the machine identifier
    ahead: float | None = None  # seconds by which Plex's clock is ahead of ours; None for unknown
    # The video libraries; None when they could not be listed.
    sections: tuple[Section, ...] | None = None
    refusal: PlexError | None = None  # why they could not be listed
    may_edit: bool | None = None  # see `PlexClient.may_edit`; None when not answered


def inspect_plex(
    client: PlexClient,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexCheckup:
    """Ask a server with at most four requests; never raises a PlexError."""
    begun = monotonic()
    try:
        identity = client.identity()
    except PlexError as error:
        return PlexCheckup(error=error)
    seen = PlexCheckup(
        latency=monotonic() - begun,
        version=identity.version,
        server_id=identity.server_id,
        ahead=seconds_ahead(identity.date, clock()),
    )
    try:
        seen = replace(seen, sections=tuple(client.sections()))
        return replace(seen, may_edit=client.may_edit())
    except PlexError as error:
        return replace(seen, refusal=error)

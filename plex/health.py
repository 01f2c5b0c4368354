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
    token_ok: bool | None = None  # whether Plex accepted the token; None for unknown
    error: PlexError | None = None  # the first error; None if all requests succeeded

    @property
    def healthy(self) -> bool:
        return self.error is None

    @property
    def is_there(self) -> bool:
        """Whether Plex is up: it is healthy, or only the settings are wrong."""
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)


def check_plex_health(
    client: PlexClient, monotonic: Callable[[], float] = time.monotonic
) -> PlexHealth:
    """Request identity and libraries, which need a valid token; return an error, raise none."""
    begun = monotonic()
    try:
        client.identity()
    except PlexError as error:
        return PlexHealth(reachable=False, latency=monotonic() - begun, error=error)
    latency = monotonic() - begun
    try:
        client.sections()
    except PlexError as error:
        is_refused = isinstance(error, PlexAuthError | PlexPermissionError)
        token_ok = False if is_refused else None
        return PlexHealth(reachable=True, latency=latency, token_ok=token_ok, error=error)
    return PlexHealth(reachable=True, latency=latency, token_ok=True)


@dataclass(frozen=True, slots=True)
class PlexCheckup:
    """Plex's answers for the task Doctor."""

    error: PlexError | None = None  # the error of `/identity`; None if it answered
    latency: float = 0.0  # seconds until `/identity` answered
    version: str = ""
    server_id: str = ""  # the machine identifier
    ahead: float | None = None  # seconds by which Plex's clock is ahead of ours; None for unknown
    sections: tuple[Section, ...] | None = None  # the video libraries; None if not listed
    refusal: PlexError | None = None  # the error of a request after `/identity`
    may_edit: bool | None = None  # see `PlexClient.may_edit`; None for unknown


def inspect_plex(
    client: PlexClient,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexCheckup:
    """Ask a server with at most four requests; return an error, raise none."""
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

"""The health check of Plex, for the worker and for tasks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from plex.client import PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexPermissionError, PlexTlsError
from plex.items import Section
from shared.clock import seconds_ahead


@dataclass(frozen=True, slots=True)
class PlexHealth:
    """The result of a health check. A value is None if it was not requested or not received."""

    reachable: bool  # whether a Plex server answered and is not in maintenance
    latency: float  # seconds until the request of `/identity` was answered or failed
    token_ok: bool | None = None  # whether Plex accepted the token
    error: PlexError | None = None  # the first error; None if all requests succeeded
    server_id: str = ""  # the machine identifier
    version: str = ""
    ahead: float | None = None  # seconds by which Plex's clock is ahead of the local clock
    sections: tuple[Section, ...] | None = None  # the video libraries
    may_edit: bool | None = None  # whether the token probably may edit items

    @property
    def healthy(self) -> bool:
        return self.error is None

    @property
    def is_there(self) -> bool:
        """Whether Plex is running: the check succeeded, or failed only for a wrong setting."""
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)


def check_plex_health(
    client: PlexClient,
    monotonic: Callable[[], float] = time.monotonic,
    *,
    with_rights: bool = False,
) -> PlexHealth:
    """Request the identity and the libraries of Plex. Return a `PlexError` instead of raising it.

    `with_rights` also checks whether the token may edit.
    """
    begun = monotonic()
    try:
        identity = client.identity()
    except PlexError as error:
        return PlexHealth(reachable=False, latency=monotonic() - begun, error=error)
    health = PlexHealth(
        reachable=True,
        latency=monotonic() - begun,
        server_id=identity.server_id,
        version=identity.version,
        ahead=seconds_ahead(identity.date, time.time()),
    )
    try:
        health = replace(health, sections=tuple(client.sections()), token_ok=True)
        return replace(health, may_edit=client.may_edit() if with_rights else None)
    except PlexError as error:
        is_refused = isinstance(error, PlexAuthError | PlexPermissionError)
        return replace(health, token_ok=False if is_refused else health.token_ok, error=error)

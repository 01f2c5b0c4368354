import time
from dataclasses import dataclass, replace

from plex.client import PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexPermissionError, PlexTlsError
from plex.items import Section
from shared.clock import seconds_ahead


@dataclass(frozen=True, slots=True)
class PlexHealth:
    reachable: bool
    latency: float
    token_ok: bool | None = None
    error: PlexError | None = None
    server_id: str = ""
    version: str = ""
    ahead: float | None = None
    sections: tuple[Section, ...] | None = None
    may_edit: bool | None = None

    @property
    def healthy(self) -> bool:
        return self.error is None

    @property
    def is_there(self) -> bool:
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)


def check_plex_health(client: PlexClient, *, with_rights: bool = False) -> PlexHealth:
    begun = time.monotonic()
    try:
        identity = client.identity()
    except PlexError as error:
        return PlexHealth(reachable=False, latency=time.monotonic() - begun, error=error)
    health = PlexHealth(
        reachable=True,
        latency=time.monotonic() - begun,
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

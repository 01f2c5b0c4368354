"""Asks Plex everything that can be wrong with it; no error ends the asking."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from plex.client import PlexClient
from plex.exceptions import PlexError
from plex.items import Section
from shared.http_date import seconds_ahead


@dataclass(frozen=True, slots=True)
class PlexCheckup:
    """What Plex answered.

    Attributes:
        error: why there is no Plex at the address; None when there is one.
        latency: seconds until it said who it is.
        version: its own word.
        server_id: its machine identifier.
        ahead: seconds by which its clock is before ours, None when it did not tell.
        sections: its video libraries; None when it did not list them.
        refusal: why it did not.
        may_edit: whether Plex trusts the token with its preferences, which it refuses to guests;
            None when that was not answered. Only an edit proves that the token may edit.
    """

    error: PlexError | None = None
    latency: float = 0.0
    version: str = ""
    server_id: str = ""
    ahead: float | None = None
    sections: tuple[Section, ...] | None = None
    refusal: PlexError | None = None
    may_edit: bool | None = None


def look_at_plex(
    client: PlexClient,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexCheckup:
    """Ask a server, with four requests at most; never raises a PlexError."""
    begun = monotonic()
    try:
        introduction = client.introduction()
    except PlexError as error:
        return PlexCheckup(error=error)
    seen = PlexCheckup(
        latency=monotonic() - begun,
        version=introduction.version,
        server_id=introduction.server_id,
        ahead=seconds_ahead(introduction.date, clock()),
    )
    try:
        seen = replace(seen, sections=tuple(client.sections()))
        return replace(seen, may_edit=client.may_edit())
    except PlexError as error:
        return replace(seen, refusal=error)

"""Asks Stash everything that can be wrong with it; no error ends the asking."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.http_date import seconds_ahead
from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashError
from stash.scenes import StashScenes
from stash.settings import StashSettings


@dataclass(frozen=True, slots=True)
class StashCheckup:
    """What Stash answered.

    Attributes:
        error: why it does not serve us; None when it does.
        latency: seconds until its first answer.
        version: its own word, for instance v0.30.1.
        ahead: seconds by which its clock is before ours, None when it did not tell.
        settings: the plugin's, as stored; None when they could not be read.
        scenes: how many it has; None when that could not be asked.
    """

    error: StashError | None = None
    latency: float = 0.0
    version: str = ""
    ahead: float | None = None
    settings: Mapping[str, Any] | None = None
    scenes: int | None = None


def look_at_stash(
    connection: StashConnection,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> StashCheckup:
    """Ask a server, with three requests at most; never raises a StashError."""
    begun = monotonic()
    seen = StashCheckup()
    try:
        found = connection.query(queries.VERSION).get("version")
        seen = StashCheckup(
            latency=monotonic() - begun,
            version=str(found.get("version") or "") if isinstance(found, dict) else "",
            ahead=seconds_ahead(connection.date, clock()),
        )
        seen = replace(seen, settings=StashSettings(connection).read())
        return replace(seen, scenes=StashScenes(connection).count())
    except StashError as error:
        return replace(seen, error=error)

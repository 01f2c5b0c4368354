"""Collects Stash's answers for the task Doctor; errors become part of the result."""

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
    """Stash's answers.

    Attributes:
        error: why Stash cannot be used; None when it can.
        latency: seconds until the first answer.
        ahead: seconds by which Stash's clock is ahead of ours; None for unknown.
        settings: the plugin's stored settings; None when they could not be read.
        scenes: number of scenes; None when it could not be read.
    """

    error: StashError | None = None
    latency: float = 0.0
    version: str = ""
    ahead: float | None = None
    settings: Mapping[str, Any] | None = None
    scenes: int | None = None


def check_stash_server(
    connection: StashConnection,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> StashCheckup:
    """Query a server with at most three requests; never raises a StashError."""
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

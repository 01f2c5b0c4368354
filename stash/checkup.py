"""Queries Stash for the task Doctor, which examines the plugin's installation."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.clock import seconds_ahead
from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashError
from stash.scenes import StashScenes
from stash.settings import StashSettings


@dataclass(frozen=True, slots=True)
class StashCheckup:
    """The responses of Stash; a value is None if Stash did not return it."""

    error: StashError | None = None  # The reason why Stash is not usable; None if it is usable.
    latency: float = 0.0  # Seconds until the first response.
    version: str = ""
    ahead: float | None = None  # Seconds by which Stash's clock is ahead of this machine's.
    settings: Mapping[str, Any] | None = None  # The settings of this plugin in Stash.
    scenes: int | None = None  # Number of scenes in Stash.


def check_stash_server(
    connection: StashConnection,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> StashCheckup:
    """Query Stash with at most three requests; a StashError becomes part of the result."""
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

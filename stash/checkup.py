"""Collects Stash's answers for the task Doctor."""

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
    """Stash's answers; None stands for an answer that Stash did not give."""

    error: StashError | None = None  # why Stash is not usable; None if it is
    latency: float = 0.0  # seconds until the first answer
    version: str = ""
    ahead: float | None = None  # seconds by which Stash's clock is ahead of this machine's clock
    settings: Mapping[str, Any] | None = None  # the plugin's stored settings
    scenes: int | None = None  # number of scenes


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

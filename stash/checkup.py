import time
from collections.abc import Mapping
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
    error: StashError | None = None
    latency: float = 0.0
    version: str = ""
    # `ahead` is the number of seconds by which Stash's clock is ahead of the local clock.
    ahead: float | None = None
    settings: Mapping[str, Any] | None = None
    scenes: int | None = None


def check_stash_server(connection: StashConnection) -> StashCheckup:
    begun = time.monotonic()
    seen = StashCheckup()
    try:
        found = connection.query(queries.VERSION).get("version")
        seen = StashCheckup(
            latency=time.monotonic() - begun,
            version=str(found.get("version") or "") if isinstance(found, dict) else "",
            ahead=seconds_ahead(connection.date, time.time()),
        )
        seen = replace(seen, settings=StashSettings(connection).read())
        return replace(seen, scenes=StashScenes(connection).count())
    except StashError as error:
        return replace(seen, error=error)

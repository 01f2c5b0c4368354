"""When the earlier implementation last synced each scene: its file `sync_timestamps.json`.

It tells that a scene was synced once, and so that its emptiness in Stash means something (spec.md
§4). It does not tell what Plex was sent, so nothing counts as in step because of it.
"""

import json
import sqlite3

from legacy.foreign import SourceBusyError, UnreadableSourceError
from legacy.jobs import parse_scene_id
from shared.state_file import parse_moment
from sync_queue.sync_log import SyncLog


def read_time_stamps(path: str) -> dict[int, float]:
    """Return scene id → seconds since the epoch, without what is garbage in it.

    Raises:
        UnreadableSourceError, SourceBusyError: it holds something else, or cannot be read now.
    """
    try:
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
    except OSError as error:
        raise SourceBusyError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableSourceError(str(error)) from None
    if not isinstance(raw, dict):
        message = f"a JSON object was expected, not {type(raw).__name__}"
        raise UnreadableSourceError(message)
    parsed = ((parse_scene_id(name), parse_moment(moment)) for name, moment in raw.items())
    return {scene: moment for scene, moment in parsed if scene is not None and moment is not None}


def store_time_stamps(connection: sqlite3.Connection, stamps: dict[int, float]) -> None:
    """Remember that these scenes were synced once; to be called inside a transaction."""
    log = SyncLog(connection)
    for scene_id, moment in stamps.items():
        log.remember_earlier_sync(scene_id, moment)

"""Finds the scenes that had a performer, studio or tag when they were last synced."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence

Entity = tuple[str, int]  # kind (as in `StashScene.entity_ids`) and Stash's id
PAGE = 500  # rows per read

_NO_END = 2**63 - 1  # SQLite's largest id
_SELECT_ENTITIES = (
    "SELECT scene_id, entities FROM scene_log WHERE scene_id > ? AND scene_id <= ? "
    "ORDER BY scene_id LIMIT ?"
)


class EntityLog:
    """Reads the tables `sync_log` and `scene_log`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def naming(
        self, wanted: Collection[Entity], after: int = 0, until: int | None = None
    ) -> Iterator[dict[int, set[Entity]]]:
        """Yield pages of scene id → the wanted entities that the scene had, by ascending id.

        Scene ids are greater than `after`, and not greater than `until`.
        """
        end = _NO_END if until is None else until
        while True:
            rows = self._connection.execute(_SELECT_ENTITIES, (after, end, PAGE)).fetchall()
            found = {scene_id: _entities(text).intersection(wanted) for scene_id, text in rows}
            named = {scene_id: entities for scene_id, entities in found.items() if entities}
            if named:
                yield named
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def digests(self, server_id: str, scene_ids: Sequence[int]) -> dict[int, set[str]]:
        """Return scene id → digests of the values last sent, for scenes synced to this server."""
        found: dict[int, set[str]] = {}
        marks = ", ".join("?" * len(scene_ids))
        statement = (
            f"SELECT scene_id, digest FROM sync_log WHERE scene_id IN ({marks}) AND server_id = ?"
        )
        for scene_id, digest in self._connection.execute(statement, (*scene_ids, server_id)):
            found.setdefault(scene_id, set()).add(digest)
        return found


def _entities(text: str) -> set[Entity]:
    try:
        raw = json.loads(text)
    except ValueError:
        return set()
    if not isinstance(raw, Mapping):
        return set()
    return {
        (kind, entity_id)
        for kind, ids in raw.items()
        if isinstance(ids, list)
        for entity_id in ids
        if isinstance(entity_id, int)
    }

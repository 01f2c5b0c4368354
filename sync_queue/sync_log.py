"""Stores original and last sent values of Plex items, and the outcome of each scene's last job."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync_queue.models import LARGEST_ID

# In the table `sync_log`, this id replaces the id of a scene that Stash has deleted.
NO_SCENE = 0
OF_OTHER_SCENE = "shared_items"
JOINED_BY_MISTAKE = "misjoined_items"
SYNCED_BY_LEGACY = "synced earlier"

Entity = tuple[str, int]
PAGE = 500

_AMONG = "IN (SELECT value FROM json_each(?))"
_OF_OTHERS = "scene_id != ? AND server_id = ? AND rating_key = ?"
_SELECT_ITEMS = (
    "SELECT scene_id, rating_key, synced_at, digest, sent, refused, poster_sha1, art_sha1 "
    "FROM sync_log"
)
_UPSERT_ITEM = (
    "INSERT INTO sync_log (scene_id, server_id, rating_key, digest, sent, refused, synced_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scene_id, server_id, rating_key) DO UPDATE SET "
    "digest = excluded.digest, sent = excluded.sent, refused = excluded.refused, "
    "synced_at = excluded.synced_at"
)
_SCENE_COLUMNS = "scene_id, outcome, at, detail, scene_updated_at, cover_tag, entities"
_WAS_SENT = (
    "EXISTS (SELECT 1 FROM sync_log WHERE sync_log.scene_id = scene_log.scene_id AND digest != '')"
)

FieldValues = Mapping[str, str | list[str]]

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """The values sent to an item.

    Attributes:
        pending: values that Plex has not confirmed.
        refused: values that Plex did not keep.
    """

    digest: str
    sent: FieldValues
    refused: FieldValues = field(default_factory=dict)
    poster_sha1: str | None = None
    art_sha1: str | None = None
    pending: FieldValues = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The outcome of a scene's last job. `cover_tag` is "<SHA-1> <ETag>" of the last cover."""

    outcome: str
    at: float
    detail: str = ""
    scene_updated_at: str = ""
    cover_tag: str | None = None
    entities: Mapping[str, list[int]] = field(default_factory=dict)
    was_sent: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class SentItem:
    scene_id: int
    rating_key: int
    at: float
    record: ItemRecord


class SyncLog:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def items(
        self, server_id: str, rating_keys: Collection[int]
    ) -> dict[int, dict[int, ItemRecord]]:
        which = f"WHERE server_id = ? AND rating_key {_AMONG}"
        found: dict[int, dict[int, ItemRecord]] = {}
        for sent in self._sent(which, server_id, json.dumps(list(rating_keys))):
            found.setdefault(sent.rating_key, {})[sent.scene_id] = sent.record
        return found

    def scenes_of_items(self, server_id: str, rating_keys: Collection[int]) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        which = f"WHERE server_id = ? AND rating_key {_AMONG}"
        rows = self._connection.execute(
            f"SELECT rating_key, scene_id FROM sync_log {which}",
            (server_id, json.dumps(list(rating_keys))),
        )
        for rating_key, scene_id in rows:
            found.setdefault(rating_key, set()).add(scene_id)
        return found

    def records_of_item(self, server_id: str, rating_key: int) -> dict[int, ItemRecord]:
        return self.items(server_id, [rating_key]).get(rating_key, {})

    def sent_for(self, scene_id: int) -> list[SentItem]:
        return list(self._sent("WHERE scene_id = ? ORDER BY synced_at DESC", scene_id))

    def _sent(self, which: str, *values: object) -> Iterator[SentItem]:
        for row in self._connection.execute(f"{_SELECT_ITEMS} {which}", values):
            digest, text, refused, poster, art = row[3:]
            sent = object_of(text) or {}
            pending, refused = values_of(sent.get(PENDING)), values_of(object_of(refused))
            record = ItemRecord(digest, values_of(sent), refused, poster, art, pending)
            yield SentItem(row[0], row[1], row[2], record)

    def remember_item(
        self, scene_id: int, server_id: str, rating_key: int, record: ItemRecord, now: float
    ) -> None:
        pending = {PENDING: dict(record.pending)} if record.pending else {}
        sent = json.dumps({**record.sent, **pending})
        refused = json.dumps(dict(record.refused)) if record.refused else None
        self._connection.execute(
            _UPSERT_ITEM, (scene_id, server_id, rating_key, record.digest, sent, refused, now)
        )

    def remember_image(
        self, scene_id: int, server_id: str, rating_key: int, kind: str, sha1: str
    ) -> None:
        self._connection.execute(
            f"UPDATE sync_log SET {kind}_sha1 = ? "
            "WHERE scene_id = ? AND server_id = ? AND rating_key = ?",
            (sha1, scene_id, server_id, rating_key),
        )

    def transfer_item(self, scene_id: int, server_id: str, rating_key: int) -> None:
        item = (scene_id, server_id, rating_key)
        # Remove the digest of the sent values, so that the next sync sends this scene's values.
        self._connection.execute(
            f"UPDATE OR IGNORE sync_log SET scene_id = ?, digest = '' WHERE {_OF_OTHERS}",
            (scene_id, *item),
        )
        self._connection.execute(f"DELETE FROM sync_log WHERE {_OF_OTHERS}", item)

    def forget_item(self, server_id: str, rating_key: int) -> None:
        scene_ids = list(self.records_of_item(server_id, rating_key))
        for table in ("sync_log", "originals"):
            statement = f"DELETE FROM {table} WHERE server_id = ? AND rating_key = ?"
            self._connection.execute(statement, (server_id, rating_key))
        self._connection.executemany(
            "DELETE FROM scene_log WHERE scene_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM sync_log WHERE sync_log.scene_id = scene_log.scene_id)",
            [(scene_id,) for scene_id in scene_ids],
        )

    def digests(
        self, server_id: str | None, scene_ids: Collection[int] | None = None
    ) -> dict[int, dict[int, str]]:
        among = "" if scene_ids is None else f" AND scene_id {_AMONG}"
        values = () if scene_ids is None else (json.dumps(list(scene_ids)),)
        found: dict[int, dict[int, str]] = {}
        for scene_id, rating_key, digest in self._connection.execute(
            "SELECT scene_id, rating_key, digest FROM sync_log WHERE coalesce(?, server_id) = "
            f"server_id AND scene_id != {NO_SCENE}{among}",
            (server_id, *values),
        ):
            found.setdefault(scene_id, {})[rating_key] = digest
        return found

    def original(self, server_id: str, rating_key: int) -> FieldValues | None:
        return self.originals(server_id, [rating_key]).get(rating_key)

    def originals(self, server_id: str, rating_keys: Collection[int]) -> dict[int, FieldValues]:
        rows = self._connection.execute(
            f"SELECT rating_key, held FROM originals WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found = ((key, object_of(held)) for key, held in rows)
        return {key: values_of(held) for key, held in found if held is not None}

    def keep_original(self, server_id: str, rating_key: int, held: FieldValues, now: float) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO originals (server_id, rating_key, held, kept_at) "
            "VALUES (?, ?, ?, ?)",
            (server_id, rating_key, json.dumps(dict(held)), now),
        )

    def change_original(self, server_id: str, rating_key: int, held: FieldValues) -> None:
        self._connection.execute(
            "UPDATE originals SET held = ? WHERE server_id = ? AND rating_key = ?",
            (json.dumps(dict(held)), server_id, rating_key),
        )

    def with_original(self, server_id: str, scene_id: int | None = None) -> list[int]:
        rows = self._connection.execute(
            "SELECT rating_key FROM originals WHERE server_id = :server AND (:scene IS NULL OR "
            "EXISTS (SELECT 1 FROM sync_log WHERE scene_id = :scene AND server_id = :server "
            "AND sync_log.rating_key = originals.rating_key)) ORDER BY rating_key",
            {"server": server_id, "scene": scene_id},
        )
        return [row[0] for row in rows]

    def remember_upload(self, server_id: str, rating_key: int, kind: str, sha1: str) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO uploads (server_id, rating_key, kind, sha1) VALUES (?, ?, ?, ?)",
            (server_id, rating_key, kind, sha1),
        )

    def uploads(self, server_id: str, rating_key: int, kind: str) -> set[str]:
        rows = self._connection.execute(
            "SELECT sha1 FROM uploads WHERE server_id = ? AND rating_key = ? AND kind = ?",
            (server_id, rating_key, kind),
        )
        return {row[0] for row in rows}

    def scene(self, scene_id: int) -> SceneRecord | None:
        return self.scenes([scene_id]).get(scene_id)

    def scenes(self, scene_ids: Collection[int]) -> dict[int, SceneRecord]:
        return self._scenes(f"WHERE scene_id {_AMONG}", json.dumps(list(scene_ids)))

    def recent(self, limit: int) -> dict[int, SceneRecord]:
        return self._scenes("ORDER BY at DESC LIMIT ?", limit)

    def _scenes(self, which: str, value: object) -> dict[int, SceneRecord]:
        statement = f"SELECT {_SCENE_COLUMNS}, {_WAS_SENT} FROM scene_log {which}"
        rows = self._connection.execute(statement, (value,))
        found = {row[0]: [*row[1:-2], entities_of(row[-2]), bool(row[-1])] for row in rows}
        return {scene_id: SceneRecord(*values) for scene_id, values in found.items()}

    def scenes_in_plex(self) -> int:
        statement = f"SELECT COUNT(DISTINCT scene_id) FROM sync_log WHERE scene_id != {NO_SCENE}"
        return int(self._connection.execute(statement).fetchone()[0])

    def has_synced(self) -> bool:
        statement = "SELECT EXISTS (SELECT 1 FROM scene_log WHERE outcome != 'skipped')"
        return bool(self._connection.execute(statement).fetchone()[0])

    def scenes_beside(self, rating_keys: Collection[int], kind: str = OF_OTHER_SCENE) -> list[int]:
        """Return scenes that were skipped because another scene uses one of these Plex items."""
        rows = self._connection.execute(
            "SELECT scene_id FROM scene_log WHERE outcome = 'skipped' AND EXISTS "
            f"(SELECT 1 FROM json_each(entities, '$.{kind}') AS item WHERE item.value {_AMONG})",
            (json.dumps(list(rating_keys)),),
        )
        return [row[0] for row in rows]

    def remember_scene(self, scene_id: int, record: SceneRecord) -> None:
        at, version = record.at, record.scene_updated_at
        entities = json.dumps(dict(record.entities))
        self._connection.execute(
            f"INSERT OR REPLACE INTO scene_log ({_SCENE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (scene_id, record.outcome, at, record.detail, version, record.cover_tag, entities),
        )

    def remember_earlier_sync(self, scene_id: int, at: float) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO scene_log (scene_id, entities, scene_updated_at, outcome, "
            f"detail, at) VALUES (?, '{{}}', '', '{SYNCED_BY_LEGACY}', '', ?)",
            (scene_id, at),
        )

    def scenes_between(self, after: int, up_to: int) -> list[int]:
        rows = self._connection.execute(
            "SELECT scene_id FROM scene_log WHERE scene_id > :after AND scene_id <= :last "
            f"AND outcome != '{SYNCED_BY_LEGACY}' UNION "
            "SELECT scene_id FROM sync_log WHERE scene_id > :after AND scene_id <= :last",
            {"after": after, "last": up_to},
        )
        return [row[0] for row in rows]

    def scenes_with(
        self, wanted: Collection[Entity], after: int = 0, until: int = LARGEST_ID
    ) -> Iterator[dict[int, set[Entity]]]:
        statement = (
            "SELECT scene_id, entities FROM scene_log WHERE scene_id > ? AND scene_id <= ? "
            "ORDER BY scene_id LIMIT ?"
        )
        while rows := self._connection.execute(statement, (after, until, PAGE)).fetchall():
            page: dict[int, set[Entity]] = {}
            for scene_id, text in rows:
                had = {(kind, key) for kind, ids in entities_of(text).items() for key in ids}
                if not had.isdisjoint(wanted):
                    page[scene_id] = had.intersection(wanted)
            if page:
                yield page
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def mark_unsynced(self, scene_id: int) -> None:
        self._connection.execute(
            "UPDATE scene_log SET scene_updated_at = '' WHERE scene_id = ?", (scene_id,)
        )

    def scene_versions(self) -> dict[int, str]:
        statement = "SELECT scene_id, scene_updated_at FROM scene_log WHERE outcome = 'synced'"
        return dict(self._connection.execute(statement))

    def forget_scene(self, scene_id: int) -> None:
        self._connection.execute(
            f"UPDATE OR REPLACE sync_log SET scene_id = {NO_SCENE}, digest = '' WHERE scene_id = ?",
            (scene_id,),
        )
        self._connection.execute("DELETE FROM scene_log WHERE scene_id = ?", (scene_id,))


def values_of(raw: object) -> dict[str, str | list[str]]:
    return {
        name: value if isinstance(value, str) else [str(entry) for entry in value]
        for name, value in (raw.items() if isinstance(raw, dict) else ())
        if isinstance(value, str | list)
    }


def entities_of(text: str) -> dict[str, list[int]]:
    return {
        kind: [entity_id for entity_id in ids if isinstance(entity_id, int)]
        for kind, ids in (object_of(text) or {}).items()
        if isinstance(ids, list)
    }


def object_of(text: str | None) -> dict[str, Any] | None:
    try:
        raw = json.loads(text) if text else None
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None

"""Original and last sent values of Plex items, and the outcome of each scene's last job."""

import json
import sqlite3
from collections.abc import Collection

from sync_queue.sync_records import (
    PENDING,
    FieldValues,
    ItemRecord,
    SceneRecord,
    SentItem,
    entities_of,
    item_record,
    object_of,
    scene_record,
    values_of,
)

# Scene id of an item whose scene was deleted in Stash. Its record is kept, because otherwise the
# next scene with this file would take the sent values for edits of the user.
NO_SCENE = 0

# Outcome of a scene that only the legacy implementation has synced.
SYNCED_EARLIER = "synced earlier"

_SELECT_ITEM = (
    "SELECT digest, sent, refused, poster_sha1, art_sha1 FROM sync_log "
    "WHERE scene_id = ? AND server_id = ? AND rating_key = ?"
)
_AMONG = "IN (SELECT value FROM json_each(?))"  # any number of keys in one parameter
# The columns of images have their own statements.
_UPSERT_ITEM = (
    "INSERT INTO sync_log (scene_id, server_id, rating_key, digest, sent, refused, synced_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scene_id, server_id, rating_key) DO UPDATE SET "
    "digest = excluded.digest, sent = excluded.sent, refused = excluded.refused, "
    "synced_at = excluded.synced_at"
)
_TAKE_OVER = (
    "UPDATE OR IGNORE sync_log SET scene_id = ?, digest = '' "
    "WHERE scene_id != ? AND server_id = ? AND rating_key = ?"
)
_LEAVE_TO_NOBODY = (
    f"UPDATE OR REPLACE sync_log SET scene_id = {NO_SCENE}, digest = '' WHERE scene_id = ?"
)
_FORGET_OTHERS = "DELETE FROM sync_log WHERE scene_id != ? AND server_id = ? AND rating_key = ?"
_KEEP_ORIGINAL = (
    "INSERT OR IGNORE INTO originals (server_id, rating_key, held, kept_at) VALUES (?, ?, ?, ?)"
)
_CHANGE_ORIGINAL = "UPDATE originals SET held = ? WHERE server_id = ? AND rating_key = ?"
_REMEMBER_IMAGE = {
    "poster": "UPDATE sync_log SET poster_sha1 = ? WHERE scene_id = ? AND server_id = ? "
    "AND rating_key = ?",
    "art": "UPDATE sync_log SET art_sha1 = ? WHERE scene_id = ? AND server_id = ? "
    "AND rating_key = ?",
}
_REMEMBER_UPLOAD = (
    "INSERT OR IGNORE INTO uploads (server_id, rating_key, kind, sha1) VALUES (?, ?, ?, ?)"
)
_UPSERT_SCENE = (
    "INSERT INTO scene_log (scene_id, entities, scene_updated_at, cover_tag, outcome, detail, at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scene_id) DO UPDATE SET "
    "entities = excluded.entities, scene_updated_at = excluded.scene_updated_at, "
    "cover_tag = excluded.cover_tag, "
    "outcome = excluded.outcome, detail = excluded.detail, at = excluded.at"
)
_SELECT_SCENE = (
    "SELECT scene_updated_at, cover_tag, outcome, detail, at, entities FROM scene_log "
    "WHERE scene_id = ?"
)
_ADD_EARLIER = (
    "INSERT OR IGNORE INTO scene_log (scene_id, entities, scene_updated_at, outcome, detail, at) "
    f"VALUES (?, '{{}}', '', '{SYNCED_EARLIER}', '', ?)"
)
_SELECT_SCENES = (
    "SELECT scene_updated_at, cover_tag, outcome, detail, at, scene_id FROM scene_log "
    f"WHERE scene_id {_AMONG}"
)


class SyncLog:
    """The tables `sync_log`, `scene_log`, `originals` and `uploads`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def item(self, scene_id: int, server_id: str, rating_key: int) -> ItemRecord | None:
        """Return the values last sent to an item for a scene."""
        row = self._connection.execute(_SELECT_ITEM, (scene_id, server_id, rating_key)).fetchone()
        return None if row is None else item_record(row)

    def items(
        self, server_id: str, rating_keys: Collection[int]
    ) -> dict[int, dict[int, ItemRecord]]:
        """Return rating key → scene id → record."""
        rows = self._connection.execute(
            "SELECT digest, sent, refused, poster_sha1, art_sha1, rating_key, scene_id "
            f"FROM sync_log WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found: dict[int, dict[int, ItemRecord]] = {}
        for row in rows:
            found.setdefault(row[5], {})[row[6]] = item_record(row)
        return found

    def sent_for(self, scene_id: int) -> list[SentItem]:
        """Return the records of a scene's items, the newest first."""
        rows = self._connection.execute(
            "SELECT digest, sent, refused, poster_sha1, art_sha1, server_id, rating_key, synced_at "
            "FROM sync_log WHERE scene_id = ? ORDER BY synced_at DESC",
            (scene_id,),
        )
        return [SentItem(row[5], row[6], item_record(row), row[7]) for row in rows]

    def remember_item(
        self, scene_id: int, server_id: str, rating_key: int, record: ItemRecord, now: float
    ) -> None:
        """Store the sent, refused and in-flight values of an item."""
        pending = {PENDING: dict(record.pending)} if record.pending else {}
        self._connection.execute(
            _UPSERT_ITEM,
            (
                scene_id,
                server_id,
                rating_key,
                record.digest,
                json.dumps({**record.sent, **pending}),
                json.dumps(dict(record.refused)) if record.refused else None,
                now,
            ),
        )

    def remember_image(
        self, scene_id: int, server_id: str, rating_key: int, kind: str, sha1: str
    ) -> None:
        """Store the SHA-1 of the `poster` or `art` of a stored item; empty for no image."""
        self._connection.execute(_REMEMBER_IMAGE[kind], (sha1, scene_id, server_id, rating_key))

    def original(self, server_id: str, rating_key: int) -> FieldValues | None:
        """Return an item's values before the first write; None for an item never written."""
        return self.originals(server_id, [rating_key]).get(rating_key)

    def originals(self, server_id: str, rating_keys: Collection[int]) -> dict[int, FieldValues]:
        """Return rating key → values before the first write, for the items ever written."""
        rows = self._connection.execute(
            f"SELECT rating_key, held FROM originals WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found = ((key, object_of(held)) for key, held in rows)
        return {key: values_of(held) for key, held in found if held is not None}

    def keep_original(self, server_id: str, rating_key: int, held: FieldValues, now: float) -> None:
        """Store an item's values before the first write; later calls have no effect."""
        values = (server_id, rating_key, json.dumps(dict(held)), now)
        self._connection.execute(_KEEP_ORIGINAL, values)

    def change_original(self, server_id: str, rating_key: int, held: FieldValues) -> None:
        """Replace the stored original values of an item, if there are any."""
        self._connection.execute(_CHANGE_ORIGINAL, (json.dumps(dict(held)), server_id, rating_key))

    def with_original(self, server_id: str, scene_id: int | None = None) -> list[int]:
        """Return the items with stored original values: those of a scene, or all."""
        if scene_id is None:
            statement = "SELECT rating_key FROM originals WHERE server_id = ? ORDER BY rating_key"
            rows = self._connection.execute(statement, (server_id,))
        else:
            statement = (
                "SELECT rating_key FROM sync_log JOIN originals USING (server_id, rating_key) "
                "WHERE scene_id = ? AND server_id = ? ORDER BY rating_key"
            )
            rows = self._connection.execute(statement, (scene_id, server_id))
        return [row[0] for row in rows]

    def records_of_item(self, server_id: str, rating_key: int) -> dict[int, ItemRecord]:
        """Return scene id (or NO_SCENE) → record of an item."""
        rows = self._connection.execute(
            "SELECT scene_id FROM sync_log WHERE server_id = ? AND rating_key = ?",
            (server_id, rating_key),
        ).fetchall()
        records = {row[0]: self.item(row[0], server_id, rating_key) for row in rows}
        return {scene_id: record for scene_id, record in records.items() if record is not None}

    def remember_upload(self, server_id: str, rating_key: int, kind: str, sha1: str) -> None:
        """Store that an image was uploaded to an item; Plex keeps every upload."""
        self._connection.execute(_REMEMBER_UPLOAD, (server_id, rating_key, kind, sha1))

    def uploads(self, server_id: str, rating_key: int, kind: str) -> set[str]:
        """Return the SHA-1 of every image ever uploaded as the item's `poster` or `art`."""
        rows = self._connection.execute(
            "SELECT sha1 FROM uploads WHERE server_id = ? AND rating_key = ? AND kind = ?",
            (server_id, rating_key, kind),
        )
        return {row[0] for row in rows}

    def forget_item(self, server_id: str, rating_key: int) -> None:
        """Remove an item's records and originals, and the outcome of scenes without another item.

        The uploads stay known, because Plex keeps them. The caller holds a transaction.
        """
        scene_ids = list(self.records_of_item(server_id, rating_key))
        for table in ("sync_log", "originals"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE server_id = ? AND rating_key = ?",
                (server_id, rating_key),
            )
        self._connection.executemany(
            "DELETE FROM scene_log WHERE scene_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM sync_log WHERE sync_log.scene_id = scene_log.scene_id)",
            [(scene_id,) for scene_id in scene_ids],
        )

    def scenes_of_items(self, server_id: str, rating_keys: Collection[int]) -> dict[int, set[int]]:
        """Return rating key → scene ids (or NO_SCENE) that the item was written for."""
        rows = self._connection.execute(
            "SELECT rating_key, scene_id FROM sync_log "
            f"WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found: dict[int, set[int]] = {}
        for rating_key, scene_id in rows:
            found.setdefault(rating_key, set()).add(scene_id)
        return found

    def transfer_item(self, scene_id: int, server_id: str, rating_key: int) -> None:
        """Give an item to this scene alone, with the values sent for another scene.

        The digest is emptied, because the item may differ from this scene.
        """
        others = (scene_id, server_id, rating_key)
        if self.item(scene_id, server_id, rating_key) is None:
            self._connection.execute(_TAKE_OVER, (scene_id, *others))
        self._connection.execute(_FORGET_OTHERS, others)

    def digests(self, server_id: str | None) -> dict[int, dict[int, str]]:
        """Return scene id → rating key → digest, for a server; None for all servers."""
        found: dict[int, dict[int, str]] = {}
        statement = (
            "SELECT scene_id, rating_key, digest FROM sync_log WHERE coalesce(?, server_id) = "
            f"server_id AND scene_id != {NO_SCENE}"
        )
        for scene_id, rating_key, digest in self._connection.execute(statement, (server_id,)):
            found.setdefault(scene_id, {})[rating_key] = digest
        return found

    def scene(self, scene_id: int) -> SceneRecord | None:
        """Return the outcome of the scene's last job."""
        row = self._connection.execute(_SELECT_SCENE, (scene_id,)).fetchone()
        return None if row is None else scene_record(row, entities_of(row[5]))

    def scenes(self, scene_ids: Collection[int]) -> dict[int, SceneRecord]:
        """Return scene id → outcome of the last job, without `entities` for speed."""
        rows = self._connection.execute(_SELECT_SCENES, (json.dumps(list(scene_ids)),))
        return {row[5]: scene_record(row, {}) for row in rows}

    def has_skipped(self, reason: str) -> bool:
        """Tell whether the last job of any scene was skipped with this text in its detail."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM scene_log WHERE outcome = 'skipped' "
            "AND instr(detail, ?) > 0)",
            (reason,),
        ).fetchone()
        return bool(row[0])

    def remember_scene(self, scene_id: int, record: SceneRecord) -> None:
        """Store the outcome of a scene's job."""
        self._connection.execute(
            _UPSERT_SCENE,
            (
                scene_id,
                json.dumps(dict(record.entities)),
                record.scene_updated_at,
                record.cover_tag,
                record.outcome,
                record.detail,
                record.at,
            ),
        )

    def remember_earlier_sync(self, scene_id: int, at: float) -> None:
        """Store that the legacy implementation synced a scene, unless an outcome is stored."""
        self._connection.execute(_ADD_EARLIER, (scene_id, at))

    def scenes_between(self, after: int, up_to: int) -> list[int]:
        """Return the known scenes with ids from `after` (exclusive) to `up_to` (inclusive).

        Scenes known only to the legacy implementation are left out: it never removed a scene.
        """
        rows = self._connection.execute(
            "SELECT scene_id FROM scene_log WHERE scene_id > :after AND scene_id <= :last "
            f"AND outcome != '{SYNCED_EARLIER}' UNION "
            "SELECT scene_id FROM sync_log WHERE scene_id > :after AND scene_id <= :last",
            {"after": after, "last": up_to},
        )
        return [row[0] for row in rows]

    def mark_unsynced(self, scene_id: int) -> None:
        """Mark a scene as unsynced, so that the next sync compares all of it."""
        self._connection.execute(
            "UPDATE scene_log SET scene_updated_at = '' WHERE scene_id = ?", (scene_id,)
        )

    def scene_versions(self) -> dict[int, str]:
        """Return scene id → Stash's time stamp of the last synced state."""
        statement = "SELECT scene_id, scene_updated_at FROM scene_log WHERE outcome = 'synced'"
        return dict(self._connection.execute(statement))

    def forget_scene(self, scene_id: int) -> None:
        """Remove a scene's outcome, and keep the records of its items under NO_SCENE."""
        self._connection.execute(_LEAVE_TO_NOBODY, (scene_id,))
        self._connection.execute("DELETE FROM scene_log WHERE scene_id = ?", (scene_id,))

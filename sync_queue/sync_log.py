"""What Plex items held and were last sent, and how each scene's last job ended."""

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

# Whose an item is when the scene that it was written for is gone from Stash. What it was sent stays
# known: else a scene that gets its file would take all that for a person's own.
NOBODY = 0

# How the last job of a scene ended that only the earlier implementation of this plugin synced.
SYNCED_EARLIER = "synced earlier"

_SELECT_ITEM = (
    "SELECT digest, sent, refused, poster_sha1, art_sha1 FROM sync_log "
    "WHERE scene_id = ? AND server_id = ? AND rating_key = ?"
)
_AMONG = "IN (SELECT value FROM json_each(?))"  # any number of keys in one parameter
# Images are remembered by their own statement.
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
    f"UPDATE OR REPLACE sync_log SET scene_id = {NOBODY}, digest = '' WHERE scene_id = ?"
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
    """The tables `sync_log` and `scene_log`, on a connection that others share."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def item(self, scene_id: int, server_id: str, rating_key: int) -> ItemRecord | None:
        """Return what this item was last sent for this scene."""
        row = self._connection.execute(_SELECT_ITEM, (scene_id, server_id, rating_key)).fetchone()
        return None if row is None else item_record(row)

    def items(
        self, server_id: str, rating_keys: Collection[int]
    ) -> dict[int, dict[int, ItemRecord]]:
        """Return rating key → scene id → what the item was last sent for that scene."""
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
        """Return what all items of this scene were last sent, the newest first."""
        rows = self._connection.execute(
            "SELECT digest, sent, refused, poster_sha1, art_sha1, server_id, rating_key, synced_at "
            "FROM sync_log WHERE scene_id = ? ORDER BY synced_at DESC",
            (scene_id,),
        )
        return [SentItem(row[5], row[6], item_record(row), row[7]) for row in rows]

    def remember_item(
        self, scene_id: int, server_id: str, rating_key: int, record: ItemRecord, now: float
    ) -> None:
        """Store what was sent, what of it was refused, and what is on its way."""
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
        """Store which bytes an item (already remembered) got as its `poster` or `art`.

        An empty text says that there were none to give.
        """
        self._connection.execute(_REMEMBER_IMAGE[kind], (sha1, scene_id, server_id, rating_key))

    def original(self, server_id: str, rating_key: int) -> FieldValues | None:
        """Return what this item held before our first write; None when that never was."""
        return self.originals(server_id, [rating_key]).get(rating_key)

    def originals(self, server_id: str, rating_keys: Collection[int]) -> dict[int, FieldValues]:
        """Return what these items held before our first write; where that never was, none."""
        rows = self._connection.execute(
            f"SELECT rating_key, held FROM originals WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found = ((key, object_of(held)) for key, held in rows)
        return {key: values_of(held) for key, held in found if held is not None}

    def keep_original(self, server_id: str, rating_key: int, held: FieldValues, now: float) -> None:
        """Keep what an item holds before our first write; a later call changes nothing."""
        values = (server_id, rating_key, json.dumps(dict(held)), now)
        self._connection.execute(_KEEP_ORIGINAL, values)

    def change_original(self, server_id: str, rating_key: int, held: FieldValues) -> None:
        """Keep something else of an item than was kept; where nothing was, nothing is."""
        self._connection.execute(_CHANGE_ORIGINAL, (json.dumps(dict(held)), server_id, rating_key))

    def with_original(self, server_id: str, scene_id: int | None = None) -> list[int]:
        """Return the keys of the items whose original is kept; of one scene, or all."""
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
        """Return scene id (or NOBODY) → what this item was last sent for it."""
        rows = self._connection.execute(
            "SELECT scene_id FROM sync_log WHERE server_id = ? AND rating_key = ?",
            (server_id, rating_key),
        ).fetchall()
        records = {row[0]: self.item(row[0], server_id, rating_key) for row in rows}
        return {scene_id: record for scene_id, record in records.items() if record is not None}

    def remember_upload(self, server_id: str, rating_key: int, kind: str, sha1: str) -> None:
        """Store that Plex took these bytes for an item: it keeps them for good."""
        self._connection.execute(_REMEMBER_UPLOAD, (server_id, rating_key, kind, sha1))

    def uploads(self, server_id: str, rating_key: int, kind: str) -> set[str]:
        """Return the SHA-1 of all bytes that an item ever got as its `poster` or `art`."""
        rows = self._connection.execute(
            "SELECT sha1 FROM uploads WHERE server_id = ? AND rating_key = ? AND kind = ?",
            (server_id, rating_key, kind),
        )
        return {row[0] for row in rows}

    def forget_item(self, server_id: str, rating_key: int) -> None:
        """Drop everything known of an item, and of the scenes that have no other: as if unsynced.

        Only which images of it are ours stays known: Plex keeps them.

        To be called inside a transaction.
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
        """Return rating key → the scenes for which that item was written, where there are any.

        NOBODY stands for one that is gone.
        """
        rows = self._connection.execute(
            "SELECT rating_key, scene_id FROM sync_log "
            f"WHERE server_id = ? AND rating_key {_AMONG}",
            (server_id, json.dumps(list(rating_keys))),
        )
        found: dict[int, set[int]] = {}
        for rating_key, scene_id in rows:
            found.setdefault(rating_key, set()).add(scene_id)
        return found

    def take_over(self, scene_id: int, server_id: str, rating_key: int) -> None:
        """Let an item belong to this scene alone, with what it was sent for another one.

        What was sent is what the item shows; that it is in step with this scene is not known.
        """
        others = (scene_id, server_id, rating_key)
        if self.item(scene_id, server_id, rating_key) is None:
            self._connection.execute(_TAKE_OVER, (scene_id, *others))
        self._connection.execute(_FORGET_OTHERS, others)

    def digests(self, server_id: str | None) -> dict[int, dict[int, str]]:
        """Return scene id → rating key → digest of what was sent to this server (None: to any)."""
        found: dict[int, dict[int, str]] = {}
        statement = (
            "SELECT scene_id, rating_key, digest FROM sync_log WHERE coalesce(?, server_id) = "
            f"server_id AND scene_id != {NOBODY}"
        )
        for scene_id, rating_key, digest in self._connection.execute(statement, (server_id,)):
            found.setdefault(scene_id, {})[rating_key] = digest
        return found

    def scene(self, scene_id: int) -> SceneRecord | None:
        """Return how the scene's last job ended."""
        row = self._connection.execute(_SELECT_SCENE, (scene_id,)).fetchone()
        return None if row is None else scene_record(row, entities_of(row[5]))

    def scenes(self, scene_ids: Collection[int]) -> dict[int, SceneRecord]:
        """Return how the last jobs of these scenes ended, of those that had one.

        Whom they belonged to is left out: reading that would cost as much as all the rest.
        """
        rows = self._connection.execute(_SELECT_SCENES, (json.dumps(list(scene_ids)),))
        return {row[5]: scene_record(row, {}) for row in rows}

    def has_skipped(self, reason: str) -> bool:
        """Tell whether the last job of some scene was skipped and its detail has this text."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM scene_log WHERE outcome = 'skipped' "
            "AND instr(detail, ?) > 0)",
            (reason,),
        ).fetchone()
        return bool(row[0])

    def remember_scene(self, scene_id: int, record: SceneRecord) -> None:
        """Store how the scene's job ended."""
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
        """Store that the earlier implementation synced a scene of which nothing else is known."""
        self._connection.execute(_ADD_EARLIER, (scene_id, at))

    def scenes_between(self, after: int, up_to: int) -> list[int]:
        """Return the scenes that are known of those behind `after` up to `up_to`.

        What only the earlier implementation knew does not count: it never forgot a scene.
        """
        rows = self._connection.execute(
            "SELECT scene_id FROM scene_log WHERE scene_id > :after AND scene_id <= :last "
            f"AND outcome != '{SYNCED_EARLIER}' UNION "
            "SELECT scene_id FROM sync_log WHERE scene_id > :after AND scene_id <= :last",
            {"after": after, "last": up_to},
        )
        return [row[0] for row in rows]

    def doubt_scene(self, scene_id: int) -> None:
        """Take no state of a scene for synced any more: the next sync looks at all of it."""
        self._connection.execute(
            "UPDATE scene_log SET scene_updated_at = '' WHERE scene_id = ?", (scene_id,)
        )

    def scene_versions(self) -> dict[int, str]:
        """Return scene id → Stash's time stamp of the state that was last synced."""
        statement = "SELECT scene_id, scene_updated_at FROM scene_log WHERE outcome = 'synced'"
        return dict(self._connection.execute(statement))

    def forget_scene(self, scene_id: int) -> None:
        """Drop everything known of a scene; what its items were sent is nobody's then."""
        self._connection.execute(_LEAVE_TO_NOBODY, (scene_id,))
        self._connection.execute("DELETE FROM scene_log WHERE scene_id = ?", (scene_id,))

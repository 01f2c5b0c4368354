"""What is remembered of the scenes of a batch and their items, read with one query each."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Self

from plex.diff import is_user_edited, same
from plex.items import PlexItem
from sync_queue.sync_log import SyncLog
from sync_queue.sync_records import FieldValues, ItemRecord
from worker.sync.scene_work import SceneWork


class ItemMemory(NamedTuple):
    """What is remembered of items.

    Attributes:
        sent: rating key → scene id → what the item was last sent for that scene.
        originals: rating key → what the item held before our first write.
    """

    sent: Mapping[int, Mapping[int, ItemRecord]]
    originals: Mapping[int, FieldValues]

    @classmethod
    def of(cls, log: SyncLog, server_id: str, work: Iterable[SceneWork]) -> Self:
        """Read what is remembered of all items of these scenes."""
        keys = {item.rating_key for one in work for item in one.items}
        return cls(log.items(server_id, keys), log.originals(server_id, keys))

    def sent_for(self, scene_id: int, rating_key: int) -> ItemRecord | None:
        """Return what an item was last sent for a scene, if ever."""
        return self.sent.get(rating_key, {}).get(scene_id)

    def written(self, item: PlexItem) -> set[str]:
        """Return the fields that an item was sent for any scene, or may have been."""
        key = item.rating_key
        held = self.originals.get(key, {})
        return written_fields(self.sent.get(key, {}).values(), item, held)


def written_fields(records: Collection[ItemRecord], item: PlexItem, held: FieldValues) -> set[str]:
    """Return the fields that an item was sent, or may have been.

    What an edit carried of which we have heard no more may have arrived, unless the item shows by
    now what a person gave it since.

    Args:
        records: what the item was last sent, one for each of its scenes.
        item: as Plex has it now.
        held: what is kept of it.
    """
    written = {name for one in records for values in (one.sent, one.refused) for name in values}
    for pending in (one.pending for one in records):
        for name in pending:
            as_kept = name in held and same(held[name], getattr(item, name))
            if as_kept or not is_user_edited(name, item, {}, held, pending):
                written.add(name)
    return written


def arrived(record: ItemRecord, item: PlexItem) -> FieldValues:
    """Return what the item shows of what was being sent when we last lost sight of it."""
    return {
        name: value for name, value in record.pending.items() if same(value, getattr(item, name))
    }

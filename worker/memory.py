"""What is remembered of the scenes of a batch and their items, read with one query each."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Self

from plex.diff import PLEX_NAMES
from sync_queue.sync_log import SyncLog
from sync_queue.sync_records import FieldValues, ItemRecord
from worker.scene_work import SceneWork


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

    def written(self, rating_key: int) -> set[str]:
        """Return the fields that an item was sent for any scene, or may have been."""
        return written_fields(self.sent.get(rating_key, {}).values())


def written_fields(records: Collection[ItemRecord]) -> set[str]:
    """Return the fields that an item was sent, or may have been.

    Of a first write whose end is not on record any may have arrived.

    Args:
        records: what the item was last sent, one for each of its scenes.
    """
    if any(not record.digest and not record.sent for record in records):
        return set(PLEX_NAMES)
    return {
        name
        for record in records
        for values in (record.sent, record.pending, record.refused)
        for name in values
    }

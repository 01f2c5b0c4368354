"""Puts one Plex item back to what it held before our first write, and forgets the item."""

from collections.abc import Collection, Mapping

from plex.diff import COLLECTIONS
from plex.exceptions import PlexPermanentError
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexImage, PlexItem
from plex.originals import (
    RETURNING,
    Original,
    is_ours,
    other_image,
    restoring_edit,
    unlocking_edit,
    was_locked_then,
)
from sync_queue.manager import QueueManager
from sync_queue.sync_records import ItemRecord
from worker.sync.scene_work import written_fields
from worker.sync.session import SyncSession


class ItemRestorer:
    """Undoes what the worker has written; to be used by the holder of the worker lock only.

    Args:
        session: Plex.
        queue: the sync log.
    """

    def __init__(self, session: SyncSession, queue: QueueManager) -> None:
        self._session = session
        self._queue = queue
        self._server_id = session.library.server_id

    def restore(
        self, item: PlexItem, held: Original, records: Mapping[int, ItemRecord]
    ) -> tuple[str, ...]:
        """Bring the item back; killed at any point, it may be called again.

        Returns:
            The fields whose value no request can carry in full: they were cut.

        Args:
            item: as Plex has it now.
            held: what it held before our first write.
            records: what it was last sent, by scene.

        Raises:
            PlexError: Plex did not take all of it; the memory of the item is kept.
        """
        written = written_fields(records.values(), item, held)
        behaviour = self._session.facts.behaviour()
        fields = restoring_edit(held, item, written, _collections_of(records), behaviour)
        unlocked = unlocking_edit(held, fields)
        # The images come first: choosing one may set the lock that the edit then takes off.
        image_locks = self._restore_images(item, held)
        if image_locks:
            fields["images"] = image_locks
        shortened = self._send(item, fields) if fields else ()
        if unlocked:
            self._session.client.edit(item, unlocked)
        with self._queue.transaction():
            self._queue.sync_log.forget_item(self._server_id, item.rating_key)
        return shortened

    def _send(self, item: PlexItem, fields: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        """Send an edit; return the fields that were cut.

        Raises:
            PlexPermanentError: Plex does not take some of it.
        """
        outcome = self._session.client.edit(item, fields)
        if outcome.refused:
            raise next(iter(outcome.refused.values()))
        if outcome.left_out:
            names = ", ".join(name for some in outcome.left_out.values() for name in some)
            message = f"Plex does not take the names {names}"
            raise PlexPermanentError(message)
        return tuple(outcome.shortened)

    def _restore_images(self, item: PlexItem, held: Original) -> dict[str, str]:
        """Replace images of ours that are shown; return the parameters for their locks.

        Where somebody has chosen another one since, that and its lock are theirs.
        """
        log, key = self._queue.sync_log, item.rating_key
        returning = list(held.get(RETURNING, []))
        locks: dict[str, str] = {}
        for kind in (POSTER, ART):
            sent = log.uploads(self._server_id, key, kind)
            if not sent:
                continue
            images = self._session.client.list_images(key, kind)
            if any(image.selected and is_ours(image, sent) for image in images):
                # Killed behind the choice, the next run could not tell it from a person's.
                returning.append(kind)
                log.change_original(self._server_id, key, {**held, RETURNING: returning})
                self._choose_another(item, kind, images, sent)
            if kind in returning:
                locked = was_locked_then(held, IMAGE_LOCKS[kind])
                locks[f"{IMAGE_LOCKS[kind]}.locked"] = "1" if locked else "0"
        return locks

    def _choose_another(
        self, item: PlexItem, kind: str, images: Collection[PlexImage], sent: Collection[str]
    ) -> None:
        client = self._session.client
        other = other_image(images, sent)
        if other is None:
            client.deselect_image(item.rating_key, kind)
        else:
            client.select_image(item.rating_key, kind, other.key)


def _collections_of(records: Mapping[int, ItemRecord]) -> list[str]:
    """Return the collections that an item was sent, or may have been: an answer can get lost."""
    return [
        name
        for record in records.values()
        for values in (record.sent, record.pending)
        for name in values.get(COLLECTIONS, [])
    ]

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from plex.diff import ADDITIVE, COLLECTIONS
from plex.edit_parameters import needs_decoding, removed_names
from plex.exceptions import PlexNotFound, PlexPermanentError
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexItem
from plex.matcher import still_holds
from plex.originals import (
    RESTORED,
    Original,
    is_locked_in,
    is_ours,
    other_image,
    restoring_edit,
    shares_a_file,
    unlocking_edit,
)
from plex.server_facts import RemovalEncoding
from sync_queue.sync_log import ItemRecord
from worker.services import Services
from worker.sync.scene_work import written_fields
from worker.sync.session import SyncSession

Records = Mapping[int, ItemRecord]  # the records of an item by scene id


@dataclass(frozen=True, slots=True)
class Restoration:
    services: Services
    session: SyncSession

    def restore_scene(self, scene_id: int) -> int:
        library, log = self.session.library, self.services.queue.sync_log
        items, unreadable = library.read_items(log.with_original(library.server_id, scene_id))
        for error in unreadable.values():
            raise error
        restored = 0
        for key, item in items.items():
            records = log.records_of_item(library.server_id, key)
            original = log.original(library.server_id, key)
            if original is not None and self.is_same(item, original, records):
                with suppress(PlexNotFound):
                    self.restore(item, original, records)
                    restored += 1
        return restored

    def is_same(self, item: PlexItem, original: Original, records: Records) -> bool:
        """Return whether the item still contains the video whose original values are stored."""
        if shares_a_file(original, item):
            return True
        self.session.library.prepare()
        self.session.library.refresh()
        for scene in self.services.scenes.read(list(records)).values():
            for match in self.session.matcher.find(scene.files).matches:
                if match.rating_key == item.rating_key and still_holds(item, match):
                    return True
        return False

    def restore(self, item: PlexItem, held: Original, records: Records) -> tuple[str, ...]:
        """Restore an item's original values.

        Return the names of fields that had to be shortened for Plex.
        """
        # If a `PlexError` or a kill interrupts the restoration, the next call restores the
        # remaining values.
        session, log = self.session, self.services.queue.sync_log
        written = written_fields(records.values(), item, held)
        values = [values for record in records.values() for values in (record.sent, record.pending)]
        ours = {
            name: [entry for sent in values for entry in sent.get(name, ())] for name in ADDITIVE
        }
        if item.collections and COLLECTIONS in written:
            session.read_smart_collections([item.section_key], 0.0)
        fields = restoring_edit(held, item, written, ours, session.facts.behaviour())
        unlocked = unlocking_edit(held, fields)
        # Restore images before locks, because Plex may lock an image that it selects.
        image_locks = self._restore_images(item, held)
        if image_locks:
            fields["images"] = image_locks
        shortened: Collection[str] = ()
        if fields:
            outcome = session.client.edit(item, fields)
            if outcome.refused:
                raise next(iter(outcome.refused.values()))
            if outcome.left_out:
                names = ", ".join(name for some in outcome.left_out.values() for name in some)
                raise PlexPermanentError(f"Plex does not take the names {names}")
            shortened = outcome.shortened
            shown = self._with_kept_names(item, fields)
            if shown is not None:
                session.facts.learn(RemovalEncoding.ONCE)
                return self.restore(shown, held, records)
        if unlocked:
            session.client.edit(item, unlocked)
        with self.services.queue.transaction():
            log.forget_item(session.library.server_id, item.rating_key)
        return tuple(shortened)

    def _with_kept_names(
        self, item: PlexItem, fields: Mapping[str, Mapping[str, str]]
    ) -> PlexItem | None:
        """Read the item back.

        Return it if it still has a tag that the plugin has removed, or else None.
        """
        removed = {
            name: names
            for name, sent in fields.items()
            if (names := set(filter(needs_decoding, removed_names(sent))))
        }
        if not removed or self.session.facts.behaviour().removal_encoding is not None:
            return None
        key = item.rating_key
        shown = self.session.client.read_items([key]).get(key, item)
        is_kept = any(names.intersection(getattr(shown, name)) for name, names in removed.items())
        return shown if is_kept else None

    def _restore_images(self, item: PlexItem, held: Original) -> dict[str, str]:
        client, log = self.session.client, self.services.queue.sync_log
        server_id, key = self.session.library.server_id, item.rating_key
        restored = list(held.get(RESTORED, []))
        locks: dict[str, str] = {}
        for kind in (POSTER, ART):
            sent = log.uploads(server_id, key, kind)
            images = client.list_images(key, kind) if sent else []
            if any(image.selected and is_ours(image, sent) for image in images):
                # Record the uploaded image at once, so that after a kill the image is not taken for
                # a user's choice.
                restored.append(kind)
                log.change_original(server_id, key, {**held, RESTORED: restored})
                other = other_image(images, sent)
                client.select_image(key, kind, other.key if other else "")
            if sent and kind in restored:
                was_locked = is_locked_in(held, IMAGE_LOCKS[kind])
                locks[f"{IMAGE_LOCKS[kind]}.locked"] = "1" if was_locked else "0"
        return locks

"""Restore Original Plex Values: writes back the values from before the first sync."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from plex.client import READ_BATCH
from plex.diff import COLLECTIONS
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexReadOnly,
    PlexTemporaryError,
)
from plex.health import check_plex_health
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexItem
from plex.matcher import still_holds
from plex.originals import (
    RETURNING,
    Original,
    is_ours,
    other_image,
    restoring_edit,
    shares_a_file,
    unlocking_edit,
    was_locked_then,
)
from sync_queue.manager import QueueManager
from sync_queue.sync_log import NO_SCENE
from sync_queue.sync_records import ItemRecord
from tasks.answer import Answer, TaskError
from tasks.arguments import scene_argument
from validation.values import counted
from worker.process.lock_handover import LockHeldError
from worker.services import Services
from worker.sync.scene_work import written_fields
from worker.sync.session import SyncSession


@dataclass(slots=True)
class _Counts:
    restored: int = 0
    gone: int = 0
    failed: int = 0
    scenes: set[int] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{counted(self.restored, 'item')} restored, {self.gone} no longer in Plex, "
            f"{self.failed} failed"
        )


def restore_values(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Restore and unlock the items of a scene, or all items; then they count as never synced."""
    scene_id = scene_argument(arguments)
    session = context.sessions.current()
    server_id = session.library.server_id
    whose = "this library" if scene_id is None else f"scene {scene_id}"
    if not context.queue.sync_log.with_original(server_id, scene_id):
        text = f"Nothing to restore: Stash2Plex has changed no item of {whose}"
        return Answer(text, data={"restored": 0})
    try:
        with context.lock_handover.hold():
            keys = context.queue.sync_log.with_original(server_id, scene_id)
            restoring = _Restoring(context, session)
            stopped_by = restoring.run(keys)
    except LockHeldError as error:
        raise TaskError(str(error)) from None
    finally:
        if context.queue.has_unfinished():
            context.ensure_worker()
    return _conclusion(context, restoring.counts, len(keys), stopped_by)


def _conclusion(
    context: Services, counts: _Counts, total: int, stopped_by: PlexError | None
) -> Answer:
    waiting = len(counts.scenes & context.queue.queued_scene_ids())
    if waiting:
        context.log.warning(
            f"{waiting} of the restored scenes are queued and will be synced again. To prevent it, "
            "switch off the setting Enabled and run this task again"
        )
    if stopped_by is not None:
        left = total - counts.restored - counts.gone - counts.failed
        message = f"{stopped_by}. {counts}, {left} left. Run the task again; it continues from here"
        raise TaskError(message)
    again = "; the next edit of a scene syncs it again" if counts.restored else ""
    return Answer(f"{counts}{again}", data={"restored": counts.restored})


class _Restoring:
    """Restores items in batches."""

    def __init__(self, context: Services, session: SyncSession) -> None:
        self.counts = _Counts()
        self._context = context
        self._session = session
        self._log = context.queue.sync_log
        self._server_id = session.library.server_id

    def run(self, keys: list[int]) -> PlexError | None:
        """Restore the items; return the error that stopped it, or None."""
        for start in range(0, len(keys), READ_BATCH):
            batch = keys[start : start + READ_BATCH]
            try:
                items, unreadable = self._session.library.read_items(batch)
                for key in batch:
                    if key in unreadable:
                        records = self._log.records_of_item(self._server_id, key)
                        self._failed(f"Item {key}", records, unreadable[key])
                    else:
                        self._restore(key, items.get(key))
            except PlexError as error:
                return error
            self._context.log.progress(min(1.0, (start + READ_BATCH) / len(keys)))
        return None

    def _restore(self, key: int, item: PlexItem | None) -> None:
        held = self._log.original(self._server_id, key)
        records = self._log.records_of_item(self._server_id, key)
        if item is None or held is None or not self._is_the_same(item, held, records):
            self.counts.gone += 1
            return
        try:
            shortened = _restore_item(self._session, self._context.queue, item, held, records)
        except PlexNotFound:
            self.counts.gone += 1
        except (PlexPermanentError, PlexReadOnly, PlexTemporaryError) as error:
            self._failed(f"'{item.title}', the item", records, error)
        else:
            self.counts.restored += 1
            self.counts.scenes.update(records.keys() - {NO_SCENE})
            if shortened:
                self._context.log.warning(
                    f"'{item.title}': {', '.join(shortened)} is too long for a request to Plex, so "
                    "only its beginning was restored. Add the rest in Plex"
                )

    def _failed(self, item: str, records: Mapping[int, ItemRecord], error: PlexError) -> None:
        sick = isinstance(error, PlexReadOnly | PlexTemporaryError)
        if sick and not check_plex_health(self._session.client).healthy:
            raise error
        self.counts.failed += 1
        known = records.keys() - {NO_SCENE}
        scenes = ", ".join(f"scene {scene_id}" for scene_id in known) or "a scene that is gone"
        self._context.log.warning(
            f"{item} of {scenes}, was not restored: {error}. Run the task again"
        )

    def _is_the_same(
        self, item: PlexItem, held: Original, records: Mapping[int, ItemRecord]
    ) -> bool:
        """Tell whether the item is still the video that was synced.

        It has an original file, or it matches a file of the synced scene, which may be renamed.
        """
        if shares_a_file(held, item):
            return True
        self._session.library.prepare()
        self._session.library.refresh()
        scenes = self._context.scenes.read(list(records))
        matches = [
            match
            for scene in scenes.values()
            for match in self._session.matcher.find_by_path(scene.files).matches
            if match.rating_key == item.rating_key
        ]
        if any(still_holds(item, match) for match in matches):
            return True
        self._context.log.warning(
            f"'{item.title}' has the key of a synced item, but other files: not restored"
        )
        return False


def _restore_item(
    session: SyncSession,
    queue: QueueManager,
    item: PlexItem,
    held: Original,
    records: Mapping[int, ItemRecord],
) -> tuple[str, ...]:
    """Restore the original values of an item, then forget it; return the fields that were cut.

    This may be called again after a kill. After a `PlexError` the item is not forgotten.
    """
    written = written_fields(records.values(), item, held)
    values = [values for record in records.values() for values in (record.sent, record.pending)]
    collections = [name for sent in values for name in sent.get(COLLECTIONS, [])]
    fields = restoring_edit(held, item, written, collections, session.facts.behaviour())
    unlocked = unlocking_edit(held, fields)
    # The images come first, because selecting one may set the lock that the edit then removes.
    image_locks = _restore_images(session, queue, item, held)
    if image_locks:
        fields["images"] = image_locks
    shortened: Collection[str] = ()
    if fields:
        outcome = session.client.edit(item, fields)
        if outcome.refused:
            raise next(iter(outcome.refused.values()))
        if outcome.left_out:
            names = ", ".join(name for some in outcome.left_out.values() for name in some)
            message = f"Plex does not take the names {names}"
            raise PlexPermanentError(message)
        shortened = outcome.shortened
    if unlocked:
        session.client.edit(item, unlocked)
    with queue.transaction():
        queue.sync_log.forget_item(session.library.server_id, item.rating_key)
    return tuple(shortened)


def _restore_images(
    session: SyncSession, queue: QueueManager, item: PlexItem, held: Original
) -> dict[str, str]:
    """Replace shown images that the plugin uploaded; return the parameters for their locks.

    An image that a user selected since stays, and so does its lock.
    """
    client, log = session.client, queue.sync_log
    server_id, key = session.library.server_id, item.rating_key
    returning = list(held.get(RETURNING, []))
    locks: dict[str, str] = {}
    for kind in (POSTER, ART):
        sent = log.uploads(server_id, key, kind)
        if not sent:
            continue
        images = client.list_images(key, kind)
        if any(image.selected and is_ours(image, sent) for image in images):
            # After a kill the next run could not tell the selected image from a user's choice.
            returning.append(kind)
            log.change_original(server_id, key, {**held, RETURNING: returning})
            other = other_image(images, sent)
            if other is None:
                client.deselect_image(key, kind)
            else:
                client.select_image(key, kind, other.key)
        if kind in returning:
            was_locked = was_locked_then(held, IMAGE_LOCKS[kind])
            locks[f"{IMAGE_LOCKS[kind]}.locked"] = "1" if was_locked else "0"
    return locks

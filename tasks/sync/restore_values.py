"""The task Restore Plex Values, which restores the values from before the first sync."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from plex.client import READ_BATCH
from plex.diff import ADDITIVE
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
    is_locked_in,
    is_ours,
    other_image,
    restoring_edit,
    shares_a_file,
    unlocking_edit,
)
from reconciliation.safety_limits import CONFIRMATION_HOURS
from shared.state_file import parse_count, parse_moment, read_state, write_state
from sync_queue.manager import QueueManager
from sync_queue.sync_log import NO_SCENE
from sync_queue.sync_records import ItemRecord
from tasks.answer import Answer, Level, TaskError
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.scene_work import written_fields
from worker.sync.session import SyncSession

# A second start within this time is a double click and not a confirmation.
_READING_TIME = 3.0
# Between the two starts, edits may increase the number of items by at most this factor.
_SLACK = 1.2
_Records = Mapping[int, ItemRecord]


def restore_values(services: Services, *, scene_id: int | None) -> Answer:
    """Restore the values and locks of a scene's items, or of all items.

    Restored items count as never synced. Without a scene, the first start only asks for a
    confirmation, and a second start restores all items.
    """
    session = services.sessions.current()
    server_id, sync_log = session.library.server_id, services.queue.sync_log
    keys = sync_log.with_original(server_id, scene_id)
    if not keys:
        whose = "this library" if scene_id is None else f"scene {scene_id}"
        text = f"Nothing to restore: Stash2Plex has changed no item of {whose}"
        return Answer(text, data={"restored": 0})
    question = _question(services, server_id, keys) if scene_id is None else None
    if question is not None:
        return question
    restoring = _Restoring(services, session)
    try:
        with services.hold_worker_lock():
            keys = sync_log.with_original(server_id, scene_id)
            stopped_by = restoring.run(keys)
    finally:
        if services.queue.has_unfinished():
            services.ensure_worker()
    waiting = len(restoring.scenes & services.queue.queued_scene_ids())
    if waiting:
        services.log.warning(
            f"{waiting} of the restored scenes are queued and will be synced again. To prevent it, "
            "switch off the setting Enabled and run this task again"
        )
    if stopped_by is not None:
        raise TaskError(
            f"{stopped_by}. {restoring.counts()}, {len(keys) - restoring.done} left. Run the task "
            "again; it continues from here"
        )
    if not restoring.failed:
        write_state(services.folder.restore_question, {})
    again = "; the next edit of a scene syncs it again" if restoring.restored else ""
    return Answer(f"{restoring.counts()}{again}", data={"restored": restoring.restored})


def _question(services: Services, server_id: str, keys: list[int]) -> Answer | None:
    """Ask whether to restore these items. Return None if the user has confirmed it.

    A run may continue after an error, so a confirmation is valid until all items are restored.
    """
    path, now = services.folder.restore_question, services.clock()
    asked = read_state(path, services.log.event, now)
    age = now - (parse_moment(asked.get("at")) or 0.0)
    is_similar = len(keys) <= _SLACK * (parse_count(asked.get("items")) or 0)
    if is_similar and _READING_TIME <= age <= CONFIRMATION_HOURS * 3600:
        return None
    write_state(path, {"at": now, "items": len(keys)})
    of_scenes = services.queue.sync_log.digests(server_id).values()
    scenes = sum(not items.keys().isdisjoint(keys) for items in of_scenes)
    return Answer(
        f"This would undo the sync of {counted(scenes, 'scene')}: {counted(len(keys), 'item')} in "
        "Plex would get the values from before the first sync. Nothing was changed. To confirm, "
        f"run the same task again within {CONFIRMATION_HOURS:.0f} hours",
        data={"restored": 0, "asks": True, "scenes": scenes, "items": len(keys)},
        level=Level.WARNING,
    )


@dataclass
class _Restoring:
    services: Services
    session: SyncSession
    restored: int = 0
    gone: int = 0
    failed: int = 0
    scenes: set[int] = field(default_factory=set)

    def counts(self) -> str:
        others = counts_text(((self.gone, "no longer in Plex"), (self.failed, "failed")))
        return f"{counted(self.restored, 'item')} restored{others and f', {others}'}"

    @property
    def done(self) -> int:
        return self.restored + self.gone + self.failed

    def run(self, keys: list[int]) -> PlexError | None:
        library, sync_log = self.session.library, self.services.queue.sync_log
        for start in range(0, len(keys), READ_BATCH):
            batch = keys[start : start + READ_BATCH]
            try:
                items, unreadable = library.read_items(batch)
                for key in batch:
                    records = sync_log.records_of_item(library.server_id, key)
                    if key in unreadable:
                        self._fail(f"Item {key}", records, unreadable[key])
                    else:
                        original = sync_log.original(library.server_id, key)
                        self._restore(items.get(key), original, records)
            except PlexError as error:
                return error
            self.services.log.progress(min(1.0, (start + READ_BATCH) / len(keys)))
        return None

    def _restore(self, item: PlexItem | None, original: Original | None, records: _Records) -> None:
        if item is None or original is None or not self._is_same(item, original, records):
            self.gone += 1
            return
        try:
            shortened = _restore_item(self.session, self.services.queue, item, original, records)
        except PlexNotFound:
            self.gone += 1
        except (PlexPermanentError, PlexReadOnly, PlexTemporaryError) as error:
            self._fail(f"'{item.title}', the item", records, error)
        else:
            self.restored += 1
            self.scenes |= records.keys() - {NO_SCENE}
            if shortened:
                self.services.log.warning(
                    f"'{item.title}': {', '.join(shortened)} is too long for one request: Plex has "
                    "only the beginning. Add the rest in Plex"
                )

    def _fail(self, item: str, records: _Records, error: PlexError) -> None:
        """Count and log an item that was not restored. Raise the error if Plex has failed."""
        may_be_down = isinstance(error, PlexReadOnly | PlexTemporaryError)
        if may_be_down and not check_plex_health(self.session.client).healthy:
            raise error
        self.failed += 1
        known = records.keys() - {NO_SCENE}
        scenes = ", ".join(f"scene {scene_id}" for scene_id in known) or "a deleted scene"
        self.services.log.warning(
            f"{item} of {scenes}, was not restored: {error}. Run the task again"
        )

    def _is_same(self, item: PlexItem, original: Original, records: _Records) -> bool:
        """Return whether the item still contains the synced video.

        The item must have one of its original files, or match a file of the synced scene.
        """
        if shares_a_file(original, item):
            return True
        self.session.library.prepare()
        self.session.library.refresh()
        for scene in self.services.scenes.read(list(records)).values():
            for match in self.session.matcher.find_by_path(scene.files).matches:
                if match.rating_key == item.rating_key and still_holds(item, match):
                    return True
        self.services.log.warning(
            f"'{item.title}' has the key of a synced item, but other files: not restored"
        )
        return False


def _restore_item(
    session: SyncSession,
    queue: QueueManager,
    item: PlexItem,
    held: Original,
    records: _Records,
) -> tuple[str, ...]:
    """Restore an item and delete its records. Return the fields whose values had to be cut.

    After a `PlexError` or a kill, the records still exist, and a second call restores the rest.
    """
    written = written_fields(records.values(), item, held)
    values = [values for record in records.values() for values in (record.sent, record.pending)]
    ours = {name: [entry for sent in values for entry in sent.get(name, ())] for name in ADDITIVE}
    fields = restoring_edit(held, item, written, ours, session.facts.behaviour())
    unlocked = unlocking_edit(held, fields)
    # The images are restored first, because their selection may set a lock that the edit removes.
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
            raise PlexPermanentError(f"Plex does not take the names {names}")
        shortened = outcome.shortened
    if unlocked:
        session.client.edit(item, unlocked)
    with queue.transaction():
        queue.sync_log.forget_item(session.library.server_id, item.rating_key)
    return tuple(shortened)


def _restore_images(
    session: SyncSession, queue: QueueManager, item: PlexItem, held: Original
) -> dict[str, str]:
    """Replace current images that the plugin uploaded. Return the parameters of their locks.

    An image that a user has selected since the sync is not replaced, and stays locked.
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
            # Without this record, a run after a kill could take the selected image for a user's
            # choice.
            returning.append(kind)
            log.change_original(server_id, key, {**held, RETURNING: returning})
            other = other_image(images, sent)
            if other is None:
                client.deselect_image(key, kind)
            else:
                client.select_image(key, kind, other.key)
        if kind in returning:
            was_locked = is_locked_in(held, IMAGE_LOCKS[kind])
            locks[f"{IMAGE_LOCKS[kind]}.locked"] = "1" if was_locked else "0"
    return locks

"""The task Restore Plex Values, which restores the values from before the first sync."""

from dataclasses import dataclass, field

from plex.client import READ_BATCH
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexReadOnly,
    PlexTemporaryError,
)
from plex.health import check_plex_health
from plex.items import PlexItem
from plex.originals import Original
from reconciliation.safety_limits import CONFIRMATION_HOURS
from shared.state_file import parse_count, parse_moment, read_state, write_state
from sync_queue.sync_log import NO_SCENE
from tasks.answer import Answer, Level, TaskError
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.restoration import Records, Restoration
from worker.sync.session import SyncSession

# A second start within three seconds is a double click and not a confirmation.
_READING_TIME = 3.0
# Edits after the question may increase the number of items. A larger increase needs a new
# confirmation.
_SLACK = 1.2


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

    def __post_init__(self) -> None:
        self.restoration = Restoration(self.services, self.session)

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

    def _restore(self, item: PlexItem | None, original: Original | None, records: Records) -> None:
        if item is None or original is None or not self._is_same(item, original, records):
            self.gone += 1
            return
        try:
            shortened = self.restoration.restore(item, original, records)
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

    def _fail(self, item: str, records: Records, error: PlexError) -> None:
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

    def _is_same(self, item: PlexItem, original: Original, records: Records) -> bool:
        if self.restoration.is_same(item, original, records):
            return True
        self.services.log.warning(
            f"'{item.title}' has the key of a synced item, but other files: not restored"
        )
        return False

from collections.abc import Callable, Collection
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
from plex.originals import Original, removed_locks
from reconciliation.safety_limits import CONFIRMATION_HOURS
from shared.state_file import parse_count, parse_moment, read_state, write_state
from sync_queue.operations import get_queued_scene_ids
from sync_queue.sync_log import NO_SCENE
from tasks.answer import Answer, Level, TaskError
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.restoration import Records, Restoration
from worker.sync.scene_work import written_fields
from worker.sync.session import SyncSession

# Two clicks within three seconds are a double click, so the second click does not confirm the task.
_READING_TIME = 3.0
# The user confirms the number of items. If the number has grown by over 20 %, the task asks again.
_SLACK = 1.2


def restore_values(services: Services, *, scene_id: int | None) -> Answer:
    session = services.sessions.current()
    return _ItemTask(
        services,
        session,
        do="restore",
        done="restored",
        effect="This would undo the sync of {scenes}: {items} in Plex would get the values from "
        "before the first sync",
        afterwards="If you edit a restored scene in Stash, the plugin syncs the scene again",
        question_path=services.folder.restore_question,
        change=Restoration(services, session).restore,
    ).start(scene_id)


def unlock_fields(services: Services, *, scene_id: int | None) -> Answer:
    session = services.sessions.current()

    def unlock(item: PlexItem, original: Original, records: Records) -> tuple[str, ...]:
        fields = removed_locks(original, written_fields(records.values(), item, original))
        if fields:
            for error in session.client.edit(item, fields).refused.values():
                raise error
        return ()

    return _ItemTask(
        services,
        session,
        do="unlock",
        done="unlocked",
        effect="This would unlock the fields of {items} in Plex, for {scenes} in Stash. The values "
        "would stay, but a refresh in Plex may then replace them",
        afterwards="The next sync of a scene locks its fields again",
        question_path=services.folder.unlock_question,
        change=unlock,
    ).start(scene_id)


@dataclass
class _ItemTask:
    services: Services
    session: SyncSession
    do: str
    done: str
    effect: str
    afterwards: str
    question_path: str
    # Returns the names of the fields whose text was too long for Plex and was shortened.
    change: Callable[[PlexItem, Original, Records], Collection[str]]
    changed: int = 0
    gone: int = 0
    failed: int = 0
    scenes: set[int] = field(default_factory=set)

    def start(self, scene_id: int | None) -> Answer:
        services, server_id = self.services, self.session.library.server_id
        queue = services.queue
        keys = queue.sync_log.with_original(server_id, scene_id)
        if not keys:
            whose = "this library" if scene_id is None else f"scene {scene_id}"
            text = f"Nothing to {self.do}: Stash2Plex has changed no item of {whose}"
            return Answer(text, data={self.done: 0})
        if scene_id is None and not self._is_confirmed(len(keys)):
            return self._ask(keys)
        with services.hold_worker_lock():
            keys = queue.sync_log.with_original(server_id, scene_id)
            stopped_by = self._change_all(keys)
        waiting = len(self.scenes & get_queued_scene_ids(queue.connection))
        if waiting:
            services.log.warning(
                f"{counted(waiting, f'{self.done} scene')} in the queue will be synced again, "
                "which undoes this task. If you do not want this, switch off the setting Enabled, "
                "then run this task again"
            )
        failed = (self.failed, "failed (the warnings in the log say why)")
        rest = counts_text(((self.gone, "no longer in Plex"), failed))
        counts = f"{counted(self.changed, 'item')} {self.done}{rest and f', {rest}'}"
        if stopped_by is not None:
            left = len(keys) - self.changed - self.gone - self.failed
            raise TaskError(
                f"{stopped_by}. {counts}, {left} left. Run the task again later; it continues "
                "where it stopped"
            )
        if not self.failed:
            # After an error, the confirmation stays valid, so the next start does not ask again.
            write_state(self.question_path, {})
        afterwards = f". {self.afterwards}" if self.changed else ""
        return Answer(f"{counts}{afterwards}", data={self.done: self.changed})

    def _is_confirmed(self, items: int) -> bool:
        now = self.services.clock()
        asked = read_state(self.question_path, self.services.log.event, now)
        age = now - (parse_moment(asked.get("at")) or 0.0)
        is_similar = items <= _SLACK * (parse_count(asked.get("items")) or 0)
        return is_similar and _READING_TIME <= age <= CONFIRMATION_HOURS * 3600

    def _ask(self, keys: list[int]) -> Answer:
        write_state(self.question_path, {"at": self.services.clock(), "items": len(keys)})
        digests = self.services.queue.sync_log.digests(self.session.library.server_id)
        scenes = sum(not items.keys().isdisjoint(keys) for items in digests.values())
        numbers = {"scenes": counted(scenes, "scene"), "items": counted(len(keys), "item")}
        return Answer(
            f"{self.effect.format(**numbers)}. Nothing was changed. To confirm, run the same task "
            f"again within {CONFIRMATION_HOURS:.0f} hours",
            data={self.done: 0, "asks": True, "scenes": scenes, "items": len(keys)},
            level=Level.WARNING,
        )

    def _change_all(self, keys: list[int]) -> PlexError | None:
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
                        self._change(items.get(key), original, records)
            except PlexError as error:
                return error
            self.services.log.progress(min(1.0, (start + READ_BATCH) / len(keys)))
        return None

    def _change(self, item: PlexItem | None, original: Original | None, records: Records) -> None:
        if item is None or original is None:
            self.gone += 1
            return
        if not Restoration(self.services, self.session).is_same(item, original, records):
            self.gone += 1
            self.services.log.warning(
                f'The item "{item.title}" was not {self.done}, because it now has other files in '
                "Plex than at its sync"
            )
            return
        try:
            shortened = self.change(item, original, records)
        except PlexNotFound:
            self.gone += 1
        except (PlexPermanentError, PlexReadOnly, PlexTemporaryError) as error:
            self._fail(f'The item "{item.title}"', records, error)
        else:
            self.changed += 1
            self.scenes |= records.keys() - {NO_SCENE}
            if shortened:
                self.services.log.warning(
                    f"'{item.title}': {', '.join(shortened)} is too long for one request: Plex has "
                    "only the beginning. Add the rest in Plex"
                )

    def _fail(self, item: str, records: Records, error: PlexError) -> None:
        """Count and log an item that could not be changed.

        If Plex is down, raise the error instead.
        """
        may_be_down = isinstance(error, PlexReadOnly | PlexTemporaryError)
        if may_be_down and not check_plex_health(self.session.client).healthy:
            raise error
        self.failed += 1
        known = records.keys() - {NO_SCENE}
        scenes = ", ".join(f"scene {scene_id}" for scene_id in known) or "a deleted scene"
        problem = f"{item} of {scenes} was not {self.done}"
        self.services.log.warning(f"{problem}: {error}. Run the task again")

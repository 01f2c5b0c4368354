"""Changes the items that the plugin has written to, after the user's confirmation."""

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
from plex.originals import Original
from reconciliation.safety_limits import CONFIRMATION_HOURS
from shared.state_file import parse_count, parse_moment, read_state, write_state
from sync_queue.operations import get_queued_scene_ids
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


@dataclass(frozen=True, slots=True)
class ItemTask:
    """A task that changes items after a question to the user.

    Attributes:
        do: a verb, such as "restore".
        done: the past participle of the verb, such as "restored".
        effect: the part of the question that says what happens to the items.
        afterwards: a sentence about the next sync of a scene, shown at the end.
        question: the path of the file that stores the unconfirmed question.
        change: changes an item, and returns the fields that had to be shortened.
    """

    do: str
    done: str
    effect: str
    afterwards: str
    question: str
    change: Callable[[PlexItem, Original, Records], Collection[str]]


def change_items(
    services: Services, session: SyncSession, task: ItemTask, scene_id: int | None
) -> Answer:
    """Change a scene's items, or all items.

    Without a scene, the first start only asks for a confirmation, and a second start changes all
    items.
    """
    server_id, sync_log = session.library.server_id, services.queue.sync_log
    keys = sync_log.with_original(server_id, scene_id)
    if not keys:
        whose = "this library" if scene_id is None else f"scene {scene_id}"
        text = f"Nothing to {task.do}: Stash2Plex has changed no item of {whose}"
        return Answer(text, data={task.done: 0})
    question = _question(services, server_id, keys, task) if scene_id is None else None
    if question is not None:
        return question
    run = _Run(services, session, task)
    try:
        with services.hold_worker_lock():
            keys = sync_log.with_original(server_id, scene_id)
            stopped_by = run.run(keys)
    finally:
        if services.queue.has_unfinished():
            services.ensure_worker()
    waiting = len(run.scenes & get_queued_scene_ids(services.queue.connection))
    if waiting:
        services.log.warning(
            f"{counted(waiting, f'{task.done} scene')} waiting in the queue will be synced again. "
            "To prevent the sync, switch off the setting Enabled and run this task again"
        )
    if stopped_by is not None:
        raise TaskError(
            f"{stopped_by}. {run.counts()}, {len(keys) - run.seen} left. Run the task again; it "
            "continues from here"
        )
    if not run.failed:
        write_state(task.question, {})
    afterwards = f"; {task.afterwards}" if run.done else ""
    return Answer(f"{run.counts()}{afterwards}", data={task.done: run.done})


def _question(services: Services, server_id: str, keys: list[int], task: ItemTask) -> Answer | None:
    """Ask whether to change these items. Return None if the user has confirmed it.

    If a run stops with an error, the user can start the task again to change the remaining items. A
    confirmation is therefore valid until all items are changed.
    """
    path, now = task.question, services.clock()
    asked = read_state(path, services.log.event, now)
    age = now - (parse_moment(asked.get("at")) or 0.0)
    is_similar = len(keys) <= _SLACK * (parse_count(asked.get("items")) or 0)
    if is_similar and _READING_TIME <= age <= CONFIRMATION_HOURS * 3600:
        return None
    write_state(path, {"at": now, "items": len(keys)})
    of_scenes = services.queue.sync_log.digests(server_id).values()
    scenes = sum(not items.keys().isdisjoint(keys) for items in of_scenes)
    return Answer(
        f"{task.effect.format(scenes=counted(scenes, 'scene'), items=counted(len(keys), 'item'))}. "
        "Nothing was changed. To confirm, run the same task again within "
        f"{CONFIRMATION_HOURS:.0f} hours",
        data={task.done: 0, "asks": True, "scenes": scenes, "items": len(keys)},
        level=Level.WARNING,
    )


@dataclass
class _Run:
    services: Services
    session: SyncSession
    task: ItemTask
    done: int = 0
    gone: int = 0
    failed: int = 0
    scenes: set[int] = field(default_factory=set)

    def counts(self) -> str:
        others = counts_text(((self.gone, "no longer in Plex"), (self.failed, "failed")))
        return f"{counted(self.done, 'item')} {self.task.done}{others and f', {others}'}"

    @property
    def seen(self) -> int:
        return self.done + self.gone + self.failed

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
                        self._change(items.get(key), original, records)
            except PlexError as error:
                return error
            self.services.log.progress(min(1.0, (start + READ_BATCH) / len(keys)))
        return None

    def _change(self, item: PlexItem | None, original: Original | None, records: Records) -> None:
        if item is None or original is None or not self._is_same(item, original, records):
            self.gone += 1
            return
        try:
            shortened = self.task.change(item, original, records)
        except PlexNotFound:
            self.gone += 1
        except (PlexPermanentError, PlexReadOnly, PlexTemporaryError) as error:
            self._fail(f"'{item.title}', the item", records, error)
        else:
            self.done += 1
            self.scenes |= records.keys() - {NO_SCENE}
            if shortened:
                self.services.log.warning(
                    f"'{item.title}': {', '.join(shortened)} is too long for one request: Plex has "
                    "only the beginning. Add the rest in Plex"
                )

    def _fail(self, item: str, records: Records, error: PlexError) -> None:
        """Count and log an item that was not changed. Raise the error if Plex has failed."""
        may_be_down = isinstance(error, PlexReadOnly | PlexTemporaryError)
        if may_be_down and not check_plex_health(self.session.client).healthy:
            raise error
        self.failed += 1
        known = records.keys() - {NO_SCENE}
        scenes = ", ".join(f"scene {scene_id}" for scene_id in known) or "a deleted scene"
        self.services.log.warning(
            f"{item} of {scenes}, was not {self.task.done}: {error}. Run the task again"
        )

    def _is_same(self, item: PlexItem, original: Original, records: Records) -> bool:
        if Restoration(self.services, self.session).is_same(item, original, records):
            return True
        self.services.log.warning(
            f"'{item.title}' was not {self.task.done}, because a synced item with the same key had "
            "other files"
        )
        return False

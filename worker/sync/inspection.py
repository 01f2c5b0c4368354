"""Finds out what a sync of scenes would change, without writing: for tasks and reconciliation."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from plex.client import READ_BATCH
from plex.diff import ItemEdit
from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.server_facts import Behaviour
from sync_queue.sync_records import SceneRecord
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.cover_sync import Target, may_differ, targets_of
from worker.sync.item_finder import ItemFinder
from worker.sync.results import SYNCED
from worker.sync.scene_work import ItemMemory, SceneWork, lacks_metadata, plan_item
from worker.sync.session import SyncSession


class Inspection(NamedTuple):
    """A scene, and what a sync would change."""

    scene: StashScene
    desired: SceneMetadata
    lacks_metadata: bool = False  # then the scene is not synced, and the rest is unknown
    edits: tuple[tuple[PlexItem, ItemEdit], ...] = ()  # an edit may be empty
    # Items with the kinds of image that would only be locked.
    unlocked: tuple[tuple[PlexItem, tuple[str, ...]], ...] = ()
    cover_for: tuple[str, ...] = ()  # kinds of image for which the cover would be read
    elsewhere: tuple[str, ...] = ()  # texts: the scenes that its other items show
    unseen: bool = False  # Plex lists an item of the scene, but did not return it
    synced_before: bool = False
    error: PlexError | None = None  # why the scene has no item

    @property
    def image_reasons(self) -> tuple[str, ...]:
        """Why its images would be read or locked, for a histogram."""
        locks = {f"{kind} not locked": None for _, kinds in self.unlocked for kind in kinds}
        return (*(("cover to compare",) if self.cover_for else ()), *locks)


def inspect_scenes(
    services: Services,
    session: SyncSession,
    scenes: Collection[StashScene],
    batch: int = READ_BATCH,
) -> list[Inspection]:
    """Return what a sync of each scene would change; one request reads `batch` items.

    After a `PlexError` or `StashError` nothing is known about any of the scenes.
    """
    log = services.queue.sync_log
    last = log.scenes([scene.id for scene in scenes])
    works = {
        scene.id: SceneWork([], scene, project(scene, session.config))
        for scene in scenes
        if scene.files and not lacks_metadata(scene, last.get(scene.id))
    }
    ItemFinder(services, session, batch=batch, forgets=False).find(list(works.values()))
    memory = ItemMemory.of(log, session.library.server_id, works.values())
    behaviour = session.facts.behaviour()
    preserve = session.config.preserve_plex_edits
    return [
        _inspection(works[scene.id], last.get(scene.id), memory, behaviour, preserve=preserve)
        if scene.id in works
        else Inspection(
            scene,
            project(scene, session.config),
            lacks_metadata=bool(scene.files),
            synced_before=_was_synced(last.get(scene.id)),
        )
        for scene in scenes
    ]


def _inspection(
    work: SceneWork,
    last: SceneRecord | None,
    memory: ItemMemory,
    behaviour: Behaviour,
    *,
    preserve: bool,
) -> Inspection:
    plans = [
        (item, plan_item(work, item, memory, behaviour, preserve=preserve)) for item in work.items
    ]
    records = {item: plan.last for item, plan in plans}
    targets = targets_of(work.desired, records, behaviour, preserve=preserve)
    reads_cover = bool(targets) and may_differ(work.scene, targets, last)
    return Inspection(
        work.scene,
        work.desired,
        edits=tuple((item, plan.edit) for item, plan in plans),
        unlocked=_unlocked(targets),
        cover_for=tuple(dict.fromkeys(t.kind for t in targets)) if reads_cover else (),
        elsewhere=tuple(work.elsewhere),
        unseen=work.unseen,
        synced_before=_was_synced(last),
        error=work.error,
    )


def _was_synced(last: SceneRecord | None) -> bool:
    return last is not None and last.outcome == SYNCED


def _unlocked(targets: Sequence[Target]) -> tuple[tuple[PlexItem, tuple[str, ...]], ...]:
    found: dict[PlexItem, tuple[str, ...]] = {}
    for target in targets:
        if target.lacks_lock:
            found[target.item] = (*found.get(target.item, ()), target.kind)
    return tuple(found.items())

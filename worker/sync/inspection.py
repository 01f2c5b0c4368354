from collections.abc import Collection
from typing import NamedTuple

from plex.client import READ_BATCH
from plex.diff import ItemEdit
from plex.exceptions import PlexError
from plex.items import PlexItem
from sync_queue.sync_log import SceneRecord
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import StashScene
from validation.selection import RESTORE, why_not_selected
from worker.services import Services
from worker.sync.cover_sync import may_differ, targets_of
from worker.sync.item_finder import ItemFinder
from worker.sync.results import SYNCED
from worker.sync.scene_work import EditPlanner, SceneWork, lacks_metadata
from worker.sync.session import SyncSession


class Inspection(NamedTuple):
    scene: StashScene
    desired: SceneMetadata
    not_selected: str = ""
    lacks_metadata: bool = False
    edits: tuple[tuple[PlexItem, ItemEdit], ...] = ()
    unlocked_images: tuple[tuple[PlexItem, tuple[str, ...]], ...] = ()
    cover_for: tuple[str, ...] = ()  # the kinds of Plex images to compare with the scene's cover
    elsewhere: tuple[str, ...] = ()
    unseen: bool = False
    synced_before: bool = False
    error: PlexError | None = None
    restores: bool = False

    @property
    def image_reasons(self) -> tuple[str, ...]:
        locks = {f"{kind} not locked": None for _, kinds in self.unlocked_images for kind in kinds}
        return (*(("cover to compare",) if self.cover_for else ()), *locks)


def inspect_scenes(
    services: Services,
    session: SyncSession,
    scenes: Collection[StashScene],
    batch: int = READ_BATCH,
) -> list[Inspection]:
    log, config = services.queue.sync_log, session.config
    last = log.scenes([scene.id for scene in scenes])
    rejections = {scene.id: why_not_selected(scene, config) for scene in scenes}
    works = {
        scene.id: SceneWork([], scene, project(scene, config))
        for scene in scenes
        if scene.files
        and not rejections[scene.id]
        and not lacks_metadata(scene, last.get(scene.id), config)
    }
    ItemFinder(services, session, batch=batch, is_preview=True).find(list(works.values()))
    planner = EditPlanner.of(log, session, works.values())
    found = []
    for scene in scenes:
        work, record = works.get(scene.id), last.get(scene.id)
        if work is None:
            rejection, desired = rejections[scene.id], project(scene, config)
            inspection = Inspection(scene, desired, rejection, bool(scene.files) and not rejection)
            if rejection and scene.files and config.when_not_selected == RESTORE:
                keys = log.with_original(session.library.server_id, scene.id)
                inspection = inspection._replace(restores=bool(keys))
        else:
            inspection = _inspection(work, record, planner)
        is_synced = record is not None and (record.outcome == SYNCED or inspection.restores)
        found.append(inspection._replace(synced_before=is_synced))
    return found


def _inspection(work: SceneWork, last: SceneRecord | None, planner: EditPlanner) -> Inspection:
    plans = [(item, planner.plan(work, item)) for item in work.items]
    records = {item: plan.last for item, plan in plans}
    targets = targets_of(work.desired, records, planner)
    reads_cover = bool(targets) and may_differ(work.scene, targets, last)
    unlocked: dict[PlexItem, tuple[str, ...]] = {}
    for target in targets:
        if target.lacks_lock:
            unlocked[target.item] = (*unlocked.get(target.item, ()), target.kind)
    return Inspection(
        work.scene,
        work.desired,
        edits=tuple((item, plan.edit) for item, plan in plans),
        unlocked_images=tuple(unlocked.items()),
        cover_for=tuple(dict.fromkeys(t.kind for t in targets)) if reads_cover else (),
        elsewhere=tuple(work.elsewhere),
        unseen=work.unseen,
        error=work.error,
    )

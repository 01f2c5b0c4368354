"""What a sync of scenes would do now, without doing it: for the preview and for reconciliation."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from plex.diff import ItemEdit
from plex.exceptions import PlexError
from plex.item_reader import READ_BATCH
from plex.items import PlexItem
from plex.server_facts import UNKNOWN
from sync_queue.sync_records import ItemRecord, SceneRecord
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.cover_sync import Target, may_differ, targets_of
from worker.sync.item_finder import ItemFinder
from worker.sync.results import SYNCED
from worker.sync.scene_work import ItemMemory, SceneWork, lacks_metadata, plan_item
from worker.sync.session import SyncSession


class Inspection(NamedTuple):
    """One scene, and what a sync would do with it.

    Attributes:
        desired: what Plex shall show of it.
        lacks_metadata: nobody has identified it yet, so it is left alone and nothing else is known.
        edits: its items, each with what it would be sent, which may be nothing.
        unlocked: item → images that would only be locked.
        cover_for: the kinds of image for which its cover would be looked at.
        elsewhere: which other scenes its other items show.
        unseen: Plex lists an item of it but did not show it.
        synced_before: whether it was ever sent to Plex.
        error: why it has no item.
    """

    scene: StashScene
    desired: SceneMetadata
    lacks_metadata: bool = False
    edits: tuple[tuple[PlexItem, ItemEdit], ...] = ()
    unlocked: tuple[tuple[PlexItem, tuple[str, ...]], ...] = ()
    cover_for: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    unseen: bool = False
    synced_before: bool = False
    error: PlexError | None = None

    @property
    def image_reasons(self) -> tuple[str, ...]:
        """Why its images have to be looked at, for a histogram; empty when they need not."""
        locks = {f"{kind} not locked": None for _, kinds in self.unlocked for kind in kinds}
        return (*(("cover to compare",) if self.cover_for else ()), *locks)


class SceneInspector:
    """Goes through the stages of a sync, up to the point where something would be sent.

    Args:
        services: the objects of this process.
        session: settings and Plex; its library is prepared.
        batch: how many items are read at once.
    """

    def __init__(
        self, services: Services, session: SyncSession, *, batch: int = READ_BATCH
    ) -> None:
        self._session = session
        self._log = services.queue.sync_log
        self._preserve = session.config.preserve_plex_edits
        self._server_id = session.library.server_id
        self._behaviour = UNKNOWN
        self._finder = ItemFinder(
            session, self._log, services.scenes.read, services.log.event, batch=batch, forgets=False
        )

    def inspect(self, scenes: Collection[StashScene]) -> list[Inspection]:
        """Find out what would be done with these scenes, with few requests for all of them.

        Raises:
            PlexError, StashError: a side could not be asked, so nothing was found out.
        """
        records = self._log.scenes([scene.id for scene in scenes])
        work = {
            scene.id: SceneWork([], scene, project(scene, self._session.config))
            for scene in scenes
            if scene.files and not lacks_metadata(scene, records.get(scene.id))
        }
        self._finder.find(list(work.values()))
        memory = ItemMemory.of(self._log, self._server_id, work.values())
        self._behaviour = self._session.facts.behaviour()
        return [
            self._of(scene, work.get(scene.id), records.get(scene.id), memory) for scene in scenes
        ]

    def _of(
        self,
        scene: StashScene,
        work: SceneWork | None,
        last: SceneRecord | None,
        memory: ItemMemory,
    ) -> Inspection:
        synced_before = last is not None and last.outcome == SYNCED
        if work is None:
            return Inspection(
                scene,
                project(scene, self._session.config),
                lacks_metadata=bool(scene.files),
                synced_before=synced_before,
            )
        edits: list[tuple[PlexItem, ItemEdit]] = []
        known: dict[PlexItem, ItemRecord] = {}
        for item in work.items:
            plan = plan_item(work, item, memory, self._behaviour, preserve=self._preserve)
            edits.append((item, plan.edit))
            known[item] = plan.last
        targets = targets_of(work.desired, known, self._behaviour, preserve=self._preserve)
        return Inspection(
            scene,
            work.desired,
            edits=tuple(edits),
            unlocked=_unlocked(targets),
            cover_for=_cover_for(scene, targets, last),
            elsewhere=tuple(work.elsewhere),
            unseen=work.unseen,
            synced_before=synced_before,
            error=work.error,
        )


def _unlocked(targets: Sequence[Target]) -> tuple[tuple[PlexItem, tuple[str, ...]], ...]:
    found: dict[PlexItem, list[str]] = {}
    for target in targets:
        if target.lacks_lock:
            found.setdefault(target.item, []).append(target.kind)
    return tuple((item, tuple(kinds)) for item, kinds in found.items())


def _cover_for(
    scene: StashScene, targets: list[Target], last: SceneRecord | None
) -> tuple[str, ...]:
    """Return the kinds for which the cover is looked at; what it is only its bytes can tell."""
    if not targets or not may_differ(scene, targets, last):
        return ()
    return tuple(dict.fromkeys(target.kind for target in targets))

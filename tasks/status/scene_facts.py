"""Collects what Stash, the queue, the sync log and Plex know about a scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plex.exceptions import PlexAmbiguousMatch, PlexError, PlexNotFound
from plex.items import PlexItem
from plex.matcher import Matching
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.queue_view import QueuedJob
from sync_queue.sync_records import SceneRecord, SentItem
from validation.scene_extractor import SceneFile, StashScene
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import ConfigFault, SyncSession


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file of the scene, its path in Plex, and the matching items."""

    file: SceneFile
    plex_path: str
    matching: Matching


@dataclass(frozen=True, slots=True)
class PlexFacts:
    """The current state of the scene in Plex.

    Attributes:
        inspection: what a sync would change.
        libraries: library key → name.
        looked_at: the last update of the path index in seconds since the epoch; None if unknown.
    """

    inspection: Inspection
    files: tuple[FileFact, ...]
    libraries: Mapping[int, str]
    looked_at: float | None

    def library_of(self, item: PlexItem) -> str:
        """Return the name of an item's library."""
        return self.libraries.get(item.section_key, str(item.section_key))


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Everything known about a scene.

    Attributes:
        scene: None if Stash does not have it, or did not answer.
        stash_problem, plex_problem: why the server did not answer; empty if it did.
        plex: None if Plex did not answer, or the scene has no file.
        last: the outcome of the scene's last job.
        sent: the records of its items, the newest first.
        enabled: the setting.
    """

    scene_id: int
    now: float
    scene: StashScene | None
    stash_problem: str = ""
    plex: PlexFacts | None = None
    plex_problem: str = ""
    jobs: Sequence[QueuedJob] = ()
    letters: Sequence[DeadLetter] = ()
    last: SceneRecord | None = None
    sent: Sequence[SentItem] = field(default=())
    enabled: bool = True

    @property
    def label(self) -> str:
        """The scene's name for users."""
        return self.scene.label if self.scene else f"Scene {self.scene_id}"


def facts_of(context: Services, scene_id: int) -> SceneFacts:
    """Collect the facts; a server that does not answer does not prevent the rest."""
    scene, stash_problem = _read(context, scene_id)
    plex, plex_problem = (
        _look_in_plex(context, scene) if scene is not None and scene.files else (None, "")
    )
    queue = context.queue
    return SceneFacts(
        scene_id=scene_id,
        now=context.clock(),
        scene=scene,
        stash_problem=stash_problem,
        plex=plex,
        plex_problem=plex_problem,
        jobs=queue.jobs_of(scene_id),
        letters=queue.dead_letters.of_scene(scene_id),
        last=queue.sync_log.scene(scene_id),
        sent=queue.sync_log.sent_for(scene_id),
        enabled=_is_enabled(context),
    )


def _read(context: Services, scene_id: int) -> tuple[StashScene | None, str]:
    try:
        return context.scenes.read([scene_id]).get(scene_id), ""
    except StashError as error:
        return None, str(error)


def _is_enabled(context: Services) -> bool:
    try:
        return context.sessions.config().enabled
    except StashError:
        return True


def _look_in_plex(context: Services, scene: StashScene) -> tuple[PlexFacts | None, str]:
    try:
        session = context.sessions.current()
        session.library.prepare()
        (inspection,) = inspect_scenes(context, session, [scene])
    except (ConfigFault, PlexError, StashError) as error:
        return None, str(error)
    error_of_scene = inspection.error
    if error_of_scene and not isinstance(error_of_scene, PlexNotFound | PlexAmbiguousMatch):
        return None, str(error_of_scene)  # Plex failed to answer, so no conclusion is possible
    return _plex_facts(session, inspection), ""


def _plex_facts(session: SyncSession, inspection: Inspection) -> PlexFacts:
    scene, matcher = inspection.scene, session.matcher
    sections = session.library.sections_known()
    listings = (session.library.index.last_listing(section.key) for section in sections)
    return PlexFacts(
        inspection=inspection,
        files=tuple(
            FileFact(file, matcher.to_plex(file.path), matcher.find([file], scene.id))
            for file in scene.files
        ),
        libraries={section.key: section.title for section in sections},
        looked_at=max((listing.looked_at for listing in listings if listing), default=None),
    )

"""Collects what Stash, the queue, the sync log and Plex know about a scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from worker.sync.session import ConfigFault


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file of the scene, its path in Plex, and the matching items."""

    file: SceneFile
    plex_path: str
    matching: Matching


@dataclass(frozen=True, slots=True)
class PlexFacts:
    """The current state of the scene in Plex."""

    inspection: Inspection  # what a sync would change
    files: tuple[FileFact, ...]
    libraries: Mapping[int, str]  # library key → name
    # The last update of the path index in seconds since the epoch; None if unknown
    looked_at: float | None

    def library_of(self, item: PlexItem) -> str:
        """Return the name of an item's library."""
        return self.libraries.get(item.section_key, str(item.section_key))


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Everything known about a scene."""

    scene_id: int
    now: float
    label: str  # the scene's name for users
    scene: StashScene | None  # None if Stash does not have it, or did not answer
    # stash_problem, plex_problem: why the server did not answer; empty if it did
    stash_problem: str
    plex: PlexFacts | None  # None if Plex did not answer, or the scene has no file
    plex_problem: str
    jobs: Sequence[QueuedJob]
    letters: Sequence[DeadLetter]
    last: SceneRecord | None  # the outcome of the scene's last job
    sent: Sequence[SentItem]  # the records of its items, the newest first
    enabled: bool  # the setting


def facts_of(services: Services, scene_id: int) -> SceneFacts:
    """Collect the facts; a server that does not answer does not prevent the rest."""
    scene, plex, stash_problem, plex_problem, enabled = None, None, "", "", True
    try:
        scene = services.scenes.read([scene_id]).get(scene_id)
        enabled = services.sessions.config().enabled
    except StashError as error:
        stash_problem = str(error)
    if scene is not None and scene.files:
        try:
            plex = _look_in_plex(services, scene)
        except (ConfigFault, PlexError, StashError) as error:
            plex_problem = str(error)
    queue = services.queue
    return SceneFacts(
        scene_id=scene_id,
        now=services.clock(),
        label=scene.label if scene else f"Scene {scene_id}",
        scene=scene,
        stash_problem=stash_problem,
        plex=plex,
        plex_problem=plex_problem,
        jobs=queue.jobs_of(scene_id),
        letters=queue.dead_letters.of_scene(scene_id),
        last=queue.sync_log.scene(scene_id),
        sent=queue.sync_log.sent_for(scene_id),
        enabled=enabled,
    )


def _look_in_plex(services: Services, scene: StashScene) -> PlexFacts:
    session = services.sessions.current()
    session.library.prepare()
    (inspection,) = inspect_scenes(services, session, [scene])
    error = inspection.error
    if error is not None and not isinstance(error, PlexNotFound | PlexAmbiguousMatch):
        raise error  # Plex failed to answer, so no conclusion is possible
    matcher, sections = session.matcher, session.library.sections_known()
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

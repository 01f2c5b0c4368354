"""What is known of one scene on all sides: Stash, the queue, what was sent, Plex now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plex.exceptions import PlexAmbiguousMatch, PlexError, PlexNotFound
from plex.items import PlexItem
from plex.matcher import Matching
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.queue_view import QueuedJob
from sync_queue.sync_records import SceneRecord, SentItem
from tasks.context import TaskContext
from validation.scene_extractor import SceneFile, StashScene
from worker.sync.inspection import Inspection, SceneInspector
from worker.sync.session import ConfigFault, SyncSession


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file of the scene: where it should be in Plex, and what is there."""

    file: SceneFile
    plex_path: str
    matching: Matching


@dataclass(frozen=True, slots=True)
class PlexFacts:
    """What Plex shows of the scene now.

    Attributes:
        inspection: what a sync would do.
        libraries: the libraries' names by key.
        looked_at: when Plex was last asked what its libraries hold, in seconds since the epoch;
            None when that is not known.
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
    """All that is known, with what could not be asked.

    Attributes:
        scene: None where Stash does not have it, or could not be asked.
        stash_problem, plex_problem: why that side could not be asked; empty when it was.
        plex: None where it could not be asked, or there is nothing to ask it for.
        last: how the scene's last job ended.
        sent: what its items were last sent, the newest first.
        enabled: the setting of that name.
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
        """How people recognise the scene."""
        return self.scene.label if self.scene else f"Scene {self.scene_id}"


def facts_of(context: TaskContext, scene_id: int) -> SceneFacts:
    """Ask every side that answers; one that does not is no reason to be silent about the rest."""
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
        jobs=queue.view.jobs_of(scene_id),
        letters=queue.dead_letters.of_scenes([scene_id]).get(scene_id, []),
        last=queue.sync_log.scene(scene_id),
        sent=queue.sync_log.sent_for(scene_id),
        enabled=_is_enabled(context),
    )


def _read(context: TaskContext, scene_id: int) -> tuple[StashScene | None, str]:
    try:
        return context.scenes.read([scene_id]).get(scene_id), ""
    except StashError as error:
        return None, str(error)


def _is_enabled(context: TaskContext) -> bool:
    try:
        return context.sessions.config().enabled
    except StashError:
        return True


def _look_in_plex(context: TaskContext, scene: StashScene) -> tuple[PlexFacts | None, str]:
    try:
        session = context.sessions.current()
        session.library.prepare()
        inspector = SceneInspector(
            session, context.queue.sync_log, context.scenes.read, context.log.event
        )
        (inspection,) = inspector.inspect([scene])
    except (ConfigFault, PlexError, StashError) as error:
        return None, str(error)
    error_of_scene = inspection.error
    if error_of_scene and not isinstance(error_of_scene, PlexNotFound | PlexAmbiguousMatch):
        return None, str(error_of_scene)  # nothing may be concluded from not being answered
    return _plex_facts(session, inspection), ""


def _plex_facts(session: SyncSession, inspection: Inspection) -> PlexFacts:
    scene, matcher = inspection.scene, session.matcher
    sections = session.library.sections_known()
    listings = (session.library.index.last_listing(one.key) for one in sections)
    return PlexFacts(
        inspection=inspection,
        files=tuple(
            FileFact(file, matcher.to_plex(file.path), matcher.find([file], scene.id))
            for file in scene.files
        ),
        libraries={one.key: one.title for one in sections},
        looked_at=max((one.looked_at for one in listings if one is not None), default=None),
    )

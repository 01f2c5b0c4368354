"""Sync All Scenes, Sync Recent Scenes, and the page's sync of a scene."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plex.exceptions import PlexError
from plex.matcher import Matching
from sync_queue.models import TRY_REFUSED
from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer
from tasks.arguments import flag, required_scene
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import SceneFile, StashScene, asked_since, is_since
from validation.values import counted
from worker.services import Services
from worker.sync.session import ConfigFault, SyncSession

RECENT = 86_400.0  # seconds


@dataclass(slots=True)
class _Counts:
    seen: int = 0
    queued: int = 0
    waiting: int = 0
    in_step: int = 0
    without_file: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """The sync log, for deciding which scenes are in step.

    Attributes:
        digests: scene id → rating key → digest last sent.
        versions: scene id → Stash's time stamp of the last synced state.
        find: returns the items that match a scene's files; None if Plex did not answer.
    """

    digests: Mapping[int, Mapping[int, str]]
    versions: Mapping[int, str]
    find: Callable[[Sequence[SceneFile], int], Matching] | None

    def has(self, scene: StashScene, config: Config) -> bool:
        """Tell whether all of the scene's current items were sent its current metadata."""
        sent = self.digests.get(scene.id)
        if not sent or self.versions.get(scene.id) != scene.updated_at:
            return False
        digest = project(scene, config).digest
        if self.find is None:
            return set(sent.values()) == {digest}
        items = [match.rating_key for match in self.find(scene.files, scene.id).matches]
        return bool(items) and all(sent.get(item) == digest for item in items)


def sync_all(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Queue every scene that has a file and is not in step, or with `force` all with a file."""
    force = flag(arguments, "force")
    return _queue_pages(context, context.scenes.walk(), context.scenes.count(), force=force)


def sync_recent(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Queue the scenes updated in the last 24 hours that are not in step."""
    del arguments
    since = context.clock() - RECENT
    pages = (
        [scene for scene in page if is_since(scene.updated_at, since)]
        for page in context.scenes.walk(updated_since=asked_since(since))
    )
    return _queue_pages(context, pages, None, force=False)


def sync_scene(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Queue a scene and start a worker if none runs."""
    scene_id = required_scene(arguments)
    now = context.clock()
    job = scene_job(scene_id, METADATA, now, {TRY_REFUSED: now})
    added, _ = context.queue.enqueue([job])
    context.ensure_worker()
    text = (
        f"Queued scene {scene_id}"
        if added
        else f"Scene {scene_id} was queued already; it is due now"
    )
    return Answer(text, data={"scene_id": scene_id, "added": added})


def _queue_pages(
    context: Services,
    pages: Iterator[list[StashScene]],
    total: int | None,
    *,
    force: bool,
) -> Answer:
    config = context.sessions.config()
    # Needed also with force, because the worker finds new items only through the path index.
    session = _refreshed_session(context)
    known = None if force else _read_sync_log(context, session)
    counts = _Counts()
    for page in pages:
        _queue_page(context, page, config, known, counts)
        if total:
            context.log.progress(counts.seen / total)
    if counts.queued or counts.waiting:
        context.ensure_worker()
    return Answer(
        f"{counted(counts.seen, 'scene')} checked: {counts.queued} queued, "
        f"{counts.waiting} already queued, {counts.in_step} already in Plex, "
        f"{counts.without_file} without a file",
        data=asdict(counts),
    )


def _queue_page(
    context: Services,
    page: list[StashScene],
    config: Config,
    known: _Known | None,
    counts: _Counts,
) -> None:
    now = context.clock()
    hints = {TRY_REFUSED: now} if known is None else {}
    jobs = []
    for scene in page:
        counts.seen += 1
        if not scene.files:
            counts.without_file += 1
        elif known is not None and known.has(scene, config):
            counts.in_step += 1
        else:
            jobs.append(scene_job(scene.id, METADATA, now, hints))
    added, merged = context.queue.enqueue(jobs)
    counts.queued += added
    counts.waiting += merged


def _refreshed_session(context: Services) -> SyncSession | None:
    """Return a session with an updated path index; if Plex fails, log a warning, return None."""
    try:
        session = context.sessions.current()
        session.library.prepare()
        session.library.refresh()
    except (PlexError, ConfigFault) as error:
        context.log.warning(
            f"{error}. Whether Plex still has the sent values was not checked; run the task again "
            "after removing the cause"
        )
        return None
    return session


def _read_sync_log(context: Services, session: SyncSession | None) -> _Known:
    """Read the sync log; without Plex a scene that is unchanged since its sync is in step."""
    log = context.queue.sync_log
    if session is None:
        return _Known(log.digests(None), log.scene_versions(), None)
    server_id = session.library.server_id
    return _Known(log.digests(server_id), log.scene_versions(), session.matcher.find)

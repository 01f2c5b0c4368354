"""Sync All Scenes, Sync Recent Scenes, and the page's sync of a scene."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plex.exceptions import PlexError
from plex.matcher import Matching
from sync_queue.models import TRY_REFUSED
from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import SceneFile, StashScene, asked_since, is_since
from validation.values import counted
from worker.services import Services
from worker.sync.session import ConfigFault, SyncSession

RECENT = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class _Known:
    """The sync log, for deciding which scenes are in step."""

    config: Config
    digests: Mapping[int, Mapping[int, str]]  # scene id → rating key → digest last sent
    versions: Mapping[int, str]  # scene id → Stash's time stamp of the last synced state
    # Returns the items that match a scene's files; None if Plex did not answer. Then a scene that
    # is unchanged since its sync is in step
    find: Callable[[Sequence[SceneFile], int], Matching] | None

    def has(self, scene: StashScene) -> bool:
        """Tell whether all of the scene's current items were sent its current metadata."""
        sent = self.digests.get(scene.id)
        if not sent or self.versions.get(scene.id) != scene.updated_at:
            return False
        digest = project(scene, self.config).digest
        if self.find is None:
            return set(sent.values()) == {digest}
        items = [match.rating_key for match in self.find(scene.files, scene.id).matches]
        return bool(items) and all(sent.get(item) == digest for item in items)


def sync_all(services: Services, *, force: bool) -> Answer:
    """Queue every scene that has a file and is not in step, or with `force` all with a file."""
    return _queue_pages(services, services.scenes.walk(), services.scenes.count(), force=force)


def sync_recent(services: Services) -> Answer:
    """Queue the scenes updated in the last 24 hours that are not in step."""
    since = services.clock() - RECENT
    pages = (
        [scene for scene in page if is_since(scene.updated_at, since)]
        for page in services.scenes.walk(updated_since=asked_since(since))
    )
    return _queue_pages(services, pages, None, force=False)


def sync_scene(services: Services, *, scene_id: int) -> Answer:
    """Queue a scene and start a worker if none runs."""
    now = services.clock()
    added, _ = services.queue.enqueue([scene_job(scene_id, METADATA, now, {TRY_REFUSED: now})])
    services.ensure_worker()
    text = f"Scene {scene_id} was queued already; it is due now"
    return Answer(
        f"Queued scene {scene_id}" if added else text, data={"scene_id": scene_id, "added": added}
    )


def _queue_pages(
    services: Services, pages: Iterator[list[StashScene]], total: int | None, *, force: bool
) -> Answer:
    config = services.sessions.config()
    # Needed also with force, because the worker finds new items only through the path index.
    session = _refreshed_session(services)
    known = None if force else _read_sync_log(services, session, config)
    counts: Counter[str] = Counter()
    for page in pages:
        _queue_page(services, page, known, counts)
        if total:
            services.log.progress(counts["seen"] / total)
    if counts["queued"] or counts["waiting"]:
        services.ensure_worker()
    names = ("seen", "queued", "waiting", "in_step", "without_file")
    return Answer(
        f"{counted(counts['seen'], 'scene')} checked: {counts['queued']:,} queued, "
        f"{counts['waiting']:,} already queued, {counts['in_step']:,} already in Plex, "
        f"{counts['without_file']:,} without a file",
        data={name: counts[name] for name in names},
    )


def _queue_page(
    services: Services, page: list[StashScene], known: _Known | None, counts: Counter[str]
) -> None:
    now = services.clock()
    hints = {TRY_REFUSED: now} if known is None else {}
    jobs = []
    for scene in page:
        if not scene.files:
            counts["without_file"] += 1
        elif known is not None and known.has(scene):
            counts["in_step"] += 1
        else:
            jobs.append(scene_job(scene.id, METADATA, now, hints))
    added, merged = services.queue.enqueue(jobs)
    counts.update(seen=len(page), queued=added, waiting=merged)


def _refreshed_session(services: Services) -> SyncSession | None:
    """Return a session with an updated path index; if Plex fails, log a warning, return None."""
    try:
        session = services.sessions.current()
        session.library.prepare()
        session.library.refresh()
    except (PlexError, ConfigFault) as error:
        services.log.warning(
            f"{error}. Whether Plex still has the sent values was not checked; run the task again "
            "after removing the cause"
        )
        return None
    return session


def _read_sync_log(services: Services, session: SyncSession | None, config: Config) -> _Known:
    log = services.queue.sync_log
    if session is None:
        return _Known(config, log.digests(None), log.scene_versions(), None)
    digests = log.digests(session.library.server_id)
    return _Known(config, digests, log.scene_versions(), session.matcher.find)

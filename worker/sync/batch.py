"""One batch of claimed jobs: read, match, compare, write; many scenes share each read."""

from collections.abc import Callable, Iterator, Sequence

from plex.exceptions import PlexCopy, PlexError
from shared.log import Log
from stash.exceptions import StashFileError
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.models import MISSING_SINCE, Claim
from sync_queue.sync_records import SceneRecord
from validation.metadata import project
from validation.scene_extractor import StashScene
from worker.retry_policy import SceneError
from worker.sync.cover_sync import CoverResult
from worker.sync.item_finder import ItemFinder
from worker.sync.item_writer import ItemWriter
from worker.sync.results import SKIPPED, SYNCED, Failed, Gone, Result, Skipped, Synced
from worker.sync.scene_work import SceneWork, lacks_metadata
from worker.sync.session import SyncSession
from worker.sync.steps import Steps
from worker.sync.story import words_of
from worker.sync.write_test import undo_killed_test

_NO_METADATA = (
    "no metadata yet (add a studio, performers, tags, details or a date in Stash to sync it)"
)


class BatchSync:
    """Syncs claimed scenes under one session.

    Args:
        session: settings and Plex.
        scenes: Stash's scenes.
        images: Stash's covers.
        queue: the sync log.
        log: tells the user about a part that cannot be sent.
    """

    def __init__(
        self,
        session: SyncSession,
        scenes: StashScenes,
        images: StashImages,
        queue: QueueManager,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self._session = session
        self._scenes = scenes
        self._images = images
        self._queue = queue
        self._clock = clock
        self._log = log
        self._steps = Steps(log)

    def run(self, claims: Sequence[Claim]) -> Iterator[Result]:
        """Yield how each scene ended, as soon as it has; the caller settles one before the next.

        Raises:
            StashError, PlexError: nothing of the batch that was not yielded was decided.
        """
        by_scene: dict[int, list[Claim]] = {}
        for claim in claims:
            if claim.job.scene_id is None:
                problem = SceneError(f"a job of kind '{claim.job.update_type}' names no scene")
                yield Failed([claim], claim.job.job_key, problem)
            else:
                by_scene.setdefault(claim.job.scene_id, []).append(claim)
        work: list[SceneWork] = []
        scenes = self._scenes.read(list(by_scene))
        last = self._queue.sync_log.scenes(by_scene)
        for scene_id, group in by_scene.items():
            result = self._without_plex(group, scenes.get(scene_id), scene_id, last.get(scene_id))
            if isinstance(result, SceneWork):
                work.append(result)
            else:
                yield result
        if work:
            yield from self._with_plex(work)

    def _without_plex(
        self,
        claims: list[Claim],
        scene: StashScene | None,
        scene_id: int,
        last: SceneRecord | None,
    ) -> Result | SceneWork:
        """Decide what needs no look at Plex; else return the work to do."""
        if scene is None:
            return Gone(claims, f"Scene {scene_id}", "gone from Stash")
        if not scene.files:
            problem = SceneError("the scene has no file; let Stash scan for it")
            return Failed(claims, scene.label, problem)
        self._steps.read(scene, claims)
        if lacks_metadata(scene, last):
            record = self._record(scene, SKIPPED, "no metadata yet")
            return Skipped(claims, scene.label, record, (_NO_METADATA,))
        return SceneWork(claims, scene, project(scene, self._session.config))

    def _with_plex(self, work: list[SceneWork]) -> Iterator[Result]:
        self._session.library.prepare()
        undo_killed_test(
            self._session.client, self._session.library.server_id, self._session.write_test
        )
        # A scene that was missing has no item yet: its file is asked for by name.
        if any(MISSING_SINCE not in claim.job.data for one in work for claim in one.claims):
            self._session.library.poll_new_items()
        finder = ItemFinder(self._session, self._queue.sync_log, self._scenes.read, self._log.event)
        finder.find(work)
        writer = ItemWriter(self._session, self._images, self._queue, self._clock, self._log)
        writer.keep_originals(work)
        for one in work:
            self._steps.found(one, self._session.matcher.to_plex)
        if finder.gone:
            self._queue.forget_scenes(finder.gone)
        unlocked: list[tuple[Synced, CoverResult]] = []
        for one in work:
            if isinstance(one.error, PlexCopy) or (
                one.elsewhere and not one.items and one.error is None
            ):
                yield self._left_alone(one)
                continue
            try:
                changed, cover = _write(writer, one)
            except (PlexError, StashFileError) as error:
                yield Failed(one.claims, one.scene.label, error, one.scene.files)
                continue
            result = self._synced(one, changed, cover)
            if cover.to_lock:
                unlocked.append((result, cover))
            else:
                yield result
        writer.lock_images([cover for _, cover in unlocked])
        for result, _ in unlocked:
            yield result
        writer.verify()  # when all is settled: it decides nothing about the jobs

    def _synced(self, one: SceneWork, changed: tuple[str, ...], cover: CoverResult) -> Synced:
        changed = words_of(changed, one.desired)
        detail = ", ".join(changed) or "already in step"
        record = self._record(one.scene, SYNCED, detail, cover.tag)
        return Synced(one.claims, one.scene.label, record, changed, one.confidence)

    def _left_alone(self, one: SceneWork) -> Skipped:
        reasons = (*one.elsewhere, *([str(one.error)] if one.error else []))
        record = self._record(one.scene, SKIPPED, "; ".join(reasons))
        return Skipped(one.claims, one.scene.label, record, reasons, by_plex=True)

    def _record(
        self, scene: StashScene, outcome: str, detail: str, cover_tag: str | None = None
    ) -> SceneRecord:
        return SceneRecord(
            outcome=outcome,
            at=self._clock(),
            detail=detail,
            scene_updated_at=scene.updated_at,
            cover_tag=cover_tag,
            entities=scene.entity_ids(),
        )


def _write(writer: ItemWriter, one: SceneWork) -> tuple[tuple[str, ...], CoverResult]:
    """Write the items of a scene; a scene may have an error and items, when Plex fails at one."""
    if one.error is not None and not one.items:
        raise one.error
    written = writer.write(one)
    if one.error is not None:
        raise one.error
    return written

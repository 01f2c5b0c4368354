"""One batch of claimed jobs: read, match, compare, write; many scenes share each read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from plex.diff import current_values, edit_for
from plex.exceptions import PlexError, PlexNotFound
from plex.items import PlexItem
from plex.matcher import Match, still_holds
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.sync_log import ItemRecord, SceneRecord
from validation.metadata import SceneMetadata, has_meaningful_metadata, project
from validation.scene_extractor import StashScene
from worker.cover_sync import CoverResult, CoverSync
from worker.retry_policy import SceneError
from worker.session import SyncSession

SYNCED, SKIPPED, GONE = "synced", "skipped", "gone"


@dataclass(frozen=True, slots=True)
class Result:
    """How the jobs of one scene ended.

    Attributes:
        claims: all claimed jobs of that scene.
        label: how people recognise the scene.
        error: None when the effect is in Plex, or nothing is to be done.
        record: what to store of the scene; None when it is gone from Stash.
        changed: what Plex got, for the log; empty when it showed everything already.
        paths: the scene's files, as Stash names them.
        by_plex: Plex was asked for this, and served.
    """

    claims: Sequence[Claim]
    label: str
    error: Exception | None = None
    record: SceneRecord | None = None
    changed: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    by_plex: bool = False


@dataclass(slots=True)
class _Work:
    """A scene on its way through the stages."""

    claims: list[Claim]
    scene: StashScene
    desired: SceneMetadata
    matches: list[Match] = field(default_factory=list)
    items: list[PlexItem] = field(default_factory=list)
    error: PlexError | None = None


class BatchSync:
    """Syncs claimed scenes under one session.

    Args:
        session: settings and Plex.
        scenes: Stash's scenes.
        images: Stash's covers.
        queue: the sync log.
        clock: seconds since the epoch.
        warn: tells the user about a part that cannot be sent.
    """

    def __init__(
        self,
        session: SyncSession,
        scenes: StashScenes,
        images: StashImages,
        queue: QueueManager,
        clock: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._session = session
        self._scenes = scenes
        self._images = images
        self._queue = queue
        self._clock = clock
        self._warn = warn

    def run(self, claims: Sequence[Claim]) -> Iterator[Result]:
        """Yield how each scene ended, as soon as it has; the caller settles one before the next.

        Raises:
            StashError, PlexError: nothing of the batch that was not yielded was decided.
        """
        by_scene: dict[int, list[Claim]] = {}
        for claim in claims:
            if claim.job.scene_id is None:
                problem = SceneError(f"a job of kind '{claim.job.update_type}' names no scene")
                yield Result([claim], claim.job.job_key, error=problem)
            else:
                by_scene.setdefault(claim.job.scene_id, []).append(claim)
        work: list[_Work] = []
        scenes = self._scenes.read(list(by_scene))
        for scene_id, group in by_scene.items():
            result = self._without_plex(group, scenes.get(scene_id), scene_id)
            if isinstance(result, Result):
                yield result
            else:
                work.append(result)
        if work:
            yield from self._with_plex(work)

    def _without_plex(
        self, claims: list[Claim], scene: StashScene | None, scene_id: int
    ) -> Result | _Work:
        """Decide what needs no look at Plex; else return the work to do."""
        if scene is None:
            return Result(claims, f"Scene {scene_id}", changed=("gone from Stash",))
        if not scene.files:
            return Result(claims, scene.label, error=SceneError("the scene has no file"))
        last = self._queue.sync_log.scene(scene.id)
        if not has_meaningful_metadata(scene) and (last is None or last.outcome != SYNCED):
            record = self._record(scene, SKIPPED, "no metadata yet")
            return Result(claims, scene.label, record=record, changed=("no metadata yet",))
        return _Work(claims, scene, project(scene, self._session.config))

    def _with_plex(self, work: list[_Work]) -> Iterator[Result]:
        self._session.library.prepare()
        self._find_items(work)
        self._keep_originals(work)
        covers = CoverSync(
            self._images,
            self._session.client,
            self._queue,
            self._session.library.server_id,
            self._warn,
        )
        unlocked: list[tuple[Result, CoverResult]] = []
        for one in work:
            try:
                if one.error is not None:
                    raise one.error
                result, cover = self._write(one, covers)
            except PlexError as error:
                paths = tuple(file.path for file in one.scene.files)
                yield Result(one.claims, one.scene.label, error=error, paths=paths)
                continue
            if cover.to_lock:
                unlocked.append((result, cover))
            else:
                yield result
        self._lock_images([cover for _, cover in unlocked])
        for result, _ in unlocked:
            yield result

    # -- finding ----------------------------------------------------------------------------

    def _find_items(self, work: list[_Work]) -> None:
        """Match every scene and read its items; whom the index does not know is looked for once."""
        self._match_and_read(work)
        missing = [one for one in work if not one.items]
        if not missing:
            return
        try:
            if self._session.library.refresh():
                self._match_and_read(missing)
        except PlexError as error:
            for one in missing:
                one.error = error
            return
        for one in missing:
            if not one.items:
                path = one.scene.files[0].path
                one.error = PlexNotFound(
                    f"Plex has no item for {path}; if it should, scan its library in Plex, or see "
                    "plex_unmatched_path_map when Plex names its folders differently"
                )

    def _match_and_read(self, work: list[_Work]) -> None:
        for one in work:
            one.matches = self._session.matcher.find(one.scene.files)
        keys = {match.rating_key for one in work for match in one.matches}
        items = self._session.client.read_items(sorted(keys))
        for one in work:
            for match in one.matches:
                item = items.get(match.rating_key)
                if item is not None and still_holds(item, match):
                    one.items.append(item)
                else:
                    self._session.library.index.forget_item(match.rating_key)

    # -- writing ----------------------------------------------------------------------------

    def _keep_originals(self, work: list[_Work]) -> None:
        """Remember what items hold before our first write, in one commit before any of it."""
        log, server_id = self._queue.sync_log, self._session.library.server_id
        with self._queue.transaction():
            for one in work:
                for item in one.items:
                    key = item.rating_key
                    if log.item(one.scene.id, server_id, key) is None:
                        log.keep_original(server_id, key, current_values(item), self._clock())
                        untouched = ItemRecord("", {})
                        log.remember_item(one.scene.id, server_id, key, untouched, self._clock())

    def _write(self, one: _Work, covers: CoverSync) -> tuple[Result, CoverResult]:
        log, server_id = self._queue.sync_log, self._session.library.server_id
        changed: list[str] = []
        records: dict[PlexItem, ItemRecord] = {}
        for item in one.items:
            last = log.item(one.scene.id, server_id, item.rating_key) or ItemRecord("", {})
            records[item] = last
            original = log.original(server_id, item.rating_key) or {}
            edit = edit_for(one.desired, item, last.sent, original)
            if edit:
                self._session.client.edit(item, edit.fields)
                changed += [name for name in edit.fields if name not in changed]
            if last.digest != one.desired.digest or last.sent != edit.sent:
                sent = replace(last, digest=one.desired.digest, sent=edit.sent)
                log.remember_item(one.scene.id, server_id, item.rating_key, sent, self._clock())
        cover = covers.run(
            one.scene,
            one.desired,
            records,
            log.scene(one.scene.id),
            cover_changed=any(claim.job.data.get("cover_changed") for claim in one.claims),
        )
        changed += sorted(cover.uploaded)
        detail = ", ".join(changed) or "already in step"
        record = self._record(one.scene, SYNCED, detail, cover.tag)
        done = Result(
            one.claims, one.scene.label, record=record, changed=tuple(changed), by_plex=True
        )
        return done, cover

    def _lock_images(self, covers: list[CoverResult]) -> None:
        """Lock images of the whole batch, with one request per library and set of kinds."""
        groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for cover in covers:
            for item, kinds in cover.to_lock.items():
                group = groups.setdefault((item.section_key, tuple(sorted(kinds))), [])
                group.append(item.rating_key)
        for (section_key, locked), keys in groups.items():
            self._session.client.lock_images(section_key, keys, locked)

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

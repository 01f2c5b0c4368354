from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from plex.exceptions import PlexCopy, PlexError
from stash.exceptions import StashFileError
from sync_queue.models import MISSING_SINCE, Claim
from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_log import SceneRecord
from validation.metadata import project
from validation.scene_extractor import StashScene
from validation.selection import RESTORE, why_not_selected
from worker.services import Services
from worker.sync.cover_sync import CoverResult
from worker.sync.item_finder import ItemFinder
from worker.sync.item_writer import ItemWriter
from worker.sync.progress_log import trace_matches, trace_scene, words_of
from worker.sync.restoration import Restoration
from worker.sync.results import SKIPPED, SYNCED, Failed, Gone, Result, SceneError, Skipped, Synced
from worker.sync.scene_work import SceneWork, lacks_metadata
from worker.sync.session import SyncSession
from worker.sync.write_test import undo_killed_test

_NO_METADATA = (
    "no metadata yet (to sync the scene, add a studio, performers, tags, details or a date in "
    "Stash)"
)


@dataclass(frozen=True, slots=True)
class BatchSync:
    services: Services
    session: SyncSession

    def run(self, claims: Sequence[Claim]) -> Iterator[Result]:
        by_scene: dict[int, list[Claim]] = {}
        for claim in claims:
            if claim.job.scene_id is None:
                problem = SceneError(f"a job of the kind '{claim.job.update_type}' has no scene id")
                yield Failed([claim], claim.job.job_key, problem)
            else:
                by_scene.setdefault(claim.job.scene_id, []).append(claim)
        works: list[SceneWork] = []
        scenes = self.services.scenes.read(list(by_scene))
        last = self.services.queue.sync_log.scenes(by_scene)
        for scene_id, group in by_scene.items():
            scene = scenes.get(scene_id)
            if scene is None:
                yield Gone(group, f"Scene {scene_id}")
            elif not scene.files:
                problem = SceneError("the scene has no file; scan for its file in Stash")
                yield Failed(group, scene.label, problem)
            else:
                trace_scene(self.services.log, scene, group)
                rejection = why_not_selected(scene, self.session.config)
                if rejection:
                    yield self._exclude(group, scene, rejection)
                elif lacks_metadata(scene, last.get(scene_id), self.session.config):
                    record = self._record(scene, SKIPPED, "no metadata yet")
                    yield Skipped(group, scene.label, record, (_NO_METADATA,))
                else:
                    works.append(SceneWork(group, scene, project(scene, self.session.config)))
        if works:
            yield from self._sync(works, last)

    def _exclude(self, claims: list[Claim], scene: StashScene, why: str) -> Result:
        queue, log, now = self.services.queue, self.services.queue.sync_log, self.services.clock()
        keys = [sent.rating_key for sent in log.sent_for(scene.id)]
        next_owners = [id_ for id_ in log.scenes_beside(keys) if id_ != scene.id]
        if next_owners:
            queue.enqueue(scene_job(id_, METADATA, now) for id_ in next_owners)
        reason = f"not selected, because {why}"
        restores = bool(keys) and self.session.config.when_not_selected == RESTORE
        if restores:
            try:
                self.session.library.prepare()
                restored = Restoration(self.services, self.session).restore_scene(scene.id)
            except PlexError as error:
                return Failed(claims, scene.label, error, scene.files)
            reason += "; its Plex item has the values from before the first sync" * bool(restored)
        # The empty time stamp makes the next sync compare the cover, too.
        record = self._record(scene, SKIPPED, reason, scene_updated_at="")
        return Skipped(claims, scene.label, record, (reason,), by_plex=restores)

    def _sync(self, works: list[SceneWork], last: dict[int, SceneRecord]) -> Iterator[Result]:
        session, log = self.session, self.services.log
        session.library.prepare()
        undo_killed_test(session.client, session.library.server_id, session.write_test)
        if any(MISSING_SINCE not in claim.job.data for work in works for claim in work.claims):
            session.library.poll_new_items()
        gone = ItemFinder(self.services, session).find(works)
        writer = ItemWriter(self.services, session, last)
        writer.keep_originals(works)
        for work in works:
            trace_matches(log, work, session.matcher.to_plex)
        if gone:
            self.services.queue.forget_scenes(gone)
        yield from self._write(works, writer)
        # The results of all scenes are stored now. So no job fails if the following check of Plex's
        # items fails.
        writer.verification.run()

    def _write(self, works: list[SceneWork], writer: ItemWriter) -> Iterator[Result]:
        unlocked: list[tuple[Synced, CoverResult]] = []
        for work in works:
            scene, error = work.scene, work.error
            is_elsewhere = bool(work.elsewhere) and not work.items and error is None
            if is_elsewhere or isinstance(error, PlexCopy):
                reasons = (*work.elsewhere, *([str(error)] if error else []))
                entities = {**scene.entity_ids(), **work.shared_items}
                record = self._record(scene, SKIPPED, "; ".join(reasons), entities=entities)
                yield Skipped(work.claims, scene.label, record, reasons, by_plex=True)
                continue
            try:
                fields, cover = writer.write(work)
            except (PlexError, StashFileError) as failure:
                yield Failed(work.claims, scene.label, failure, scene.files)
                continue
            changed = words_of(fields, work.desired)
            detail = ", ".join(changed) or "already up to date"
            record = self._record(scene, SYNCED, detail, cover_tag=cover.tag)
            result = Synced(work.claims, scene.label, record, changed, work.is_sure)
            if cover.to_lock:
                unlocked.append((result, cover))
            else:
                yield result
        writer.lock_images([cover for _, cover in unlocked])
        yield from (result for result, _ in unlocked)

    def _record(self, scene: StashScene, outcome: str, detail: str, **changes: Any) -> SceneRecord:
        entities = scene.entity_ids()
        values = {"scene_updated_at": scene.updated_at, "entities": entities, **changes}
        return SceneRecord(outcome, self.services.clock(), detail, **values)

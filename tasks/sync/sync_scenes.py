from collections import Counter
from collections.abc import Iterator, Sequence

from plex.exceptions import PlexError
from reconciliation.engine import ITEMS_AT_ONCE
from sync_queue.models import BULK, TRY_REFUSED
from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer
from tasks.status.page import end_first_run
from validation.metadata import has_meaningful_metadata, project
from validation.scene_extractor import StashScene, asked_since, is_since
from validation.selection import RESTORE, why_not_selected
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.scene_work import lacks_metadata
from worker.sync.session import ConfigFault, SyncSession

RECENT = 86_400.0
_WORDS = {
    "queued": "queued",
    "waiting": "already queued",
    "in_step": "already up to date in Plex",
    "without_metadata": "without metadata in Stash",
    "without_file": "without a file",
    "not_selected": "not selected by the settings",
}


def sync_all(services: Services, *, force: bool) -> Answer:
    total = services.scenes.count()
    answer = _queue_pages(services, services.scenes.walk(), total, force=force)
    end_first_run(services)
    return answer


def sync_recent(services: Services) -> Answer:
    since = services.clock() - RECENT
    pages = (
        [scene for scene in page if is_since(scene.updated_at, since)]
        for page in services.scenes.walk(updated_since=asked_since(since))
    )
    return _queue_pages(services, pages, None, force=False)


def sync_scene(services: Services, *, scene_id: int) -> Answer:
    now = services.clock()
    added, _ = services.queue.enqueue([scene_job(scene_id, METADATA, now, {TRY_REFUSED: now})])
    services.ensure_worker()
    text = f"Queued scene {scene_id}" if added else f"Scene {scene_id} was queued and is now due"
    return Answer(text, data={"scene_id": scene_id, "added": added})


def _queue_pages(
    services: Services, pages: Iterator[list[StashScene]], total: int | None, *, force: bool
) -> Answer:
    queueing = _Queueing(services, force=force)
    counts = queueing.counts
    for page in pages:
        queueing.queue(page)
        if total:
            services.log.progress(counts["seen"] / total)
    if counts["queued"] or counts["waiting"]:
        services.ensure_worker()
    return Answer(
        f"{counted(counts['seen'], 'scene')} checked: "
        + (counts_text((counts[name], words) for name, words in _WORDS.items()) or "none to queue"),
        data={name: counts[name] for name in ("seen", *_WORDS)},
    )


class _Queueing:
    def __init__(self, services: Services, *, force: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._services, self._force = services, force
        self._config = services.sessions.config()
        self._session: SyncSession | None = None
        server_id = None
        try:
            session = services.sessions.current()
            session.library.prepare()
            session.library.refresh()
            self._session, server_id = session, session.library.server_id
        except (PlexError, ConfigFault) as error:
            self._warn(error)
        self._digests = services.queue.sync_log.digests(server_id)
        self._versions = {} if force else services.queue.sync_log.scene_versions()

    def queue(self, page: list[StashScene]) -> None:
        queue, now, config = self._services.queue, self._services.clock(), self._config
        with_file = [scene for scene in page if scene.files]
        selected = [scene for scene in with_file if not why_not_selected(scene, config)]
        excluded = {scene.id for scene in with_file}.difference(scene.id for scene in selected)
        restores = config.when_not_selected == RESTORE
        restored = excluded & self._digests.keys() if restores else set()
        candidates = [scene for scene in selected if not has_meaningful_metadata(scene, config)]
        last = queue.sync_log.scenes([scene.id for scene in candidates])
        lacking = {
            each.id for each in candidates if lacks_metadata(each, last.get(each.id), config)
        }
        scenes = [scene for scene in selected if scene.id not in lacking]
        in_step = set() if self._force else self._in_step(scenes)
        hints = {TRY_REFUSED: now} if self._force else {}
        added, merged = queue.enqueue(
            scene_job(scene_id, METADATA, now, hints, BULK)
            for scene_id in (*(scene.id for scene in scenes if scene.id not in in_step), *restored)
        )
        self.counts.update(
            seen=len(page),
            queued=added,
            waiting=merged,
            in_step=len(in_step),
            without_metadata=len(lacking),
            not_selected=len(excluded - restored),
            without_file=len(page) - len(with_file),
        )

    def _in_step(self, scenes: Sequence[StashScene]) -> set[int]:
        sent = [scene for scene in scenes if self._was_sent(scene)]
        if self._session is not None:
            try:
                inspections = inspect_scenes(self._services, self._session, sent, ITEMS_AT_ONCE)
                return {each.scene.id for each in inspections if self._is_shown(each)}
            except PlexError as error:
                self._session = None
                self._warn(error)
        return {scene.id for scene in sent if len(set(self._digests[scene.id].values())) == 1}

    def _was_sent(self, scene: StashScene) -> bool:
        is_synced_version = self._versions.get(scene.id) == scene.updated_at
        sent = self._digests.get(scene.id, {}).values()
        return is_synced_version and project(scene, self._config).digest in sent

    def _is_shown(self, inspection: Inspection) -> bool:
        if not inspection.edits or inspection.error or inspection.image_reasons:
            return False
        sent, digest = self._digests[inspection.scene.id], inspection.desired.digest
        return not inspection.unseen and all(
            sent.get(item.rating_key) == digest and not edit for item, edit in inspection.edits
        )

    def _warn(self, error: Exception) -> None:
        self._services.log.warning(
            f"The scenes in Plex could not be compared with Stash, because {error}. Remove the "
            "cause, then run the task again"
        )

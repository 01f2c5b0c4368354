from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter

from stash.scenes import READ_BATCH
from sync_queue.models import Claim
from sync_queue.operations import METADATA, scene_job, subject_label
from sync_queue.sync_log import Entity, SceneRecord
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import Detail, StashScene
from validation.selection import RESTORE, why_not_selected
from validation.values import counted
from worker.services import Services
from worker.sync.results import SKIPPED, Failed, SceneError, ScenesQueued
from worker.sync.session import SyncSession

PAGE = 500
QUEUED, IN_STEP, GONE = "queued", "already up to date", "no longer in Stash"
UNSYNCED = "left out because they were never synced"

_KINDS = {"performer": "performers", "studio": "studios", "tag": "tags", "group": "groups"}

_Page = tuple[Collection[StashScene], Mapping[int, set[Entity]]]


@dataclass(frozen=True, slots=True)
class EntityJobs:
    services: Services
    stopped: Callable[[], bool]

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> Iterator[Failed | ScenesQueued]:
        """Queue all scenes of a job before the job ends, so that a killed worker loses no scene."""
        claims_by_entity: dict[Entity, list[Claim]] = {}
        for claim in claims:
            data = claim.job.data
            kind, entity_id = _KINDS.get(str(data.get("kind"))), data.get("id")
            if kind and isinstance(entity_id, int):
                claims_by_entity.setdefault((kind, entity_id), []).append(claim)
            else:
                problem = SceneError("the job has no performer, studio, tag or group")
                yield Failed([claim], subject_label(claim.job.job_key), problem)
        if not claims_by_entity:
            return
        counts: dict[Entity, Counter[str]] = {entity: Counter() for entity in claims_by_entity}
        for page in self._pages(frozenset(claims_by_entity)):
            if self.stopped():
                return
            self._queue_page(session, *page, counts)
        for entity, group in claims_by_entity.items():
            number = counts[entity]
            others = (IN_STEP, UNSYNCED, GONE)
            words = [f"{number[outcome]:,} {outcome}" for outcome in others if number[outcome]]
            queued = f"{counted(number[QUEUED], 'scene')} {QUEUED}"
            outcomes = (queued, *words) if number else ("nothing queued, because no scene uses it",)
            yield ScenesQueued(group, subject_label(group[0].job.job_key), outcomes)

    def _pages(self, wanted: frozenset[Entity]) -> Iterator[_Page]:
        sync_log = self.services.queue.sync_log
        scenes, after = self._scenes_with(wanted), 0
        while page := list(islice(scenes, PAGE)):
            last = page[-1].id
            entities = {scene.id: _entities_of(scene) & wanted for scene in page}
            for earlier in sync_log.scenes_with(wanted, after, last):
                for scene_id in earlier.keys() & entities.keys():
                    entities[scene_id] |= earlier[scene_id]
                yield from self._read({id_: earlier[id_] for id_ in earlier if id_ not in entities})
            yield page, entities
            after = last
        for earlier in sync_log.scenes_with(wanted, after):
            yield from self._read(earlier)

    def _read(self, entities: Mapping[int, set[Entity]]) -> Iterator[_Page]:
        unread = iter(entities.items())
        while some := dict(islice(unread, READ_BATCH)):
            yield self.services.scenes.read(list(some)).values(), some

    def _scenes_with(self, wanted: frozenset[Entity]) -> Iterator[StashScene]:
        ids_by_kind: dict[str, list[int]] = {}
        for kind, entity_id in sorted(wanted):
            ids_by_kind.setdefault(kind, []).append(entity_id)
        if Detail.PERFORMER_TRAITS in self.services.scenes.details and "tags" in ids_by_kind:
            ids_by_kind["performer_tags"] = ids_by_kind["tags"]
        walks = [
            chain.from_iterable(self.services.scenes.walk_with(kind, ids))
            for kind, ids in ids_by_kind.items()
        ]
        by_id = attrgetter("id")
        for _, same in groupby(merge(*walks, key=by_id), key=by_id):
            yield next(same)

    def _queue_page(
        self,
        session: SyncSession,
        scenes: Collection[StashScene],
        entities: Mapping[int, set[Entity]],
        counts: Mapping[Entity, Counter[str]],
    ) -> None:
        ids = [scene.id for scene in scenes]
        queue, config = self.services.queue, session.config
        log = queue.sync_log
        sent, last = log.digests(session.library.server_id, ids), log.scenes(ids)
        deleted = entities.keys() - ids
        outcomes = dict.fromkeys(deleted, GONE)
        for scene in scenes:
            rejection, digests = why_not_selected(scene, config), sent.get(scene.id)
            restores = rejection and config.when_not_selected == RESTORE
            outcomes[scene.id] = QUEUED
            if digests is None:
                tags = entities[scene.id]
                if rejection or not _was_excluded_by_tags(scene, tags, last.get(scene.id), config):
                    outcomes[scene.id] = UNSYNCED
            elif not restores and set(digests.values()) == {project(scene, config).digest}:
                outcomes[scene.id] = IN_STEP
        now = self.services.clock()
        jobs = [scene_job(id_, METADATA, now) for id_ in outcomes if outcomes[id_] == QUEUED]
        with queue.transaction():
            queue.forget_scenes(deleted)
            queue.replace((), jobs)
        for scene_id, outcome in outcomes.items():
            for entity in entities[scene_id]:
                counts[entity][outcome] += 1


def _was_excluded_by_tags(
    scene: StashScene, changed: Collection[Entity], last: SceneRecord | None, config: Config
) -> bool:
    if not config.only_with_tags and not config.never_with_tags:
        return False
    others = tuple(tag for tag in scene.tags if ("tags", tag.id) not in changed)
    is_skipped = last is not None and last.outcome == SKIPPED
    return is_skipped or bool(why_not_selected(replace(scene, tags=others), config))


def _entities_of(scene: StashScene) -> set[Entity]:
    return {(kind, id_) for kind, ids in scene.entity_ids().items() for id_ in ids}

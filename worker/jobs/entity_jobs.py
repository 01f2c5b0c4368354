"""Renamed, merged and destroyed performers, studios and tags: their scenes are queued.

Stash tells of the entity only, and moves no scene's time stamp. All such jobs of a batch share one
walk: a bulk edit of 500 tags is not 500 walks.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain, groupby, islice

from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from sync_queue.models import Claim, SyncJob
from sync_queue.operations import METADATA, scene_job, subject_label
from sync_queue.sync_log import Entity
from validation.metadata import project
from validation.scene_extractor import StashScene
from worker.sync.results import Failed, SceneError, ScenesQueued
from worker.sync.session import SyncSession

PAGE = 500  # scenes that are looked at together, and queued in one transaction
READ_BATCH = 100  # scenes that Stash is asked for by their ids in one request
QUEUED, IN_STEP, UNSYNCED, GONE = "queued", "in step", "never synced", "gone"

_KINDS = {"performer": "performers", "studio": "studios", "tag": "tags"}

Named = Mapping[int, set[Entity]]


@dataclass(frozen=True, slots=True)
class _Page:
    """Scenes that have, or had when last synced, an entity in question.

    Attributes:
        named: which ones each had.
        gone: ids of those that Stash no longer has.
    """

    scenes: Sequence[StashScene]
    named: Named
    gone: Sequence[int] = field(default=())


class EntityJobs:
    """Puts the scenes of performers, studios and tags into the queue, where they are out of step.

    A kill at any moment loses nothing: the scenes of a page are queued before the job is removed,
    and queuing them again changes nothing.

    Args:
        queue: what was sent, and where the scenes are put.
        scenes: Stash's scenes.
        stopped: tells whether the worker was asked to end.
    """

    def __init__(
        self,
        queue: QueueManager,
        scenes: StashScenes,
        clock: Callable[[], float],
        stopped: Callable[[], bool],
    ) -> None:
        self._queue = queue
        self._scenes = scenes
        self._clock = clock
        self._stopped = stopped

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> Iterator[Failed | ScenesQueued]:
        """Yield how each job ended; nothing when the worker is to end before all is looked at.

        Raises:
            StashError, PlexError: the jobs that were not yielded are to be done again.
        """
        by_entity: dict[Entity, list[Claim]] = {}
        for claim in claims:
            entity = _entity_of(claim.job)
            if entity is None:
                problem = SceneError("the job names no performer, studio or tag")
                yield Failed([claim], subject_label(claim.job.job_key), problem)
            else:
                by_entity.setdefault(entity, []).append(claim)
        if not by_entity:
            return
        sums: dict[Entity, Counter[str]] = {entity: Counter() for entity in by_entity}
        for page in self._pages(by_entity):
            if self._stopped():
                return
            self._queue_page(session, page, sums)
        for entity, group in by_entity.items():
            label = subject_label(group[0].job.job_key)
            yield ScenesQueued(group, label, _words(sums[entity]))

    # -- which scenes -------------------------------------------------------------------------

    def _pages(self, wanted: Iterable[Entity]) -> Iterator[_Page]:
        """Yield the scenes that have one of the entities, and those that had one, by rising id."""
        entities = frozenset(wanted)
        scenes, after = self._having(entities), 0
        while now := list(islice(scenes, PAGE)):
            last = now[-1].id
            named = {scene.id: _entities_of(scene) & entities for scene in now}
            for had in self._queue.sync_log.naming(entities, after, last):
                for scene_id in had.keys() & named.keys():
                    named[scene_id] |= had[scene_id]
                yield from self._read({one: had[one] for one in had if one not in named})
            yield _Page(now, named)
            after = last
        for had in self._queue.sync_log.naming(entities, after):
            yield from self._read(had)

    def _having(self, entities: frozenset[Entity]) -> Iterator[StashScene]:
        """Yield Stash's scenes that have one of the entities, each once, by rising id."""
        ids: dict[str, list[int]] = {}
        for kind, entity_id in sorted(entities):
            ids.setdefault(kind, []).append(entity_id)
        walks = [
            chain.from_iterable(self._scenes.walk_with(kind, some)) for kind, some in ids.items()
        ]
        for _, same in groupby(merge(*walks, key=_id_of), key=_id_of):
            yield next(same)

    def _read(self, had: Named) -> Iterator[_Page]:
        """Yield scenes that had an entity and do not have it any more, as they are now."""
        ids = list(had)
        for start in range(0, len(ids), READ_BATCH):
            some = ids[start : start + READ_BATCH]
            scenes = self._scenes.read(some)
            gone = [one for one in some if one not in scenes]
            yield _Page(list(scenes.values()), had, gone)

    # -- what becomes of them -----------------------------------------------------------------

    def _queue_page(
        self, session: SyncSession, page: _Page, sums: Mapping[Entity, Counter[str]]
    ) -> None:
        """Queue those that were sent something else, and forget those that are gone."""
        ids = [scene.id for scene in page.scenes]
        sent = self._queue.sync_log.digests(session.library.server_id, ids)
        fates = dict.fromkeys(page.gone, GONE)
        for scene in page.scenes:
            if scene.id not in sent:
                fates[scene.id] = UNSYNCED
            elif set(sent[scene.id].values()) == {project(scene, session.config).digest}:
                fates[scene.id] = IN_STEP
            else:
                fates[scene.id] = QUEUED
        now = self._clock()
        with self._queue.transaction():
            self._queue.forget_scenes(page.gone)
            self._queue.replace(
                (), [scene_job(one, METADATA, now) for one in fates if fates[one] == QUEUED]
            )
        for scene_id, fate in fates.items():
            for entity in page.named[scene_id]:
                sums[entity][fate] += 1


def _entity_of(job: SyncJob) -> Entity | None:
    kind, entity_id = _KINDS.get(str(job.data.get("kind"))), job.data.get("id")
    return (kind, entity_id) if kind and isinstance(entity_id, int) else None


def _entities_of(scene: StashScene) -> set[Entity]:
    return {(kind, one) for kind, ids in scene.entity_ids().items() for one in ids}


def _id_of(scene: StashScene) -> int:
    return scene.id


def _words(sums: Counter[str]) -> tuple[str, ...]:
    """Return what became of an entity's scenes, for the log."""
    words = [f"{_scenes(sums[QUEUED])} queued", f"{sums[IN_STEP]} in step already"]
    words += [f"{sums[one]} {one}" for one in (UNSYNCED, GONE) if sums[one]]
    return tuple(words)


def _scenes(number: int) -> str:
    return "1 scene is" if number == 1 else f"{number} scenes are"

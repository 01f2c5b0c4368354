"""Finds and queues the scenes that a change of the mapping concerns.

The mapping is the settings that select scenes and decide which metadata Plex shows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_records import SceneRecord
from validation.config import Config
from validation.metadata import MAPPING, project
from validation.scene_extractor import StashScene
from validation.selection import SelectionSettings, why_not_selected
from worker.outage_history import format_duration
from worker.services import Services
from worker.sync.results import SKIPPED
from worker.sync.scene_work import lacks_metadata

LARGE = 0.1  # share of Stash's scenes; a change of more scenes needs the user's confirmation
_DAY = 86_400.0  # seconds
_GUESS = 0.5  # seconds for a scene, if the last day has no figure
_SELECTION = frozenset(setting.name for setting in fields(SelectionSettings))


@dataclass(frozen=True, slots=True)
class MappingChange:
    """The scenes whose sync would change Plex because of changed settings."""

    scene_ids: Sequence[int] = ()
    total: int = 0  # the number of all scenes in Stash
    seconds_each: float = _GUESS  # the expected duration of a scene's sync

    @property
    def is_large(self) -> bool:
        return len(self.scene_ids) > LARGE * self.total

    @property
    def duration(self) -> str:
        return format_duration(max(1.0, len(self.scene_ids) * self.seconds_each))


def find_change(services: Services, before: Config, after: Config) -> MappingChange:
    """Return the scenes that a change of settings concerns. Plex is not asked.

    Until the first sync, no scene is concerned.
    """
    changed = {name for name in MAPPING if getattr(before, name) != getattr(after, name)}
    log = services.queue.sync_log
    if not changed or not after.enabled or not log.has_synced():
        return MappingChange()
    comparison = _Comparison(before, after, selects=bool(changed & _SELECTION))
    found, total = list[int](), 0
    for page in services.scenes.walk():
        ids = [scene.id for scene in page]
        digests, last = log.digests(None, ids), log.scenes(ids)
        found += [
            scene.id
            for scene in page
            if scene.files
            and comparison.concerns(scene, digests.get(scene.id, {}).values(), last.get(scene.id))
        ]
        total += len(page)
    return MappingChange(found, total, _seconds_each(services))


@dataclass(frozen=True, slots=True)
class _Comparison:
    before: Config
    after: Config
    selects: bool  # whether the change concerns the selection of scenes

    def concerns(self, scene: StashScene, sent: Collection[str], last: SceneRecord | None) -> bool:
        """Return whether the next sync of a scene changes Plex. `sent` has its last digests."""
        if why_not_selected(scene, self.after) or lacks_metadata(scene, last):
            return False
        if not sent:
            # The scene was excluded, or its item shows another scene, which may be excluded now.
            is_skipped = last is not None and last.outcome == SKIPPED
            return self.selects and bool(is_skipped or why_not_selected(scene, self.before))
        # A server that is no longer used may have been sent the new metadata, too.
        new = project(scene, self.after).digest
        return new not in sent or project(scene, self.before).digest != new


def queue_change(services: Services, change: MappingChange, delay: float) -> None:
    """Queue the scenes. They are due after `delay` seconds, also those that waited already."""
    now = services.clock()
    services.queue.enqueue(
        scene_job(scene_id, METADATA, now, due=now + delay) for scene_id in change.scene_ids
    )


def _seconds_each(services: Services) -> float:
    """Return the average duration of a scene's sync on the last day."""
    hours = services.status_source.stats().hours.since(services.clock() - _DAY)
    synced = sum(hour.synced for hour in hours)
    return sum(hour.seconds for hour in hours) / synced if synced else _GUESS

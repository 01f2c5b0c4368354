"""Finds and queues the scenes that need a sync after a change of settings.

The settings are those that select scenes and decide which metadata Plex shows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_records import SceneRecord
from validation.config import Config
from validation.metadata import MAPPING, project
from validation.scene_extractor import StashScene
from validation.selection import RESTORE, SelectionSettings, why_not_selected
from worker.outage_history import format_duration
from worker.services import Services
from worker.sync.results import SKIPPED
from worker.sync.scene_work import lacks_metadata

# A change of more than a tenth of Stash's scenes needs the user's confirmation.
LARGE = 0.1
_DAY = 86_400.0
# If no scene was synced on the last day, a sync is expected to take half a second.
_GUESS = 0.5
_SELECTION = frozenset(setting.name for setting in fields(SelectionSettings))


@dataclass(frozen=True, slots=True)
class MappingChange:
    """The scenes that need a sync after a change of settings."""

    scene_ids: Sequence[int] = ()
    total: int = 0
    seconds_each: float = _GUESS

    @property
    def is_large(self) -> bool:
        return len(self.scene_ids) > LARGE * self.total

    @property
    def duration(self) -> str:
        return format_duration(max(1.0, len(self.scene_ids) * self.seconds_each))


def find_change(services: Services, before: Config, after: Config) -> MappingChange:
    """Return the scenes that need a sync after a change of settings, without a request to Plex.

    Before the first job of a scene, no scene needs a sync because of changed settings.
    """
    changed = {name for name in MAPPING if getattr(before, name) != getattr(after, name)}
    log = services.queue.sync_log
    if not changed or not after.enabled or not log.recent(1):
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
    return MappingChange(found, total, _seconds_each(services, after))


@dataclass(frozen=True, slots=True)
class _Comparison:
    before: Config
    after: Config
    selects: bool

    def concerns(self, scene: StashScene, sent: Collection[str], last: SceneRecord | None) -> bool:
        """Return whether the next sync of a scene would change Plex.

        The digests in `sent` are of the metadata that the plugin has sent.
        """
        if why_not_selected(scene, self.after):
            return bool(sent) and self.after.when_not_selected == RESTORE
        if lacks_metadata(scene, last, self.after):
            return False
        if self.selects and last is not None and last.outcome == SKIPPED:
            # The new settings may select this scene, whose cover may have changed meanwhile. They
            # may also exclude another scene of the same item, and the item then shows this scene.
            return True
        if not sent:
            return self.selects and bool(why_not_selected(scene, self.before))
        # The new digest may have been sent to an earlier Plex server. The scene is therefore also
        # queued if its digest has changed.
        new = project(scene, self.after).digest
        return new not in sent or project(scene, self.before).digest != new


def queue_change(services: Services, change: MappingChange, delay: float) -> None:
    """Queue the scenes with a delay in seconds. Waiting jobs of these scenes get the same delay."""
    now = services.clock()
    services.queue.enqueue(
        scene_job(scene_id, METADATA, now, due=now + delay) for scene_id in change.scene_ids
    )


def _seconds_each(services: Services, config: Config) -> float:
    hours = services.status_source.stats().hours.since(services.clock() - _DAY)
    synced = sum(hour.synced for hour in hours)
    each = sum(hour.seconds for hour in hours) / synced if synced else _GUESS
    most = config.max_scenes_per_minute
    return max(each, 60.0 / most) if most else each

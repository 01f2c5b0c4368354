from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_log import SceneRecord
from tasks.answer import Answer, Level, TaskError
from tasks.status.health_check import CONNECTION, end_outage
from validation.config import SHORT_LIVED, Config, refused_settings
from validation.metadata import MAPPING, project
from validation.scene_extractor import StashScene
from validation.selection import RESTORE, SelectionSettings, why_not_selected
from validation.values import counted
from worker.outage_history import format_duration
from worker.services import Services
from worker.sync.results import SKIPPED
from worker.sync.scene_work import lacks_metadata

SEEN_AFTER = 10.0
STORED_AFTER = 60.0
UNCONFIRMED_SHARE = 0.1
_DAY = 86_400.0
_GUESSED_SECONDS_EACH = 0.5
_SELECTION = frozenset(setting.name for setting in fields(SelectionSettings))
_MATCHING = frozenset(("plex_unmatched_path_map", "path_map", "plex_library", "strict_matching"))
_UNMATCHED = ("PlexNotFound", "PlexAmbiguousMatch")


@dataclass(frozen=True, slots=True)
class MappingChange:
    scene_ids: Sequence[int] = ()
    total: int = 0
    seconds_each: float = _GUESSED_SECONDS_EACH

    @property
    def duration(self) -> str:
        return format_duration(max(1.0, len(self.scene_ids) * self.seconds_each))


def save_settings(
    services: Services,
    *,
    settings: Mapping[str, Any],
    confirmed: bool,
    format: str,  # noqa: A002 - the argument's name
) -> Answer:
    unknown = sorted(settings.keys() - {setting.name for setting in fields(Config)})
    if unknown:
        raise TaskError(f"Nothing was saved: there is no setting {', '.join(unknown)[:200]}")
    before = services.sessions.config()
    refused = refused_settings(settings, before)
    if refused:
        text = f"Nothing was saved: {'; '.join(refused.values())}"
        if format == "text":
            raise TaskError(text)
        return Answer(text, data={"refused": refused}, level=Level.FAULT)
    change = _find_change(services, settings, before)
    if len(change.scene_ids) > UNCONFIRMED_SHARE * change.total and not confirmed:
        return _question(change)
    _queue_scenes(services, change.scene_ids, STORED_AFTER)
    services.sessions.change(settings)
    if CONNECTION & settings.keys():
        end_outage(services)
    unmatched = _unmatched_scenes(services) if _MATCHING & settings.keys() else ()
    _queue_scenes(services, [*unmatched, *change.scene_ids], SEEN_AFTER)
    if services.queue.has_unfinished():
        services.ensure_worker()
    expires = "plex_token" in settings and services.sessions.config().token_expires
    return Answer(
        f"{_saved(settings, len(unmatched), change)}{f'. {SHORT_LIVED}' if expires else ''}",
        data={"looked_for_again": len(unmatched), "scenes": len(change.scene_ids), "refused": {}},
        level=Level.WARNING if expires else Level.OK,
    )


def _question(change: MappingChange) -> Answer:
    scenes = len(change.scene_ids)
    return Answer(
        f"Nothing was saved yet. These settings change {scenes:,} of "
        f"{counted(change.total, 'scene')} in Plex, which takes about {change.duration}. Confirm "
        "to save the settings and to sync these scenes again",
        data={"asks": True, "scenes": scenes, "total": change.total, "refused": {}},
        level=Level.WARNING,
    )


def _saved(settings: Mapping[str, Any], retried: int, change: MappingChange) -> str:
    then = [f"it retries {counted(retried, 'unmatched scene')}"] if retried else []
    if change.scene_ids:
        scenes = counted(len(change.scene_ids), "scene")
        then.append(f"it syncs {scenes} again, which takes about {change.duration}")
    return (
        f"Saved: {', '.join(sorted(settings))}. A running worker uses the new settings within "
        f"{SEEN_AFTER:.0f} s{'; then ' if then else ''}{' and '.join(then)}"
    )


def _queue_scenes(services: Services, scene_ids: Sequence[int], delay: float) -> None:
    """Queue the scenes with a delay in seconds. Waiting jobs of these scenes get the same delay."""
    now = services.clock()
    services.queue.enqueue(
        scene_job(scene_id, METADATA, now, due=now + delay) for scene_id in scene_ids
    )


def _unmatched_scenes(services: Services) -> Sequence[int]:
    queue, jobs = services.queue, []
    for kind in _UNMATCHED:
        jobs += [claim.job for claim in queue.waiting_with_error(kind)]
        jobs += [letter.job for letter in queue.dead_letters.of_type(kind) if letter.job]
    return sorted({job.scene_id for job in jobs if job.scene_id is not None})


def _find_change(services: Services, settings: Mapping[str, Any], before: Config) -> MappingChange:
    mapping = {name: value for name, value in settings.items() if name in MAPPING}
    if not mapping:
        return MappingChange()
    services.sessions.try_out(mapping)
    after, log = services.sessions.config(), services.queue.sync_log
    is_same = all(getattr(before, name) == getattr(after, name) for name in MAPPING)
    if is_same or not after.enabled or not log.recent(1):
        return MappingChange()
    needs_sync = partial(_needs_sync, before, after)
    found, total = list[int](), 0
    for page in services.scenes.walk():
        ids = [scene.id for scene in page]
        digests, last = log.digests(None, ids), log.scenes(ids)
        found += [
            scene.id
            for scene in page
            if scene.files
            and needs_sync(scene, digests.get(scene.id, {}).values(), last.get(scene.id))
        ]
        total += len(page)
    return MappingChange(found, total, _seconds_each(services, after))


def _needs_sync(
    before: Config,
    after: Config,
    scene: StashScene,
    sent_digests: Collection[str],
    last: SceneRecord | None,
) -> bool:
    if why_not_selected(scene, after):
        return bool(sent_digests) and after.when_not_selected == RESTORE
    if lacks_metadata(scene, last, after):
        return False
    selection_changed = any(getattr(before, name) != getattr(after, name) for name in _SELECTION)
    if selection_changed and last is not None and last.outcome == SKIPPED:
        return True
    if not sent_digests:
        return selection_changed and bool(why_not_selected(scene, before))
    # The digests may belong to a former Plex server, so the metadata is compared as well.
    new = project(scene, after).digest
    return new not in sent_digests or project(scene, before).digest != new


def _seconds_each(services: Services, config: Config) -> float:
    hours = services.stats().hours.since(services.clock() - _DAY)
    synced = sum(hour.synced for hour in hours)
    each = sum(hour.seconds for hour in hours) / synced if synced else _GUESSED_SECONDS_EACH
    most = config.max_scenes_per_minute
    return max(each, 60.0 / most) if most else each

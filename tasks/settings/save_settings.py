"""Saves settings for the page, and retries jobs that failed because of the old settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer, Level, TaskError
from tasks.settings.mapping_change import MappingChange, find_change, queue_change
from tasks.status.health_check import CONNECTION, end_outage
from validation.config import SHORT_LIVED, Config, refused_settings
from validation.metadata import MAPPING
from validation.values import counted
from worker.services import Services

# A running worker reads changed settings within 10 seconds.
SEEN_AFTER = 10.0
# Scenes are queued before the settings are stored, and become due a minute later. If this process
# is killed before it stores the settings, the scenes are synced with the old settings.
STORED_AFTER = 60.0
_MATCHING = frozenset(("plex_unmatched_path_map", "path_map", "plex_library", "strict_matching"))
_UNMATCHED = ("PlexNotFound", "PlexAmbiguousMatch")


def save_settings(
    services: Services,
    *,
    settings: Mapping[str, Any],
    confirmed: bool,
    format: str,  # noqa: A002 - the argument's name
) -> Answer:
    """Check and store some settings. The other settings stay the same.

    If a value is invalid, nothing is stored. A user then gets a TaskError. A program gets the
    problem of each invalid setting, with the value that remains in use.

    A change that affects more than a tenth of the scenes in Plex is stored only if it is
    `confirmed`.
    """
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
    change = _mapping_change(services, settings, before)
    if change.is_large and not confirmed:
        return _question(change)
    queue_change(services, change, STORED_AFTER)
    services.sessions.change(settings)
    if CONNECTION & settings.keys():
        end_outage(services)
    retried = _retry_unmatched(services) if _MATCHING & settings.keys() else 0
    queue_change(services, change, SEEN_AFTER)
    if services.queue.has_unfinished():
        services.ensure_worker()
    expires = "plex_token" in settings and services.sessions.config().token_expires
    return Answer(
        f"{_saved(settings, retried, change)}{f'. {SHORT_LIVED}' if expires else ''}",
        data={"looked_for_again": retried, "scenes": len(change.scene_ids), "refused": {}},
        level=Level.WARNING if expires else Level.OK,
    )


def _mapping_change(
    services: Services, settings: Mapping[str, Any], before: Config
) -> MappingChange:
    mapping = {name: value for name, value in settings.items() if name in MAPPING}
    if not mapping:
        return MappingChange()
    services.sessions.try_out(mapping)
    return find_change(services, before, services.sessions.config())


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


def _retry_unmatched(services: Services) -> int:
    queue, now = services.queue, services.clock()
    scenes = set()
    for kind in _UNMATCHED:
        scenes |= {claim.job.scene_id for claim in queue.waiting_with_error(kind)}
        scenes |= {letter.job.scene_id for letter in queue.dead_letters.of_type(kind) if letter.job}
    wanted = sorted(scene_id for scene_id in scenes if scene_id is not None)
    # A running worker may still use the old settings.
    due = now + SEEN_AFTER
    queue.enqueue([scene_job(scene_id, METADATA, now, due=due) for scene_id in wanted])
    return len(wanted)

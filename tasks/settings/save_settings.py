"""Saves settings for the page, and retries jobs that failed because of the old settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer, Level, TaskError
from tasks.status.health_check import CONNECTION, end_outage
from validation.config import SHORT_LIVED, Config, refused_settings
from validation.values import counted
from worker.services import Services

# A running worker reads changed settings within this time.
SEEN_AFTER = 10.0
_MATCHING = frozenset(("plex_unmatched_path_map", "path_map", "plex_library", "strict_matching"))
_UNMATCHED = ("PlexNotFound", "PlexAmbiguousMatch")


def save_settings(services: Services, *, settings: Mapping[str, Any], format: str) -> Answer:  # noqa: A002 - the argument's name
    """Check and store some settings. The other settings stay the same.

    Nothing is stored if a value is invalid. A program then gets the problem and the remaining value
    of each invalid setting in the answer. A user gets a TaskError.
    """
    unknown = sorted(settings.keys() - {setting.name for setting in fields(Config)})
    if unknown:
        raise TaskError(f"Nothing was saved: there is no setting {', '.join(unknown)[:200]}")
    refused = refused_settings(settings, services.sessions.config())
    if refused:
        text = f"Nothing was saved: {'; '.join(refused.values())}"
        if format == "text":
            raise TaskError(text)
        return Answer(text, data={"refused": refused}, level=Level.FAULT)
    services.sessions.change(settings)
    if CONNECTION & settings.keys():
        end_outage(services)
    retried = _retry_unmatched(services) if _MATCHING & settings.keys() else 0
    if services.queue.has_unfinished():
        services.ensure_worker()
    retries = f"; then it retries {counted(retried, 'unmatched scene')}" if retried else ""
    expires = "plex_token" in settings and services.sessions.config().token_expires
    return Answer(
        f"Saved: {', '.join(sorted(settings))}. A running worker uses the new settings within "
        f"{SEEN_AFTER:.0f} s{retries}{f'. {SHORT_LIVED}' if expires else ''}",
        data={"looked_for_again": retried, "refused": {}},
        level=Level.WARNING if expires else Level.OK,
    )


def _retry_unmatched(services: Services) -> int:
    queue, now = services.queue, services.clock()
    scenes = set()
    for kind in _UNMATCHED:
        scenes |= {claim.job.scene_id for claim in queue.jobs.waiting_with_error(kind)}
        scenes |= {letter.job.scene_id for letter in queue.dead_letters.of_type(kind) if letter.job}
    wanted = sorted(scene_id for scene_id in scenes if scene_id is not None)
    # A running worker may still use the old settings.
    due = now + SEEN_AFTER
    queue.enqueue([scene_job(scene_id, METADATA, now, due=due) for scene_id in wanted])
    return len(wanted)

"""Saves settings for the page, and retries the jobs that changed settings can affect."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sync_queue.operations import METADATA, scene_job
from tasks.answer import Answer, Level, TaskError
from tasks.arguments import mapping
from validation.config import SHORT_LIVED, Config, parse_config
from validation.values import counted
from worker.services import Services

SEEN_AFTER = 10.0  # seconds until a running worker uses changed settings
_MATCHING = frozenset(("plex_unmatched_path_map", "path_map", "plex_library", "strict_matching"))
_UNMATCHED = ("PlexNotFound", "PlexAmbiguousMatch")


def save_settings(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Check and store the settings in the argument `settings`; keep all others."""
    changes = mapping(arguments, "settings")
    if not changes:
        message = "settings is missing: give an object of names and values"
        raise TaskError(message)
    known = {setting.name for setting in fields(Config)}
    unknown = sorted(str(name) for name in changes if name not in known)
    if unknown:
        message = f"Nothing was saved: there is no setting {', '.join(unknown)[:200]}"
        raise TaskError(message)
    parsed = parse_config(changes, {})
    problems = [
        problem
        for problem in (*parsed.faults, *parsed.warnings)
        if any(problem.startswith(f"{name} ") for name in changes)
    ]
    if problems:
        raise TaskError(f"Nothing was saved: {'; '.join(problems)}")
    context.sessions.change(changes)
    again = _look_again(context) if _MATCHING & changes.keys() else 0
    if context.queue.has_unfinished():
        context.ensure_worker()
    names = ", ".join(sorted(changes))
    looked = f"; then it retries {counted(again, 'unmatched scene')}" if again else ""
    expires = "plex_token" in changes and parsed.config.token_expires
    return Answer(
        f"Saved: {names}. A running worker uses the new settings within {SEEN_AFTER:.0f} s{looked}"
        + (f". {SHORT_LIVED}" if expires else ""),
        data={"looked_for_again": again},
        level=Level.WARNING if expires else Level.OK,
    )


def _look_again(context: Services) -> int:
    """Queue the scenes without a match again; return how many. Success removes dead letters."""
    queue, now = context.queue, context.clock()
    waiting = [
        claim.job.scene_id for kind in _UNMATCHED for claim in queue.jobs.waiting_with_error(kind)
    ]
    dead_lettered = [
        letter.job.scene_id
        for kind in _UNMATCHED
        for letter in queue.dead_letters.of_type(kind)
        if letter.job is not None
    ]
    scenes = {scene_id for scene_id in (*waiting, *dead_lettered) if scene_id is not None}
    due = now + SEEN_AFTER  # earlier the worker would use the old settings
    queue.enqueue([scene_job(scene_id, METADATA, now, due=due) for scene_id in sorted(scenes)])
    return len(scenes)

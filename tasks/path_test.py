"""Tells for a typed path which rule finds which item: the quickest way to a right path map."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer, Level
from tasks.arguments import text
from tasks.context import TaskContext
from tasks.errors import TaskError
from validation.scene_extractor import SceneFile

NOBODYS = 0  # no scene has this number
MOST_SHOWN = 5


def try_path(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Look for a file as the worker would; only what was never listed is listed.

    Raises:
        TaskError: `path` is missing.
        ConfigFault: the settings name no usable Plex server.
        PlexError, StashError: the server could not be asked.
    """
    path = text(arguments, "path")
    if not path:
        message = "path is missing; a file's path as Stash names it is wanted"
        raise TaskError(message)
    session = context.sessions.current()
    session.library.prepare()
    matcher = session.matcher
    found = matcher.find((SceneFile(path=path, size=0),), NOBODYS)
    plex_path = matcher.to_plex(path)
    data = {
        "plex_path": plex_path,
        "rule": None if found.rule is None else found.rule.value,
        "items": [{"rating_key": m.rating_key, "path": m.path} for m in found.matches],
        "candidates": [part.path for part in found.candidates[:MOST_SHOWN]],
    }
    if found.rule is not None:
        keys = ", ".join(str(match.rating_key) for match in found.matches)
        return Answer(f"Found by {found.rule.value}: item {keys}", data=data)
    if found.candidates:
        several = f"It could be any of {len(found.candidates)} files of Plex: set the path map"
        return Answer(several, data=data, level=Level.WARNING)
    missing = f"Plex was looked through for {plex_path} and does not have it"
    return Answer(missing, data=data, level=Level.WARNING)

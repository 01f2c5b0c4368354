from collections.abc import Mapping
from typing import Any

from plex.diff import PLEX_NAMES, ItemEdit
from plex.items import PlexItem
from reconciliation.detector import changes_of
from tasks.answer import Answer, Level, TaskError
from tasks.status.inspect_scene import inspect_one, problem_of
from validation.config import refused_settings
from validation.metadata import MAPPING
from validation.scene_extractor import StashScene
from validation.values import in_brief
from worker.services import Services
from worker.sync.inspection import Inspection

_TRIED = MAPPING | {"preserve_plex_edits"}


def try_settings(services: Services, *, scene: str, settings: Mapping[str, Any]) -> Answer:
    typed = {name: value for name, value in settings.items() if name in _TRIED}
    refused = refused_settings(typed, services.sessions.config())
    if refused:
        text = f"The settings were not tried: {'; '.join(refused.values())}"
        return Answer(text, data={"refused": refused}, level=Level.FAULT)
    services.sessions.try_out(typed)
    session, found = services.sessions.current(), _find(services, scene)
    inspection = inspect_one(services, session, found)
    text, level = _verdict(inspection)
    return Answer(
        f"{found.label}{text}",
        data={
            "scene_id": found.id,
            "tried": [
                {"rating_key": item.rating_key, "fields": _fields(item, edit)}
                for item, edit in inspection.edits
            ],
        },
        level=level,
    )


def _find(services: Services, text: str) -> StashScene:
    if text.isascii() and text.isdigit() and len(text) < 10:
        scene = services.scenes.read([int(text)]).get(int(text))
        if scene is not None:
            return scene
    found = services.scenes.last_edited(text)
    if found is None:
        named = f" {in_brief(text)}; enter its number, or words of its title" if text else " yet"
        raise TaskError(f"Stash has no scene{named}")
    return found


def _verdict(inspection: Inspection) -> tuple[str, Level]:
    if not inspection.scene.files:
        return " is not in Plex: it has no file in Stash", Level.WARNING
    problem = problem_of(inspection)
    if problem is not None:
        return problem[1], Level.WARNING
    changed = dict.fromkeys(name for _, edit in inspection.edits for name in changes_of(edit))
    names = ", ".join(changed)
    text = f" would change in Plex: {names}" if names else " would not change in Plex"
    if inspection.cover_for:
        kinds = " and ".join(inspection.cover_for)
        text += f". Its cover may differ from the last sent {kinds}"
    return text, Level.OK


def _fields(item: PlexItem, edit: ItemEdit) -> dict[str, Any]:
    now = {name: getattr(item, name) for name in PLEX_NAMES}
    wanted = now | changes_of(edit)
    return {
        name: {"in_plex": now[name], "wanted": wanted[name]}
        for name in PLEX_NAMES
        if now[name] or wanted[name]
    }

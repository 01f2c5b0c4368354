"""Decides whether an event matters to Plex, and which jobs it asks for.

A job is a text such as `metadata.scene_12`: update type, subject, hints. The user's save waits for
this module, so it reads no settings and makes no request.
"""

TYPE_CHECKING = False  # importing `typing` costs a third of a bare interpreter's start
if TYPE_CHECKING:
    from typing import Any

UPDATED = {
    "Performer.Update.Post": "performer",
    "Studio.Update.Post": "studio",
    "Tag.Update.Post": "tag",
}
# Jobs of events that matter whatever changed: a new scene, a deleted object.
ALWAYS = {
    "Scene.Create.Post": ("scan", "scene"),
    "Scene.Destroy.Post": ("forget", "scene"),
    "Performer.Destroy.Post": ("entity", "performer"),
    "Studio.Destroy.Post": ("entity", "studio"),
    "Tag.Destroy.Post": ("entity", "tag"),
}
# Fields of Stash's scene inputs that reach Plex, or that tell that a scene was identified.
SYNCED_FIELDS = frozenset((
    "title", "details", "date", "studio_id", "performer_ids", "tag_ids", "rating100", "cover_image",
    "url", "urls", "code", "director", "groups", "movies", "stash_ids", "organized",
))  # fmt: skip
# Plex shows the name of a performer, studio or tag; the other tells performers of one name apart.
NAME_FIELDS = frozenset(("name", "disambiguation"))
_LARGEST_ID, _MOST_DIGITS = 2**63 - 1, 19  # of SQLite, which is Stash's database


class HookContextError(ValueError):
    """Stash's event does not say which object changed how."""


def jobs_for_hook(context: "Any") -> "list[str]":
    """Return the jobs that an event asks for; none when Plex does not show what changed.

    Args:
        context: Stash's `hookContext` as it arrived.

    Raises:
        HookContextError: the context names no object.
    """
    if not isinstance(context, dict):
        message = f"hookContext is {type(context).__name__}, an object was expected"
        raise HookContextError(message)
    event = context.get("type")
    if not isinstance(event, str):
        return []
    if event == "Scene.Update.Post":
        return on_scene_update(context)
    if event == "Tag.Merge.Post":
        return on_tag_merge(context)
    if event in UPDATED:
        return on_entity_update(context, UPDATED[event])
    if event in ALWAYS:
        update_type, kind = ALWAYS[event]
        return [f"{update_type}.{kind}_{_id_of(context, kind)}"]
    return []


def on_scene_update(context: "dict[str, Any]") -> "list[str]":
    """Return the job of an updated scene.

    An update without `input` comes from a scan or a moved file: the scene is matched again.
    """
    scene_id = _id_of(context, "scene")
    if not context.get("input"):
        return [f"path.scene_{scene_id}"]
    names = changed_fields(context["input"], context.get("inputFields"))
    if not requires_plex_sync(names):
        return []
    return [f"metadata.scene_{scene_id}" + (".cover_changed" if "cover_image" in names else "")]


def on_entity_update(context: "dict[str, Any]", kind: str) -> "list[str]":
    """Return the job of an updated performer, studio or tag, unless its name stayed the same."""
    job, hook_input = f"entity.{kind}_{_id_of(context, kind)}", context.get("input")
    names = changed_fields(hook_input, context.get("inputFields"))
    return [] if hook_input and NAME_FIELDS.isdisjoint(names) else [job]


def on_tag_merge(context: "dict[str, Any]") -> "list[str]":
    """Return a job for the destination of a merge and one for each tag merged into it.

    What scenes of the merged tags were sent is known by the old ids only.
    """
    destination, hook_input = _id_of(context, "tag"), context.get("input")
    merged = hook_input.get("source") if isinstance(hook_input, dict) else None
    sources = map(_number, merged if isinstance(merged, list) else ())
    ids = dict.fromkeys((destination, *(number for number in sources if number is not None)))
    return [f"entity.tag_{tag_id}" for tag_id in ids]


def changed_fields(hook_input: "Any", input_fields: "Any") -> "set[str]":
    """Return the names of the fields that a request named.

    `input` is an object, or in a bulk edit a list of all its objects.
    """
    if isinstance(input_fields, list) and input_fields:
        return {name for name in input_fields if isinstance(name, str)}
    inputs = hook_input if isinstance(hook_input, list) else [hook_input]
    return {name for fields in inputs if isinstance(fields, dict) for name in fields}


def requires_plex_sync(names: "set[str]") -> bool:
    """Tell whether any of these fields reaches Plex."""
    return not SYNCED_FIELDS.isdisjoint(names)


def _id_of(context: "dict[str, Any]", kind: str) -> int:
    number = _number(context.get("id"))
    if number is None:
        message = f"hookContext.id is {context.get('id')!r}, the number of a {kind} was expected"
        raise HookContextError(message)
    return number


def _number(value: "Any") -> "int | None":
    # Stash sends a number; a text of digits is unambiguous, a bool or a fraction is not.
    text = value.strip() if isinstance(value, str) else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    number = int(text) if is_number else value
    is_id = isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _LARGEST_ID
    return number if is_id else None

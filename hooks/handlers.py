"""What a hook does: decide whether the event matters, and which jobs it asks for.

The user's save waits for this, so everything here imports the standard library only, reads no
settings and makes no request (design.md §1).
"""

from sync_queue.operations import FOLDER_SCAN, FORGET, METADATA, PATH, entity_job, scene_job

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from typing import Any

    from sync_queue.operations import JobData

SCENE_UPDATED = "Scene.Update.Post"
SCENE_CREATED = "Scene.Create.Post"
SCENE_DESTROYED = "Scene.Destroy.Post"
TAG_MERGED = "Tag.Merge.Post"
ENTITY_UPDATED = {
    "Performer.Update.Post": "performer",
    "Studio.Update.Post": "studio",
    "Tag.Update.Post": "tag",
}
ENTITY_DESTROYED = {
    "Performer.Destroy.Post": "performer",
    "Studio.Destroy.Post": "studio",
    "Tag.Destroy.Post": "tag",
}
SCAN_DELAY = 20.0  # seconds: the scenes that a scan of Stash creates come in bursts

# Fields of Stash's scene inputs that reach Plex, or that tell that a scene was identified
# (spec.md §2). `ids` lists and play counts are not among them.
SYNCED_FIELDS = frozenset(
    (
        "title",
        "details",
        "date",
        "studio_id",
        "performer_ids",
        "tag_ids",
        "rating100",
        "cover_image",
        "url",
        "urls",
        "code",
        "director",
        "groups",
        "movies",
        "stash_ids",
        "organized",
    )
)
_LARGEST_ID, _MOST_DIGITS = 2**63 - 1, 19  # SQLite's, Stash's database
_COVER_FIELD = "cover_image"
# Plex shows the name of a performer, studio or tag; the other tells performers of one name apart.
_NAME_FIELDS = frozenset(("name", "disambiguation"))


class HookContextError(ValueError):
    """Stash sent something that does not say which object changed how."""


def jobs_for_hook(context: "Any", now: float) -> "list[JobData]":
    """Return the jobs that an event asks for: none when Plex does not show what changed.

    Args:
        context: Stash's `hookContext` as it arrived.
        now: seconds since the epoch.

    Raises:
        HookContextError: the context names no object.
    """
    if not isinstance(context, dict):
        message = f"hookContext is {type(context).__name__}, an object was expected"
        raise HookContextError(message)
    event = context.get("type")
    if not isinstance(event, str):
        return []
    if event == SCENE_UPDATED:
        job = on_scene_update(context, now)
        return [] if job is None else [job]
    if event == SCENE_CREATED:
        return [on_scene_create(context, now)]
    if event == SCENE_DESTROYED:
        return [scene_job(_id_of(context, "scene"), FORGET, now)]
    if event == TAG_MERGED:
        return on_tag_merge(context, now)
    if event in ENTITY_UPDATED:
        return on_entity_update(context, ENTITY_UPDATED[event], now)
    if event in ENTITY_DESTROYED:
        kind = ENTITY_DESTROYED[event]
        return [entity_job(kind, _id_of(context, kind), now)]
    return []


def on_scene_create(context: "dict[str, Any]", now: float) -> "JobData":
    """Return the job that makes Plex scan the folder of a new scene, for whoever wants that.

    Raises:
        HookContextError: the id is no number.
    """
    return scene_job(_id_of(context, "scene"), FOLDER_SCAN, now, due=now + SCAN_DELAY)


def on_scene_update(context: "dict[str, Any]", now: float) -> "JobData | None":
    """Return the job for an updated scene.

    No `input` means that a scan updated the scene or that a file moved: the scene is to be matched
    again. With `input`, a field that we sync makes a metadata job.

    Raises:
        HookContextError: the id is no number.
    """
    scene_id = _id_of(context, "scene")
    hook_input = context.get("input")
    if not hook_input:
        return scene_job(scene_id, PATH, now)
    names = changed_fields(hook_input, context.get("inputFields"))
    if not requires_plex_sync(names):
        return None
    hints = {"cover_changed": True} if _COVER_FIELD in names else None
    return scene_job(scene_id, METADATA, now, hints)


def on_entity_update(context: "dict[str, Any]", kind: str, now: float) -> "list[JobData]":
    """Return the job for an updated performer, studio or tag, unless its name was left alone.

    No `input` tells nothing, so it counts.

    Raises:
        HookContextError: the id is no number.
    """
    entity_id = _id_of(context, kind)
    hook_input = context.get("input")
    if hook_input:
        names = changed_fields(hook_input, context.get("inputFields"))
        if _NAME_FIELDS.isdisjoint(names):
            return []
    return [entity_job(kind, entity_id, now)]


def on_tag_merge(context: "dict[str, Any]", now: float) -> "list[JobData]":
    """Return a job for the tag that others were merged into, and one for each of them.

    The scenes of those have it now, and what they had is known by the old ids only.

    Raises:
        HookContextError: the id is no number.
    """
    destination = _id_of(context, "tag")
    hook_input = context.get("input")
    merged = hook_input.get("source") if isinstance(hook_input, dict) else None
    sources = (_number(one) for one in (merged if isinstance(merged, list) else ()))
    ids = dict.fromkeys((destination, *(one for one in sources if one is not None)))
    return [entity_job("tag", one, now) for one in ids]


def changed_fields(hook_input: "Any", input_fields: "Any") -> "set[str]":
    """Return the names of the fields that a request named, whatever form its input has.

    `input` is one object, or a list of them in a bulk edit; it is a hint only, since Stash sends
    the whole list for each scene.
    """
    if isinstance(input_fields, list) and input_fields:
        return {name for name in input_fields if isinstance(name, str)}
    inputs = hook_input if isinstance(hook_input, list) else [hook_input]
    return {name for one in inputs if isinstance(one, dict) for name in one}


def requires_plex_sync(names: "set[str]") -> bool:
    """Tell whether any of these fields is one that reaches Plex."""
    return not SYNCED_FIELDS.isdisjoint(names)


def _id_of(context: "dict[str, Any]", kind: str) -> int:
    value = context.get("id")
    number = _number(value)
    if number is None:
        message = f"hookContext.id is {value!r}, the number of a {kind} was expected"
        raise HookContextError(message)
    return number


def _number(value: "Any") -> "int | None":
    # Stash sends a number; a text of digits is unambiguous. A bool, a fraction or more is neither.
    text = value.strip() if isinstance(value, str) else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    number = int(text) if is_number else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _LARGEST_ID:
        return None
    return number

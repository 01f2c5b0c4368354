"""What a hook does: decide whether the event matters, and store a job durably.

The user's save waits for this, so everything here imports the standard library only, reads no
settings and makes no request (design.md §1).
"""

from sync_queue.operations import FOLDER_SCAN, METADATA, PATH, scene_job

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from typing import Any

    from sync_queue.operations import JobData

SCENE_UPDATED = "Scene.Update.Post"
SCENE_CREATED = "Scene.Create.Post"
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
_COVER_FIELD = "cover_image"


class HookContextError(ValueError):
    """Stash sent something that does not say which object changed how."""


def job_for_hook(context: "Any", now: float) -> "JobData | None":
    """Return the job that an event asks for, or None when Plex does not show what changed.

    Args:
        context: Stash's `hookContext` as it arrived.
        now: seconds since the epoch.

    Raises:
        HookContextError: the context names no object.
    """
    if not isinstance(context, dict):
        message = f"hookContext is {type(context).__name__}, an object was expected"
        raise HookContextError(message)
    if context.get("type") == SCENE_UPDATED:
        return on_scene_update(context, now)
    if context.get("type") == SCENE_CREATED:
        return on_scene_create(context, now)
    return None


def on_scene_create(context: "dict[str, Any]", now: float) -> "JobData":
    """Return the job that makes Plex scan the folder of a new scene, for whoever wants that.

    Raises:
        HookContextError: the id is no number.
    """
    return scene_job(_scene_id(context.get("id")), FOLDER_SCAN, now, due=now + SCAN_DELAY)


def on_scene_update(context: "dict[str, Any]", now: float) -> "JobData | None":
    """Return the job for an updated scene.

    No `input` means that a scan updated the scene or that a file moved: the scene is to be matched
    again. With `input`, a field that we sync makes a metadata job.

    Raises:
        HookContextError: the id is no number.
    """
    scene_id = _scene_id(context.get("id"))
    hook_input = context.get("input")
    if not hook_input:
        return scene_job(scene_id, PATH, now)
    names = changed_fields(hook_input, context.get("inputFields"))
    if not requires_plex_sync(names):
        return None
    hints = {"cover_changed": True} if _COVER_FIELD in names else None
    return scene_job(scene_id, METADATA, now, hints)


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


def _scene_id(value: "Any") -> int:
    # Stash sends a number; a text of digits is unambiguous. A bool, a fraction or more is neither.
    text = value.strip() if isinstance(value, str) else ""
    number = int(text) if text.isascii() and text.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        message = f"hookContext.id is {value!r}, the number of a scene was expected"
        raise HookContextError(message)
    return number

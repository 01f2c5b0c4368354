# Plex does not get URLs and `stash_ids`. But their change shows that a scene was edited by
# Identify, a task of Stash.
SYNCED_FIELDS = frozenset((
    "title", "details", "date", "studio_id", "performer_ids", "tag_ids", "rating100", "cover_image",
    "url", "urls", "code", "director", "groups", "group_ids", "movies", "movie_ids", "stash_ids",
    "organized",
))  # fmt: skip
NAME_FIELDS = frozenset((
    "name", "disambiguation", "gender", "tag_ids", "parent_id", "parent_ids", "child_ids",
))  # fmt: skip
EVENTS = {
    "Scene.Create.Post": ("scan", "scene"),
    "Scene.Update.Post": ("metadata", "scene"),
    "Scene.Destroy.Post": ("forget", "scene"),
    "Tag.Merge.Post": ("entity", "tag"),
} | {
    f"{kind}.{action}.Post": ("entity", kind.lower())
    for kind in ("Performer", "Studio", "Tag", "Group")
    for action in ("Update", "Destroy")
}


class HookContextError(ValueError):
    pass


def jobs_for_hook(context: object) -> list[str]:
    if not isinstance(context, dict):
        raise HookContextError("hookContext is not a JSON object")
    event, hook_input = context.get("type"), context.get("input")
    if not isinstance(event, str) or event not in EVENTS:
        return []
    update_type, kind = EVENTS[event]
    ids = [_number(context.get("id"))]
    if ids[0] is None:
        raise HookContextError(
            f"hookContext.id is {context.get('id')!r}, not the number of a {kind}"
        )
    names = changed_fields(hook_input, context.get("inputFields"))
    if event == "Scene.Update.Post":
        return on_scene_update(ids[0], names if hook_input else None)
    if event.endswith(".Update.Post") and hook_input and NAME_FIELDS.isdisjoint(names):
        return []
    merged = hook_input.get("source") if isinstance(hook_input, dict) else ()
    ids += map(_number, merged if isinstance(merged, list) else ())
    return [f"{update_type}.{kind}_{number}" for number in dict.fromkeys(ids) if number is not None]


def on_scene_update(scene_id: int, names: set[str] | None) -> list[str]:
    """Return the job for a scene. `names` are its edited fields, or None if only a file changed."""
    if names is None:
        return [f"path.scene_{scene_id}"]
    hint = ".cover_changed" if "cover_image" in names else ""
    return [f"metadata.scene_{scene_id}{hint}"] if requires_plex_sync(names) else []


def requires_plex_sync(names: set[str]) -> bool:
    return not SYNCED_FIELDS.isdisjoint(names)


def changed_fields(hook_input: object, input_fields: object) -> set[str]:
    if isinstance(input_fields, list) and input_fields:
        return {name for name in input_fields if isinstance(name, str)}
    inputs = hook_input if isinstance(hook_input, list) else [hook_input]
    return {name for fields in inputs if isinstance(fields, dict) for name in fields}


def _number(value: object) -> int | None:
    text = str(value).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if 0 < number < 2**63 else None

"""What Stash's edit page would send for the changes that a test names."""

from __future__ import annotations

import base64
from typing import Any

from .library import Library, SceneFields

_PLAIN_FIELDS = (
    "title",
    "code",
    "details",
    "director",
    "date",
    "rating100",
    "organized",
    "resume_time",
    "play_duration",
)


def as_input(library: Library, changes: SceneFields) -> dict[str, Any]:
    """The SceneUpdateInput (without id) that says what `changes` says; unknown names are added.

    Raises:
        TypeError: the page cannot change such a field.
    """
    input_: dict[str, Any] = {}
    with library.lock:
        for name, value in changes.items():
            input_ |= _field(library, name, value)
    return input_


def _field(library: Library, name: str, value: Any) -> dict[str, Any]:
    if name in _PLAIN_FIELDS:
        return {name: value}
    if name == "urls":
        return {name: list(value)}
    if name == "studio":
        return {"studio_id": None if value is None else str(library.studios.ensure(value))}
    if name == "performers":
        return {"performer_ids": [str(library.performers.ensure(each)) for each in value]}
    if name == "tags":
        return {"tag_ids": [str(library.tags.ensure(each)) for each in value]}
    if name == "cover":
        return {"cover_image": "data:image/jpeg;base64," + base64.b64encode(value or b"").decode()}
    if name == "stash_ids":
        return {name: [{"endpoint": e.endpoint, "stash_id": e.stash_id} for e in value]}
    if name == "groups":
        places = [library.group_place(each) for each in value]
        return {name: [{"group_id": str(p.group_id), "scene_index": p.scene_index} for p in places]}
    msg = f"the page has no field for {name}; use update_scene"
    raise TypeError(msg)

"""Edits as the GraphQL API takes them, and as Stash hands them to hooks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, cast

from graphql import GraphQLInputObjectType

from .entities import SceneGroup, StashID
from .errors import StashError
from .library import SceneFields

Input = Mapping[str, Any]

_UNSUPPORTED = (
    "id",
    "clientMutationId",
    "gallery_ids",
    "o_counter",
    "play_count",
    "primary_file_id",
)


def as_struct(type_: GraphQLInputObjectType, input_: Input) -> dict[str, Any]:
    """The input as Go prints its struct: every field, unset ones as null."""
    return {name: input_.get(name) for name in type_.fields}


def scene_changes(input_: Input) -> SceneFields:
    """What a SceneUpdateInput or SceneCreateInput changes; absent fields stay as they are."""
    return _translate(input_, _SCENE)


def bulk_changes(input_: Input, current: Mapping[str, tuple[Any, ...]]) -> SceneFields:
    """What a BulkSceneUpdateInput changes in one scene.

    Args:
        input_: the edit.
        current: the scene's lists that it may add to: urls, performer_ids, tag_ids, group_ids.
    """
    resolved = {
        name: _merged(value, current[name]) if name in current else value
        for name, value in input_.items()
        if name != "ids"
    }
    if "group_ids" in resolved:
        resolved["groups"] = [{"group_id": id_} for id_ in resolved.pop("group_ids")]
    return _translate(resolved, _SCENE)


def cover_bytes(value: str) -> bytes:
    """The picture in a `cover_image`: a data URL, or bare base64."""
    if value.startswith(("http://", "https://")):
        msg = "the fake Stash downloads no covers; send a data URL"
        raise StashError(msg)
    encoded = value.partition("base64,")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        msg = f"illegal base64 data: {error}"
        raise StashError(msg) from error


def _merged(update: Input | None, current: tuple[Any, ...]) -> list[Any]:
    if update is None:
        return []
    values = update.get("values", update.get("ids")) or []
    texts = [str(each) for each in current]
    if update["mode"] == "SET":
        return list(values)
    if update["mode"] == "ADD":
        return [*texts, *(each for each in values if each not in texts)]
    return [each for each in texts if each not in values]


def _translate(input_: Input, table: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> SceneFields:
    changes: dict[str, Any] = {}
    for name, value in input_.items():
        if name in _UNSUPPORTED or (name == "url" and "urls" in input_):
            continue
        if name == "cover_image" and value is None:
            continue  # null leaves the cover as it is
        target, convert = table[name]
        changes[target] = convert(value)
    return cast("SceneFields", changes)


def _text(value: str | None) -> str:
    return value or ""


def _same(value: Any) -> Any:
    return value


def _id(value: str | None) -> int | None:
    return None if value is None else int(value)


def _ids(values: list[str] | None) -> list[int]:
    return [int(value) for value in values or ()]


def _groups(values: list[Input] | None) -> list[SceneGroup]:
    return [
        SceneGroup(int(each.get("group_id") or each["movie_id"]), each.get("scene_index"))
        for each in values or ()
    ]


def _stash_ids(values: list[Input] | None) -> list[StashID]:
    return [StashID(each["endpoint"], each["stash_id"]) for each in values or ()]


_SCENE: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "title": ("title", _text),
    "code": ("code", _text),
    "details": ("details", _text),
    "director": ("director", _text),
    "url": ("urls", lambda value: [value] if value else []),
    "urls": ("urls", lambda value: value or []),
    "date": ("date", lambda value: value or None),
    "rating100": ("rating100", _same),
    "organized": ("organized", bool),
    "studio_id": ("studio", _id),
    "performer_ids": ("performers", _ids),
    "tag_ids": ("tags", _ids),
    "groups": ("groups", _groups),
    "movies": ("groups", _groups),
    "stash_ids": ("stash_ids", _stash_ids),
    "cover_image": ("cover", cover_bytes),
    "resume_time": ("resume_time", lambda value: value or 0.0),
    "play_duration": ("play_duration", lambda value: value or 0.0),
}

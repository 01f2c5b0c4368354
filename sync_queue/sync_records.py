"""Typed rows of the sync log; a value of a wrong type is left out and affects no other value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FieldValues = Mapping[str, str | list[str]]

PENDING = "pending"  # the key inside the `sent` JSON that holds in-flight values


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """The values last sent to a Plex item for a scene.

    Attributes:
        digest: of the scene's metadata that was sent; empty before the first write.
        sent: field → value that the item shows since then.
        refused: field → value that Plex did not keep, and that is not sent again.
        pending: field → in-flight value that may have arrived; empty once that is known.
    """

    digest: str
    sent: FieldValues
    refused: FieldValues = field(default_factory=dict)
    poster_sha1: str | None = None
    art_sha1: str | None = None
    pending: FieldValues = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The outcome of a scene's last job.

    Attributes:
        outcome: a word such as `synced`.
        at: seconds since the epoch.
        detail: text for users.
        scene_updated_at: Stash's time stamp of the synced state, verbatim; empty if unsynced.
        cover_tag: SHA-1 and ETag of the last cover, separated by a space. The SHA-1 is empty if
            Plex cannot show the image. None without a cover.
        entities: kind → ids of the performers, studio and tags of that state.
    """

    outcome: str
    at: float
    detail: str = ""
    scene_updated_at: str = ""
    cover_tag: str | None = None
    entities: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentItem:
    """The values last sent to an item for a scene; `at` in seconds since the epoch."""

    scene_id: int
    server_id: str
    rating_key: int
    at: float
    record: ItemRecord


def values_of(raw: object) -> dict[str, str | list[str]]:
    """Parse field → value; leave out wrong types."""
    found: dict[str, str | list[str]] = {}
    for name, value in raw.items() if isinstance(raw, dict) else ():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, list):
            found[name] = [str(entry) for entry in value]
    return found


def entities_of(text: str) -> dict[str, list[int]]:
    """Parse kind → ids; leave out wrong types."""
    return {
        kind: [entity_id for entity_id in ids if isinstance(entity_id, int)]
        for kind, ids in (object_of(text) or {}).items()
        if isinstance(ids, list)
    }


def object_of(text: str | None) -> dict[str, Any] | None:
    """Parse a JSON object; return None for anything else."""
    try:
        raw = json.loads(text) if text else None
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None

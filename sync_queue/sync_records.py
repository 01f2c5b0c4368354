import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FieldValues = Mapping[str, str | list[str]]

# This key inside the `sent` JSON marks values that may not have arrived in Plex.
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """The values last sent. Plex did not store `refused`, and may not have received `pending`."""

    digest: str
    sent: FieldValues
    refused: FieldValues = field(default_factory=dict)
    poster_sha1: str | None = None
    art_sha1: str | None = None
    pending: FieldValues = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The outcome of a scene's last job. `scene_updated_at` is empty if the scene was not synced.

    `cover_tag` contains the SHA-1 and the ETag of the last cover, separated by a space. It is None
    if the scene has no cover. The SHA-1 is empty if Plex cannot show the image.
    """

    outcome: str
    at: float
    detail: str = ""
    scene_updated_at: str = ""
    cover_tag: str | None = None
    entities: Mapping[str, list[int]] = field(default_factory=dict)
    # True if an item in Plex was synced with this scene. SQLite computes this value during a query.
    was_sent: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class SentItem:
    scene_id: int
    server_id: str
    rating_key: int
    at: float
    record: ItemRecord


def values_of(raw: object) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in raw.items() if isinstance(raw, dict) else ():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, list):
            found[name] = [str(entry) for entry in value]
    return found


def entities_of(text: str) -> dict[str, list[int]]:
    return {
        kind: [entity_id for entity_id in ids if isinstance(entity_id, int)]
        for kind, ids in (object_of(text) or {}).items()
        if isinstance(ids, list)
    }


def object_of(text: str | None) -> dict[str, Any] | None:
    try:
        raw = json.loads(text) if text else None
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None

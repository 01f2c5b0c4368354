"""Rows of the sync log. The parsers omit values of a wrong type and keep all others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FieldValues = Mapping[str, str | list[str]]

PENDING = "pending"  # key inside the `sent` JSON for values that may not have arrived in Plex


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """The values last sent to a Plex item for a scene."""

    digest: str  # Digest of the sent metadata; empty before the first write.
    sent: FieldValues  # Values of the item after the last write.
    refused: FieldValues = field(default_factory=dict)  # Values that Plex did not keep.
    poster_sha1: str | None = None
    art_sha1: str | None = None
    pending: FieldValues = field(default_factory=dict)  # values that may not have arrived in Plex


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The outcome of a scene's last job.

    `cover_tag` holds the SHA-1 and the ETag of the last cover, separated by a space. It is None if
    the scene has no cover. The SHA-1 is empty if Plex cannot show the image.
    """

    outcome: str  # A word such as "synced".
    at: float  # Seconds since the epoch.
    detail: str = ""  # An explanation for users.
    scene_updated_at: str = ""  # The scene's `updated_at` at its last sync; "" if unsynced.
    cover_tag: str | None = None
    entities: Mapping[str, list[int]] = field(default_factory=dict)  # ids by kind such as "tags"


@dataclass(frozen=True, slots=True)
class SentItem:
    """The record of a Plex item, with its scene, server and rating key."""

    scene_id: int
    server_id: str
    rating_key: int
    at: float  # seconds since the epoch
    record: ItemRecord


def values_of(raw: object) -> dict[str, str | list[str]]:
    """Return the strings and lists of strings of a JSON object; omit all other values."""
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

"""The rows of the sync log as typed values; parsed so that a damaged one costs itself only."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FieldValues = Mapping[str, str | list[str]]

# Among what was sent, by field, stands under this name what is being sent.
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What one Plex item was last sent for one scene.

    Attributes:
        digest: of the projection that was sent; empty before the first write.
        sent: what the item shows since, per field that we manage.
        refused: what Plex was sent and did not keep, per field: not to be sent again.
        pending: what is being sent and may have arrived, per field; empty once that is known.
    """

    digest: str
    sent: FieldValues
    refused: FieldValues = field(default_factory=dict)
    poster_sha1: str | None = None
    art_sha1: str | None = None
    pending: FieldValues = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """How a scene's last job ended, and what it was made of.

    Attributes:
        entities: ids of its performers, studio and tags at that time, by kind.
        scene_updated_at: Stash's time stamp of the state that was synced, verbatim.
        cover_tag: SHA-1 and, behind a space, Stash's ETag of the cover that was last looked at; no
            SHA-1 where Plex can show none of it, None where there was no cover.
        outcome: a word such as `synced`.
        detail: for people.
        at: seconds since the epoch.
    """

    outcome: str
    at: float
    detail: str = ""
    scene_updated_at: str = ""
    cover_tag: str | None = None
    entities: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentItem:
    """What a scene's item was last sent, on which server, and when (seconds since the epoch)."""

    server_id: str
    rating_key: int
    record: ItemRecord
    at: float


def item_record(row: Sequence[Any]) -> ItemRecord:
    """Read one row: digest, sent, refused, poster and art SHA-1."""
    sent = object_of(row[1]) or {}
    return ItemRecord(
        digest=row[0],
        sent=values_of(sent),
        refused=values_of(object_of(row[2])),
        poster_sha1=row[3],
        art_sha1=row[4],
        pending=values_of(sent.get(PENDING)),
    )


def scene_record(row: Sequence[Any], entities: Mapping[str, list[int]]) -> SceneRecord:
    """Read one row: time stamp, cover, outcome, detail, moment."""
    return SceneRecord(
        scene_updated_at=row[0],
        cover_tag=row[1],
        outcome=row[2],
        detail=row[3],
        at=row[4],
        entities=entities,
    )


def values_of(raw: object) -> dict[str, str | list[str]]:
    """Read values by field; what is of a wrong type is left out."""
    found: dict[str, str | list[str]] = {}
    for name, value in raw.items() if isinstance(raw, dict) else ():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, list):
            found[name] = [str(one) for one in value]
    return found


def entities_of(text: str) -> dict[str, list[int]]:
    """Read ids by kind; what is of a wrong type is left out."""
    raw = object_of(text) or {}
    return {
        kind: [one for one in ids if isinstance(one, int)]
        for kind, ids in raw.items()
        if isinstance(ids, list)
    }


def object_of(text: str | None) -> dict[str, Any] | None:
    """Read a JSON object; None for anything else."""
    try:
        raw = json.loads(text) if text else None
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None

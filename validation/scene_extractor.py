"""Parses scenes of Stash's GraphQL API, and compares Stash's time stamps.

Stash compares time stamps as texts and ignores their offsets from UTC. So a filter asks for more
scenes than wanted (`asked_since`), and `is_since` compares the times of the answer.
"""

import datetime
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from validation.sanitizers import MAX_NAME

_ANY_OFFSET = datetime.timedelta(hours=26)  # the largest difference between two offsets from UTC
_LARGEST_NUMBER = 2**63 - 1  # SQLite stores no larger integer
_MOST_DIGITS = len(str(_LARGEST_NUMBER))


class SceneFile(NamedTuple):
    """A file of a scene."""

    path: str  # in Stash
    size: int = 0  # bytes; 0 for unknown


class Entity(NamedTuple):
    """A performer, studio or tag."""

    id: int
    name: str
    disambiguation: str = ""  # distinguishes performers with the same name


@dataclass(frozen=True, slots=True)
class StashScene:
    """A scene's metadata; unset texts are empty.

    A text has the name of its field in Stash's GraphQL, and queries ask for each text. `date` may
    be partial ("2024", "2024-05"). `created_at` and `updated_at` are Stash's time stamps, verbatim.
    A time stamp that Stash cannot read is Go's zero time and counts as "now".
    """

    id: int
    title: str = ""
    details: str = ""
    date: str = ""
    studio: Entity | None = None
    performers: tuple[Entity, ...] = ()
    tags: tuple[Entity, ...] = ()
    files: tuple[SceneFile, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    code: str = ""
    organized: bool = False

    @property
    def name(self) -> str:
        """The title, or the name of the first file; empty without a title and a file."""
        name = self.title
        if not name and self.files:
            name = self.files[0].path.replace("\\", "/").rsplit("/", 1)[-1]
        return name[:MAX_NAME]

    @property
    def label(self) -> str:
        """The scene's name and id for users."""
        return scene_label(self.id, self.name)

    def entity_ids(self) -> dict[str, list[int]]:
        return {
            "performers": [performer.id for performer in self.performers],
            "studios": [self.studio.id] if self.studio else [],
            "tags": [tag.id for tag in self.tags],
        }


TEXTS = tuple(field.name for field in fields(StashScene) if field.default == "")


def scene_label(scene_id: int, name: str) -> str:
    return f'Scene {scene_id} "{name}"' if name else f"Scene {scene_id}"


class SceneFormatError(ValueError):
    """A part of Stash's answer is not a scene."""


def parse_scene(raw: Any) -> StashScene:
    """Read a scene; a member of a wrong type counts as unset, because a newer Stash may change it.

    Raises:
        SceneFormatError: the scene has no usable id.
    """
    if not isinstance(raw, dict):
        message = f"a scene was expected, not {type(raw).__name__}"
        raise SceneFormatError(message)
    scene_id = _whole_number(raw.get("id"))
    if not scene_id:
        message = f"the scene has no usable id: {raw.get('id')!r}"
        raise SceneFormatError(message)
    return StashScene(
        id=scene_id,
        organized=raw.get("organized") is True,
        studio=_entity(raw.get("studio")),
        performers=_entities(raw.get("performers")),
        tags=_entities(raw.get("tags")),
        files=_files(raw.get("files")),
        **{name: _text(raw.get(name)) for name in TEXTS},
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole_number(value: Any) -> int:
    """Return a positive number that SQLite can store, given as number or text; else 0."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) <= _MOST_DIGITS else 0
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value <= _LARGEST_NUMBER else 0


def _entity(raw: Any) -> Entity | None:
    if not isinstance(raw, dict):
        return None
    name = raw.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    return Entity(_whole_number(raw.get("id")), name, _text(raw.get("disambiguation")))


def _entities(raw: Any) -> tuple[Entity, ...]:
    found = (_entity(entity) for entity in raw) if isinstance(raw, list) else ()
    return tuple(entity for entity in found if entity is not None)


def _files(raw: Any) -> tuple[SceneFile, ...]:
    return tuple(
        SceneFile(file["path"], _whole_number(file.get("size")))
        for file in (raw if isinstance(raw, list) else ())
        if isinstance(file, dict) and isinstance(file.get("path"), str) and file["path"]
    )


def asked_since(moment: float) -> str:
    """Return a filter value for time stamps after `moment`, in seconds since 1970."""
    earlier = datetime.datetime.fromtimestamp(moment, datetime.UTC) - _ANY_OFFSET
    return earlier.strftime("%Y-%m-%dT%H:%M:%S")


def moment_of(text: str) -> float | None:
    """Return a time stamp in seconds since 1970; None for Go's zero time and other texts."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year == datetime.MINYEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def is_since(text: str, moment: float) -> bool:
    """Return whether a time stamp is at or after `moment`, or is unreadable."""
    found = moment_of(text)
    return found is None or found >= moment

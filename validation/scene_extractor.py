import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, NamedTuple

from validation.sanitizers import MAX_NAME
from validation.values import whole_number

_LARGEST_OFFSET_DIFFERENCE = datetime.timedelta(hours=26)


class SceneFile(NamedTuple):
    path: str
    size: int = 0


class Detail(Enum):
    """Parts of a scene that the plugin requests only if a setting uses them."""

    PARENT_STUDIO = "parent_studio"
    PERFORMER_TRAITS = "performer_traits"
    GROUPS = "groups"
    TAG_ANCESTORS = "tag_ancestors"


class Entity(NamedTuple):
    id: int
    name: str
    disambiguation: str = ""
    gender: str = ""
    tags: tuple["Entity", ...] = ()
    parent: "Entity | None" = None
    ancestors: tuple["Entity", ...] = ()


@dataclass(frozen=True, slots=True)
class StashScene:
    id: int
    title: str = ""
    details: str = ""
    date: str = ""
    studio: Entity | None = None
    performers: tuple[Entity, ...] = ()
    tags: tuple[Entity, ...] = ()
    groups: tuple[Entity, ...] = ()
    files: tuple[SceneFile, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    code: str = ""
    director: str = ""
    organized: bool = False
    rating: int = 0

    @property
    def name(self) -> str:
        name = self.title
        if not name and self.files:
            name = self.files[0].path.replace("\\", "/").rsplit("/", 1)[-1]
        return name[:MAX_NAME]

    @property
    def label(self) -> str:
        return scene_label(self.id, self.name)

    def entity_ids(self) -> dict[str, list[int]]:
        parent = self.studio.parent if self.studio else None
        others = [*self.performers, *self.tags]
        traits = (tag for entity in others for tag in (*entity.tags, *entity.ancestors))
        ids = {
            "performers": [performer.id for performer in self.performers],
            "studios": [studio.id for studio in (self.studio, parent) if studio],
            "tags": list(dict.fromkeys(tag.id for tag in (*self.tags, *traits))),
        }
        return ids | ({"groups": [group.id for group in self.groups]} if self.groups else {})


TEXTS = tuple(field.name for field in fields(StashScene) if field.default == "")


def scene_label(scene_id: int, name: str) -> str:
    return f'Scene {scene_id} "{name}"' if name else f"Scene {scene_id}"


class SceneFormatError(ValueError):
    pass


def parse_scene(raw: Any) -> StashScene:
    """Parse a scene of Stash's GraphQL API. A member of an unexpected type counts as not set."""
    if not isinstance(raw, dict):
        raise SceneFormatError(f"a scene was expected, not {type(raw).__name__}")
    scene_id = whole_number(raw.get("id"))
    if not scene_id:
        raise SceneFormatError(f"the scene has no usable id: {raw.get('id')!r}")
    return StashScene(
        id=scene_id,
        organized=raw.get("organized") is True,
        rating=min(whole_number(raw.get("rating100")), 100),
        studio=_entity(raw.get("studio")),
        performers=_entities(raw.get("performers")),
        tags=_entities(raw.get("tags")),
        groups=_groups(raw),
        files=_files(raw.get("files")),
        **{name: _text(raw.get(name)) for name in TEXTS},
    )


def with_ancestors(scene: StashScene, parents: Mapping[int, Sequence[Entity]]) -> StashScene:

    def above(tag: Entity) -> tuple[Entity, ...]:
        found: dict[int, Entity] = {}
        waiting = [*parents.get(tag.id, ())]
        while waiting:
            parent = waiting.pop()
            if parent.id not in found:
                found[parent.id] = parent
                waiting += parents.get(parent.id, ())
        return tuple(found.values())

    tags = (tag._replace(ancestors=above(tag)) for tag in scene.tags)
    return replace(scene, tags=tuple(tags))


def parse_parents(rows: Any) -> dict[int, list[Entity]]:
    parents: dict[int, list[Entity]] = {}
    for row in rows if isinstance(rows, list) else ():
        parent = _entity(row)
        if parent is not None:
            for child in _entities(row.get("children")):
                parents.setdefault(child.id, []).append(parent)
    return parents


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _entity(raw: Any) -> Entity | None:
    if not isinstance(raw, dict):
        return None
    name = raw.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    entity = Entity(whole_number(raw.get("id")), name, _text(raw.get("disambiguation")))
    if "tags" in raw:
        return entity._replace(gender=_text(raw.get("gender")), tags=_entities(raw["tags"]))
    if "parent_studio" in raw:
        return entity._replace(parent=_entity(raw["parent_studio"]))
    return entity


def _entities(raw: Any) -> tuple[Entity, ...]:
    found = (_entity(entity) for entity in raw) if isinstance(raw, list) else ()
    return tuple(entity for entity in found if entity is not None)


def _groups(scene: dict[str, Any]) -> tuple[Entity, ...]:
    rows = scene.get("groups") or scene.get("movies")
    found = rows if isinstance(rows, list) else []
    return _entities(
        [row.get("group") or row.get("movie") for row in found if isinstance(row, dict)]
    )


def _files(raw: Any) -> tuple[SceneFile, ...]:
    return tuple(
        SceneFile(file["path"], whole_number(file.get("size")))
        for file in (raw if isinstance(raw, list) else ())
        if isinstance(file, dict) and isinstance(file.get("path"), str) and file["path"]
    )


def asked_since(moment: float) -> str:
    """Return the time 26 hours before `moment`, as text for Stash's filter.

    The filter ignores UTC offsets, which differ by at most 26 hours.
    """
    earlier = datetime.datetime.fromtimestamp(moment, datetime.UTC) - _LARGEST_OFFSET_DIFFERENCE
    return earlier.strftime("%Y-%m-%dT%H:%M:%S")


def moment_of(text: str) -> float | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    # Stash returns the year 1 for an invalid time stamp.
    if moment.year == datetime.MINYEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def is_since(text: str, moment: float) -> bool:
    """Return whether a time stamp is at `moment` or later. Invalid time stamps count as later."""
    found = moment_of(text)
    return found is None or found >= moment

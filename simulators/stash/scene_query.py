"""`findScenes`: which scenes, in what order, which page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .entities import Scene
from .errors import StashError
from .library import Library

DEFAULT_PER_PAGE = 25

T = TypeVar("T")
Test = Callable[[Scene], bool]


@dataclass(frozen=True, slots=True)
class FoundScenes:
    """A page of scenes, and all that matched."""

    matched: Sequence[Scene]
    scenes: Sequence[Scene]

    @property
    def count(self) -> int:
        """How many matched, on whatever page."""
        return len(self.matched)


def parse_id(text: str) -> int:
    """An id of the API as a number, refused the way Go refuses it."""
    try:
        return int(text)
    except ValueError:
        msg = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise StashError(msg) from None


def parse_ids(texts: Iterable[str], field: str = "ids") -> list[int]:
    """A list of ids without duplicates."""
    seen: dict[str, int] = {}
    for text in texts:
        if text in seen:
            msg = f"validating {field}: duplicate id found: {text}"
            raise StashError(msg)
        seen[text] = parse_id(text)
    return list(seen.values())


def by_ids(library: Library, ids: Sequence[int]) -> FoundScenes:
    """The scenes in the order asked for; one missing or doubled id fails the whole call."""
    scenes: list[Scene] = []
    seen: set[int] = set()
    for scene_id in ids:
        scene = library.scenes.get(scene_id)
        if scene is None or scene_id in seen:
            msg = f"scene with id {scene_id} not found"
            raise StashError(msg)
        seen.add(scene_id)
        scenes.append(scene)
    return FoundScenes(scenes, scenes)


def find(
    library: Library, scene_filter: Mapping[str, Any], find_filter: Mapping[str, Any]
) -> FoundScenes:
    """The scenes that pass every criterion, sorted by id and paged."""
    candidates, others = _after(library, scene_filter)
    tests = [_TESTS[name](library, wanted) for name, wanted in others.items() if wanted is not None]
    matched = [scene for scene in candidates if all(test(scene) for test in tests)]
    if find_filter.get("sort") not in (None, "id"):
        raise StashError(f"the fake Stash does not sort by {find_filter['sort']}")
    matched.sort(key=lambda scene: scene.id, reverse=find_filter.get("direction") == "DESC")
    return FoundScenes(matched, page(matched, find_filter))


def _after(
    library: Library, scene_filter: Mapping[str, Any]
) -> tuple[list[Scene], Mapping[str, Any]]:
    """The scenes beyond an id, and what is left to test: a walk by id costs its pages only."""
    scenes, wanted = library.scenes, scene_filter.get("id") or {}
    if wanted.get("modifier") != "GREATER_THAN":
        return list(scenes.values()), scene_filter
    ids = list(scenes)  # rising: a scene keeps its place
    beyond = ids[bisect_right(ids, wanted["value"]) :]
    return [scenes[id_] for id_ in beyond], {**scene_filter, "id": None}


def page(items: Sequence[T], find_filter: Mapping[str, Any]) -> Sequence[T]:
    """The page of `items` that a FindFilterType asks for."""
    per_page = find_filter.get("per_page")
    per_page = DEFAULT_PER_PAGE if per_page is None else per_page
    if per_page < 0:
        return items
    start = (max(find_filter.get("page") or 1, 1) - 1) * per_page
    return items[start : start + per_page]


# ---- filters ----


def _later_than(read: Callable[[Scene], str]) -> Callable[[Library, Any], Test]:
    """Time stamps, which Stash compares as plain text."""
    return lambda _library, wanted: lambda scene: read(scene) > wanted["value"]


def _refers_to(read: Callable[[Scene], Collection[int]]) -> Callable[[Library, Any], Test]:
    """Scenes that have any of these ids."""

    def build(_library: Library, wanted: Any) -> Test:
        ids = {int(id_) for id_ in wanted["value"]}
        return lambda scene: not ids.isdisjoint(read(scene))

    return build


_TESTS: Mapping[str, Callable[[Library, Any], Test]] = {
    "studios": _refers_to(lambda scene: () if scene.studio_id is None else (scene.studio_id,)),
    "performers": _refers_to(lambda scene: scene.performer_ids),
    "tags": _refers_to(lambda scene: scene.tag_ids),
    "created_at": _later_than(lambda scene: scene.created_at),
    "updated_at": _later_than(lambda scene: scene.updated_at),
}

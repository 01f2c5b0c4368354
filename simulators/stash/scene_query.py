"""`findScenes`: which scenes, in what order, which page."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from . import criteria
from .entities import Scene
from .errors import StashError
from .library import Library

DEFAULT_PER_PAGE = 25
DAY = 86_400

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

    @property
    def duration(self) -> float:
        """Seconds of video in the primary files that matched."""
        return sum(scene.files[0].duration for scene in self.matched if scene.files)

    @property
    def filesize(self) -> float:
        """Bytes of the primary files that matched."""
        return float(sum(scene.files[0].size for scene in self.matched if scene.files))


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
    """The scenes that pass every criterion, sorted and paged."""
    candidates, others = _after(library, scene_filter)
    tests = [_TESTS[name](library, wanted) for name, wanted in others.items() if wanted is not None]
    if find_filter.get("q"):
        tests.append(_search(find_filter["q"]))
    matched = [scene for scene in candidates if all(test(scene) for test in tests)]
    _sort(matched, find_filter.get("sort") or "", find_filter.get("direction") == "DESC")
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


# ---- order ----


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key of Stash's NATURAL_CI collation: numbers by value, letters without case."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d+)", text.casefold())
    ]


_SORT_KEYS: Mapping[str, Callable[[Scene], Any]] = {
    "id": lambda scene: scene.id,
    "created_at": lambda scene: scene.created_at,
    "updated_at": lambda scene: scene.updated_at,
    "path": lambda scene: scene.path or "",
    "title": lambda scene: _natural(
        scene.title or (scene.files[0].basename if scene.files else "")
    ),
}


def _sort(scenes: list[Scene], sort: str, descending: bool) -> None:
    if not sort:
        return
    if sort not in _SORT_KEYS:
        msg = f"invalid sort: {sort}"
        raise StashError(msg)
    if sort != "id":  # equal keys come in the order of their titles, whatever the direction
        scenes.sort(key=lambda scene: _natural(scene.title or str(scene.id)))
    scenes.sort(key=_SORT_KEYS[sort], reverse=descending)


# ---- filters ----


def _search(q: str) -> Test:
    words = q.casefold().split()

    def test(scene: Scene) -> bool:
        hay = "\n".join((scene.title, scene.details, *(file.path for file in scene.files)))
        folded = hay.casefold()
        return all(word in folded for word in words)

    return test


def _itself(number: int) -> Collection[int]:
    return (number,)


def _number(read: Callable[[Scene], int | None]) -> Callable[[Library, Any], Test]:
    def build(_library: Library, wanted: Any) -> Test:
        test = criteria.ordered(wanted, default_upper=0)
        return lambda scene: test(read(scene))

    return build


def _text(read: Callable[[Scene], str | None]) -> Callable[[Library, Any], Test]:
    def build(_library: Library, wanted: Any) -> Test:
        test = criteria.text(wanted)
        return lambda scene: test(read(scene))

    return build


def _any_path(_library: Library, wanted: Any) -> Test:
    test = criteria.text(wanted)
    return lambda scene: (
        any(test(file.path) for file in scene.files) or (not scene.files and test(None))
    )


def _stamp(read: Callable[[Scene], str]) -> Callable[[Library, Any], Test]:
    def build(library: Library, wanted: Any) -> Test:
        tomorrow = library.clock.stamp_of(library.clock.now() + DAY)
        test = criteria.ordered(wanted, default_upper=tomorrow)
        return lambda scene: test(read(scene))

    return build


def _related(read: Callable[[Scene], Collection[int]]) -> Callable[[Library, Any], Test]:
    def build(_library: Library, wanted: Any) -> Test:
        test = criteria.related(wanted, _itself)
        return lambda scene: test(read(scene))

    return build


def _studios(library: Library, wanted: Any) -> Test:
    depth = wanted.get("depth") or 0

    def family(studio_id: int) -> Collection[int]:
        members = {studio_id}
        generations = len(library.studios.by_id) if depth < 0 else depth
        for _ in range(generations):
            members |= {s.id for s in library.studios.by_id.values() if s.parent_id in members}
        return members

    test = criteria.related(wanted, family)
    return lambda scene: test(() if scene.studio_id is None else (scene.studio_id,))


_MISSING: Mapping[str, Test] = {
    "cover": lambda scene: not scene.cover,
    "date": lambda scene: not scene.date,
    "details": lambda scene: not scene.details,
    "performers": lambda scene: not scene.performer_ids,
    "studio": lambda scene: scene.studio_id is None,
    "tags": lambda scene: not scene.tag_ids,
    "title": lambda scene: not scene.title,
    "url": lambda scene: not scene.urls,
}


def _missing(_library: Library, wanted: str) -> Test:
    if wanted not in _MISSING:
        msg = f"the fake Stash does not know is_missing: {wanted}"
        raise StashError(msg)
    return _MISSING[wanted]


_TESTS: Mapping[str, Callable[[Library, Any], Test]] = {
    "id": _number(lambda scene: scene.id),
    "title": _text(lambda scene: scene.title),
    "path": _any_path,
    "file_count": _number(lambda scene: len(scene.files)),
    "rating100": _number(lambda scene: scene.rating100),
    "organized": lambda _library, wanted: lambda scene: scene.organized == wanted,
    "is_missing": _missing,
    "studios": _studios,
    "performers": _related(lambda scene: scene.performer_ids),
    "tags": _related(lambda scene: scene.tag_ids),
    "groups": _related(lambda scene: [group.group_id for group in scene.groups]),
    "created_at": _stamp(lambda scene: scene.created_at),
    "updated_at": _stamp(lambda scene: scene.updated_at),
}

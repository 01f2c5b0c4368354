from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .entities import Scene, StashError
from .library import Library

DEFAULT_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class FoundScenes:
    scenes: Sequence[Scene]
    count: int


def parse_id(text: str) -> int:
    """Return an id of the API as a number. Other texts are refused, as in Go."""
    try:
        return int(text)
    except ValueError:
        msg = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise StashError(msg) from None


def find(
    library: Library, criteria: Mapping[str, Any], find_filter: Mapping[str, Any]
) -> FoundScenes:
    given = {name: wanted for name, wanted in criteria.items() if wanted is not None}
    candidates = _after(library, given.pop("id", None))
    tests = [_TESTS[name](wanted["value"]) for name, wanted in given.items()]
    matched = [scene for scene in candidates if all(test(scene) for test in tests)]
    words = (find_filter.get("q") or "").casefold().split()
    # Stash also searches other texts of a scene, such as its path.
    if words:
        matched = [s for s in matched if all(word in s.title.casefold() for word in words)]
    order = _ORDERS.get(find_filter.get("sort") or "id")
    if order is None:
        raise StashError(f"the fake Stash does not sort by {find_filter['sort']}")
    matched.sort(key=order, reverse=find_filter.get("direction") == "DESC")
    return FoundScenes(_page(matched, find_filter), len(matched))


def _after(library: Library, wanted: Mapping[str, Any] | None) -> list[Scene]:
    # The ids are sorted, because each new scene gets a higher id.
    ids = list(library.scenes)
    start = bisect_right(ids, wanted["value"]) if wanted else 0
    return [library.scenes[id_] for id_ in ids[start:]]


def _page(scenes: Sequence[Scene], find_filter: Mapping[str, Any]) -> Sequence[Scene]:
    per_page = find_filter.get("per_page")
    per_page = DEFAULT_PER_PAGE if per_page is None else per_page
    if per_page < 0:
        return scenes
    start = (max(find_filter.get("page") or 1, 1) - 1) * per_page
    return scenes[start : start + per_page]


_ORDERS: Mapping[str, Callable[[Scene], Any]] = {
    "id": lambda scene: scene.id,
    "updated_at": lambda scene: (scene.updated_at, scene.id),
}
Test = Callable[[Scene], bool]


def _refers_to(read: Callable[[Scene], Sequence[int | None]]) -> Callable[[Any], Test]:
    def build(value: Any) -> Test:
        ids = {int(id_) for id_ in value}
        return lambda scene: not ids.isdisjoint(read(scene))

    return build


# Stash compares time stamps as plain text.
_TESTS: Mapping[str, Callable[[Any], Test]] = {
    "studios": _refers_to(lambda scene: (scene.studio_id,)),
    "performers": _refers_to(lambda scene: scene.performer_ids),
    "tags": _refers_to(lambda scene: scene.tag_ids),
    "created_at": lambda stamp: lambda scene: scene.created_at > stamp,
    "updated_at": lambda stamp: lambda scene: scene.updated_at > stamp,
}

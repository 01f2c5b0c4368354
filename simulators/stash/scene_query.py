from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    tests = [_TESTS[name](library, wanted) for name, wanted in given.items()]
    matched = [scene for scene in candidates if all(test(scene) for test in tests)]
    words = (find_filter.get("q") or "").casefold().split()
    if words:
        matched = [s for s in matched if all(word in s.title.casefold() for word in words)]
    order = _ORDERS.get(find_filter.get("sort") or "id")
    if order is None:
        raise StashError(f"the fake Stash does not sort by {find_filter['sort']}")
    matched.sort(key=order, reverse=find_filter.get("direction") == "DESC")
    return FoundScenes(_page(matched, find_filter), len(matched))


def _after(library: Library, wanted: Mapping[str, Any] | None) -> list[Scene]:
    ascending_ids = list(library.scenes)
    start = bisect_right(ascending_ids, wanted["value"]) if wanted else 0
    return [library.scenes[id_] for id_ in ascending_ids[start:]]


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


Ids = Iterable[int | None]


def _refers_to(read: Callable[[Library, Scene], Ids]) -> Callable[[Library, Any], Test]:
    def build(library: Library, wanted: Any) -> Test:
        ids = {int(id_) for id_ in wanted["value"]}
        if wanted.get("depth"):
            studios = library.studios.by_id.values()
            ids |= {studio.id for studio in studios if studio.parent_id in ids}
        if wanted.get("depth") == -1:
            ids = library.with_descendants(ids)
        return lambda scene: not ids.isdisjoint(read(library, scene))

    return build


def _performer_tags(library: Library, scene: Scene) -> Ids:
    performers = library.performers.by_id
    return (tag_id for id_ in scene.performer_ids for tag_id in performers[id_].tag_ids)


def _later(stamp: str) -> Callable[[Library, Any], Test]:
    # Like Stash, compare time stamps as texts, even if their UTC offsets differ.
    return lambda _, wanted: lambda scene: getattr(scene, stamp) > wanted["value"]


_TESTS: Mapping[str, Callable[[Library, Any], Test]] = {
    "studios": _refers_to(lambda _, scene: (scene.studio_id,)),
    "performers": _refers_to(lambda _, scene: scene.performer_ids),
    "tags": _refers_to(lambda _, scene: scene.tag_ids),
    "groups": _refers_to(lambda _, scene: scene.group_ids),
    "performer_tags": _refers_to(_performer_tags),
    "created_at": _later("created_at"),
    "updated_at": _later("updated_at"),
}

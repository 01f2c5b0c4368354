import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.plex.library import Library
from simulators.plex.params import Params
from simulators.plex.state import Item, Section
from simulators.plex.switches import Switches

_ARTICLES = re.compile(r"^(the|an?)\s+", re.IGNORECASE)


def sort_title(item: Item) -> str:
    return (item.title_sort or _ARTICLES.sub("", item.title)).casefold()


_SORTS: Mapping[str, Callable[[Item], str | float]] = {
    "titleSort": sort_title,
    "id": lambda item: item.rating_key,
    "addedAt": lambda item: item.added_at,
    "updatedAt": lambda item: item.updated_at,
}


def select(library: Library, section: Section, params: Params, switches: Switches) -> list[Item]:
    """Return the items of all pages of a listing, in order.

    Like a real Plex, the fake Plex ignores unknown filters and sort keys.
    """
    file = "" if switches.ignores_file_filter else params.get("file")
    ignore_case = switches.string_filters_ignore_case
    key = (section.key, file, params.get("sort"), ignore_case, switches.ignored_sorts)

    def compute() -> list[Item]:
        found = library.members(section)
        if file:
            paths = library.paths(section, ignore_case=ignore_case)
            chunks = (file.casefold() if ignore_case else file).split(",")
            hits = {item for chunk in chunks for path, item in paths if chunk in path}
            found = [item for item in found if item in hits]
        return _sorted(found, params.get("sort"), switches.ignored_sorts)

    return library.selection(key, compute)


def _sorted(items: list[Item], sort: str, ignored: frozenset[str]) -> list[Item]:
    fields = [field.partition(":") for field in sort.split(",") if field]
    known = [(name, way) for name, _, way in fields if name in _SORTS and name not in ignored]
    for name, way in reversed(known or [("titleSort", "")]):
        items = sorted(items, key=_SORTS[name], reverse=way == "desc")
    return items


@dataclass(frozen=True, slots=True)
class Page:
    start: int
    size: int | None

    def cut(self, rows: list[Item]) -> list[Item]:
        return rows[self.start :] if self.size is None else rows[self.start :][: self.size]


def requested_page(params: Params, headers: Mapping[str, str], switches: Switches) -> Page | None:
    start = _container(params, headers, "X-Plex-Container-Start")
    size = _container(params, headers, "X-Plex-Container-Size")
    if size is None and switches.require_size_header:
        return None
    return Page(0, None) if switches.ignores_paging else Page(start or 0, size)


def _container(params: Params, headers: Mapping[str, str], name: str) -> int | None:
    text = params.get(name) or headers.get(name.lower(), "")
    return int(text) if text.isascii() and text.isdigit() else None

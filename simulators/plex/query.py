"""Filters, sort and paging of a listing (plex-protocol.md §2.2, §2.4, §2.5, §8.3.2)."""

from __future__ import annotations

import re
import time
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from simulators.plex.library import Library
from simulators.plex.params import Params
from simulators.plex.state import TAG_ATTRIBUTES, Item, Section
from simulators.plex.switches import Switches

Test = Callable[[Item], bool]
T = TypeVar("T")

_KEY = re.compile(r"(?:movie\.)?(\w+)([!<>=]*)")
_AGO = re.compile(r"-(\d+)(mon|[smhdwy])")
_SECONDS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604_800,
    "mon": 2_592_000,
    "y": 31_536_000,
}
_STRINGS = {
    "title": "title",
    "studio": "studio",
    "summary": "summary",
    "tagline": "tagline",
    "originalTitle": "original_title",
    "titleSort": "title_sort",
    "editionTitle": "edition_title",
}
_NUMBERS = {
    "id": "rating_key",
    "year": "year",
    "duration": "duration",
    "addedAt": "added_at",
    "updatedAt": "updated_at",
    "userRating": "user_rating",
    "rating": "rating",
    "audienceRating": "audience_rating",
}
_TIMES = frozenset({"addedAt", "updatedAt"})
_ARTICLES = re.compile(r"^(the|an?)\s+", re.IGNORECASE)
_CONNECTIVES = frozenset({"push", "pop", "or", "and"})
_NOT_FILTERS = frozenset({"type", "sort", "limit"})


class Filters:
    """Turns the query of one listing into items.

    Unknown filters, and operators that a field does not have, are ignored: the listing is then
    longer than the client thinks, as on the real server.
    """

    def __init__(self, library: Library, section: Section, switches: Switches) -> None:
        self._library = library
        self._section = section
        self._switches = switches

    def select(self, params: Params) -> list[Item]:
        """All items that match, sorted, before paging."""
        tokens = [
            (key, value)
            for key, value in params
            if key not in _NOT_FILTERS and not key.startswith(("X-Plex-", "include", "exclude"))
        ]
        sort = params.get("sort")
        switches = (
            self._switches.ignores_file_filter,
            self._switches.time_filter,
            self._switches.ignored_sorts,
            self._switches.string_filters_ignore_case,
        )
        key = (self._section.key, tuple(tokens), sort, switches)
        found = self._library.selection(
            key, lambda: self._compute(tokens, _honoured(sort, self._switches.ignored_sorts))
        )
        limit = params.number("limit")
        return found if limit is None else found[:limit]

    def _compute(self, tokens: list[tuple[str, str]], sort: str) -> list[Item]:
        candidates, others = self._candidates(tokens)
        test = _group(iter(others), self._test)
        if test is not None:
            candidates = [item for item in candidates if test(item)]
        return _sorted(candidates, sort)

    def _candidates(
        self, tokens: list[tuple[str, str]]
    ) -> tuple[list[Item], list[tuple[str, str]]]:
        """Where to look, and what is left to test: a plain `file=` is answered by an index."""
        nested = any(key in _CONNECTIVES for key, _ in tokens)
        by_file = [token for token in tokens if token[0] == "file"]
        if nested or not by_file or self._switches.ignores_file_filter:
            return self._library.members(self._section), tokens
        hits = dict.fromkeys(self._with_file(by_file[0][1]))
        rest = [token for token in tokens if token is not by_file[0]]
        return sorted(hits, key=lambda item: item.rating_key), rest

    def _test(self, key: str, value: str) -> Test | None:
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        name, operator = match[1], match[2]
        if name == "file":
            return self._file_test(operator, value)
        if name in _STRINGS:
            return _string_test(_STRINGS[name], operator, value, self._fold)
        if name in _TIMES:
            return self._time_test(name, operator, value)
        if name in _NUMBERS:
            return _number_test(_attribute(_NUMBERS[name]), operator, value)
        if name == "originallyAvailableAt":
            return _number_test(_release, operator, value)
        if name in TAG_ATTRIBUTES or name == "actor":
            return self._tag_test(name, operator, value)
        return _plain_test(name, operator, value)

    def _with_file(self, value: str) -> list[Item]:
        ignore_case = self._switches.string_filters_ignore_case
        index = self._library.paths(self._section, ignore_case=ignore_case)
        return [item for chunk in value.split(",") for item in index.containing(chunk)]

    def _file_test(self, operator: str, value: str) -> Test | None:
        if self._switches.ignores_file_filter:
            return None
        if operator in {"", "!"}:
            hits = {item.rating_key for item in self._with_file(value)}
            wanted = operator == ""
            return lambda item: (item.rating_key in hits) is wanted
        compare = _string_compare(operator, value, self._fold)
        return compare and (lambda item: any(compare(file) for file in item.files))

    def _time_test(self, name: str, operator: str, value: str) -> Test | None:
        """`addedAt>>=N` (strictly later), or only `addedAt>=N`, or neither: as the switch says."""
        mode = self._switches.time_filter
        operators = {"quoted": {">>": ">>", "<<": "<<"}, "literal": {">": ">=", "<": "<="}}
        known = operators.get(mode, {}).get(operator, operator if operator in {"", "!"} else None)
        return None if known is None else _number_test(_attribute(_NUMBERS[name]), known, value)

    def _tag_test(self, kind: str, operator: str, value: str) -> Test | None:
        if operator not in {"", "!"}:
            return None
        tags = (self._library.tags.find(kind, text) for text in value.split(","))
        names = {tag.name for tag in tags if tag is not None}
        wanted = operator == ""
        if kind == "actor":
            return lambda item: any(actor.name in names for actor in item.actors) is wanted
        attribute = TAG_ATTRIBUTES[kind]
        return lambda item: (not names.isdisjoint(getattr(item, attribute))) is wanted

    def _fold(self, text: str) -> str:
        return text.casefold() if self._switches.string_filters_ignore_case else text


def _group(
    tokens: Iterator[tuple[str, str]], make: Callable[[str, str], Test | None]
) -> Test | None:
    """One level of `push … or … and … pop`; without a connective all tests must hold."""
    alternatives: list[list[Test]] = [[]]
    for key, value in tokens:
        if key == "pop":
            break
        if key == "or":
            alternatives.append([])
        elif key != "and":
            test = _group(tokens, make) if key == "push" else make(key, value)
            if test is not None:
                alternatives[-1].append(test)
    tests = [alternative for alternative in alternatives if alternative]
    if not tests:
        return None
    return lambda item: any(all(test(item) for test in all_of) for all_of in tests)


def _string_compare(
    operator: str, value: str, fold: Callable[[str], str]
) -> Callable[[str], bool] | None:
    """Contains, is, begins, ends or their negation; a comma separates alternatives."""
    chunks = [fold(chunk) for chunk in value.split(",")]
    positive = operator.removeprefix("!")
    compares: Mapping[str, Callable[[str, str], bool]] = {
        "": lambda text, chunk: chunk in text,
        "=": lambda text, chunk: text == chunk,
        "<": str.startswith,
        ">": str.endswith,
    }
    compare = compares.get(positive)
    if compare is None:
        return None
    wanted = not operator.startswith("!")
    return lambda text: any(compare(fold(text), chunk) for chunk in chunks) is wanted


def _string_test(
    attribute: str, operator: str, value: str, fold: Callable[[str], str]
) -> Test | None:
    compare = _string_compare(operator, value, fold)
    return compare and (lambda item: compare(getattr(item, attribute)))


def _number_test(read: Callable[[Item], float | None], operator: str, value: str) -> Test | None:
    """Equal, unequal, strictly greater, strictly less; an item without the value never matches."""
    numbers = [number for text in value.split(",") if (number := _number(text)) is not None]
    if not numbers:
        return None
    first = numbers[0]
    compares: Mapping[str, Callable[[float], bool]] = {
        "": lambda have: have in numbers,
        "!": lambda have: have not in numbers,
        ">>": lambda have: have > first,
        "<<": lambda have: have < first,
        ">=": lambda have: have >= first,
        "<=": lambda have: have <= first,
    }
    compare = compares.get(operator)
    if compare is None:
        return None
    return lambda item: (have := read(item)) is not None and compare(have)


def _plain_test(name: str, operator: str, value: str) -> Test | None:
    """Fields that are compared as a whole."""
    if operator not in {"", "!"}:
        return None
    wanted = operator == ""
    values = value.split(",")
    if name == "contentRating":
        return lambda item: (item.content_rating in values) is wanted
    if name == "guid":
        return lambda item: (item.guid == value) is wanted
    if name == "unmatched":
        return lambda item: item.unmatched is (value == "1")
    return None


def _number(text: str) -> float | None:
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return float(text)
    except ValueError:
        return None


def _attribute(name: str) -> Callable[[Item], float | None]:
    def read(item: Item) -> float | None:
        value: float | None = getattr(item, name)
        return value

    return read


def _number_key(name: str) -> Callable[[Item], float]:
    read = _attribute(name)
    return lambda item: read(item) or 0


def _release(item: Item) -> float | None:
    if not item.originally_available_at:
        return None
    return timegm(time.strptime(item.originally_available_at, "%Y-%m-%d"))


def sort_title(item: Item) -> str:
    """By what Plex sorts titles: its own sort title, or the title without its article."""
    return (item.title_sort or _ARTICLES.sub("", item.title)).casefold()


_SORTS: Mapping[str, Callable[[Item], str | float]] = {
    "titleSort": sort_title,
    "title": lambda item: item.title.casefold(),
    "guid": lambda item: item.guid,
    "summary": lambda item: item.summary.casefold(),
    "tagline": lambda item: item.tagline.casefold(),
    "originallyAvailableAt": lambda item: item.originally_available_at,
    **{name: _number_key(attribute) for name, attribute in _NUMBERS.items()},
}


def _honoured(sort: str, ignored: frozenset[str]) -> str:
    fields = (field for field in sort.split(",") if field.partition(":")[0] not in ignored)
    return ",".join(fields)


def _sorted(items: list[Item], sort: str) -> list[Item]:
    """By each sort field in turn, the first one weighing most; unknown ones are ignored."""
    found = items
    for field in reversed([field for field in sort.split(",") if field] or ["titleSort"]):
        name, _, direction = field.removeprefix("movie.").partition(":")
        key = _SORTS.get(name)
        if key is not None:
            found = sorted(found, key=key, reverse=direction == "desc")
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list the client wants; `size` None is all of it."""

    start: int
    size: int | None

    def cut(self, rows: list[T]) -> list[T]:
        return rows[self.start :] if self.size is None else rows[self.start :][: self.size]

    def describe(self, total: int, shown: int) -> tuple[dict[str, str | int], dict[str, str]]:
        """Attributes of the container, and headers of the answer."""
        attributes: dict[str, str | int] = {
            "size": shown,
            "totalSize": total,
            "offset": self.start,
        }
        headers = {
            "X-Plex-Container-Start": str(self.start),
            "X-Plex-Container-Total-Size": str(total),
        }
        return attributes, headers


def requested_page(params: Params, headers: Mapping[str, str], switches: Switches) -> Page | None:
    """The page asked for by query or header; None when a size is required and missing."""
    start = _container(params, headers, "X-Plex-Container-Start")
    size = _container(params, headers, "X-Plex-Container-Size")
    if size is None and switches.require_size_header:
        return None
    if switches.ignores_paging:
        return Page(0, None)
    return Page(start or 0, size)


def _container(params: Params, headers: Mapping[str, str], name: str) -> int | None:
    in_query = params.number(name)
    if in_query is not None:
        return in_query
    text = headers.get(name.lower(), "")
    return int(text) if text.isascii() and text.isdigit() else None

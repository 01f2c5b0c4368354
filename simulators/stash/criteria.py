"""Filter criteria of Stash's API as predicates on one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .errors import StashError

Criterion = Mapping[str, Any]


def ordered(criterion: Criterion, default_upper: Any) -> Callable[[Any], bool]:
    """A criterion on numbers, or on time stamps, which Stash compares as plain text.

    Args:
        criterion: `value`, `value2` and `modifier`.
        default_upper: what stands for an absent `value2`.
    """
    low = criterion["value"]
    given = criterion.get("value2")
    high = default_upper if given is None else given
    tests: dict[str, Callable[[Any], bool]] = {
        "EQUALS": lambda v: v is not None and bool(v == low),
        "NOT_EQUALS": lambda v: v is not None and bool(v != low),
        "GREATER_THAN": lambda v: v is not None and bool(v > low),
        "LESS_THAN": lambda v: v is not None and bool(v < low),
        "BETWEEN": lambda v: v is not None and bool(low <= v <= high),
        "NOT_BETWEEN": lambda v: v is not None and not low <= v <= high,
        "IS_NULL": lambda v: v is None,
        "NOT_NULL": lambda v: v is not None,
    }
    return _pick(tests, criterion)


def text(criterion: Criterion) -> Callable[[str | None], bool]:
    """A criterion on text; like SQLite's LIKE it ignores case, except in regular expressions."""
    wanted = str(criterion["value"])
    folded = wanted.casefold()
    tests: dict[str, Callable[[str | None], bool]] = {
        "EQUALS": lambda v: (v or "").casefold() == folded,
        "NOT_EQUALS": lambda v: (v or "").casefold() != folded,
        "INCLUDES": lambda v: any(word in (v or "").casefold() for word in folded.split()),
        "EXCLUDES": lambda v: not any(word in (v or "").casefold() for word in folded.split()),
        "MATCHES_REGEX": lambda v: v is not None and re.search(wanted, v) is not None,
        "NOT_MATCHES_REGEX": lambda v: v is None or re.search(wanted, v) is None,
        "IS_NULL": lambda v: not v,
        "NOT_NULL": bool,
    }
    return _pick(tests, criterion)


def related(
    criterion: Criterion, expand: Callable[[int], Collection[int]]
) -> Callable[[Collection[int]], bool]:
    """A criterion on the ids that a scene refers to.

    Args:
        criterion: `value`, `modifier` and `excludes`.
        expand: an id and those that count as it (a studio's children, when `depth` asks so).
    """
    wanted = [frozenset(expand(int(id_))) for id_ in criterion.get("value") or ()]
    unwanted = {each for id_ in criterion.get("excludes") or () for each in expand(int(id_))}
    tests: dict[str, Callable[[Collection[int]], bool]] = {
        "INCLUDES": lambda ids: any(not each.isdisjoint(ids) for each in wanted),
        "INCLUDES_ALL": lambda ids: all(not each.isdisjoint(ids) for each in wanted),
        "EXCLUDES": lambda ids: all(each.isdisjoint(ids) for each in wanted),
        "IS_NULL": lambda ids: not ids,
        "NOT_NULL": bool,
    }
    test = _pick(tests, criterion)
    if not wanted and criterion["modifier"] in ("INCLUDES", "INCLUDES_ALL", "EXCLUDES"):
        return unwanted.isdisjoint
    return lambda ids: test(ids) and unwanted.isdisjoint(ids)


def _pick(
    tests: Mapping[str, Callable[[Any], bool]], criterion: Criterion
) -> Callable[[Any], bool]:
    modifier = criterion["modifier"]
    if modifier not in tests:
        msg = f"unsupported modifier {modifier}"
        raise StashError(msg)
    return tests[modifier]

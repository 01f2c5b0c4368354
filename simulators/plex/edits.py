import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote

from simulators.plex.answers import RefusedError
from simulators.plex.library import Library
from simulators.plex.state import (
    IMAGE_LOCKS,
    SCALARS,
    TAG_ATTRIBUTES,
    Actor,
    Item,
    Kind,
    Scalar,
)
from simulators.plex.switches import Switches

T = TypeVar("T")


def _date(value: str) -> str:
    if not value:
        return ""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise RefusedError(500) from None
    if day.isoformat() != value:
        raise RefusedError(500)
    return value


def _number(value: str) -> float | None:
    try:
        rating = float(value or 0)
    except ValueError:
        raise RefusedError(500) from None
    return min(rating, 10.0) if rating > 0 else None


_PARSERS: dict[Kind, Callable[[str], Scalar]] = {"text": str, "date": _date, "number": _number}
_TAGGED = frozenset({*TAG_ATTRIBUTES, "actor"})
_LOCKABLE = frozenset({*SCALARS, *_TAGGED, *IMAGE_LOCKS})
_ADDRESS = frozenset({"type", "id", "sectionID"})
_PARAMETER = re.compile(r"(\w+)(?:\[(\d*)\])?\.(.+)")
_TAG_PARTS = frozenset({"tag.tag", "tag.thumb", "tag.tagKey", "tagging.text"})


@dataclass
class TagEdit:
    clear: bool = False
    remove: list[str] = field(default_factory=list)
    add: dict[int, dict[str, str]] = field(default_factory=dict)


@dataclass
class Edit:
    values: dict[str, Scalar] = field(default_factory=dict)
    locks: dict[str, bool] = field(default_factory=dict)
    tags: dict[str, TagEdit] = field(default_factory=dict)


def parse_edit(pairs: Iterable[tuple[str, str]], switches: Switches) -> Edit:
    edit = Edit()
    for key, value in pairs:
        if key in _ADDRESS or key.startswith(("X-Plex-", "include")):
            continue
        match = _PARAMETER.fullmatch(key)
        if match is None:
            raise RefusedError(400)
        name, index, part = match.groups()
        if part == "locked" and index is None and name in _LOCKABLE:
            edit.locks[name] = _flag(value)
        elif part == "value" and index is None and name in SCALARS:
            edit.values[name] = _scalar(name, value, switches)
        elif index is not None and name in _TAGGED:
            _parse_tag(edit.tags.setdefault(name, TagEdit()), index, part, value, switches)
        else:
            raise RefusedError(400)
    return edit


def _parse_tag(edit: TagEdit, index: str, part: str, value: str, switches: Switches) -> None:
    if index and part in _TAG_PARTS:
        edit.add.setdefault(int(index), {})[part] = value
    elif not index and part == "tag.tag-":
        decoded = switches.removal_decodings == 2
        edit.remove += [unquote(name) if decoded else name for name in value.split(",") if name]
    elif not index and part == "tag" and not value:
        edit.clear = True
    else:
        raise RefusedError(400)


def _scalar(name: str, value: str, switches: Switches) -> Scalar:
    if name == "editionTitle" and not switches.plex_pass:
        raise RefusedError(400)
    if name == "originallyAvailableAt" and not value and switches.empty_date == "refused":
        raise RefusedError(500)
    return _PARSERS[SCALARS[name].kind](value)


def _flag(value: str) -> bool:
    if value not in {"0", "1"}:
        raise RefusedError(500)
    return value == "1"


def apply_edit(library: Library, item: Item, edit: Edit, switches: Switches) -> None:
    added = {add.get("tag.tag", "") for add in edit.tags.get("collection", TagEdit()).add.values()}
    if added & switches.smart_collections:
        raise RefusedError(400)
    # A new title can change the sort title, so `title` is applied before `titleSort`.
    for name, value in sorted(edit.values.items()):
        if name not in switches.unkept_fields:
            _set_value(item, name, value, edit, switches)
    for kind, tag_edit in edit.tags.items():
        if kind in switches.unkept_fields:
            continue
        if kind == "actor":
            item.actors = _edited_actors(library, item, tag_edit, switches)
        else:
            library.set_tags(item, kind, _edited_names(library, item, kind, tag_edit, switches))
    item.locks = changed_locks(item.locks, edit.locks)
    library.touch(item)
    item.section.content_changed_at += 1


def _set_value(item: Item, name: str, value: Any, edit: Edit, switches: Switches) -> None:
    locked = edit.locks.get("titleSort", "titleSort" in item.locks)
    if name == "titleSort":
        if not value or locked:
            item.title_sort = "" if value == item.title else value
    elif name == "title":
        _set_title(item, value, keeps_sort=locked or not switches.title_sort_follows)
    elif name == "originallyAvailableAt":
        item.originally_available_at = _stored_date(item, value, switches)
    else:
        setattr(item, SCALARS[name].attribute, value)


def _set_title(item: Item, title: str, *, keeps_sort: bool) -> None:
    sort = (item.title_sort or item.title) if keeps_sort else ""
    item.title = title
    item.title_sort = "" if sort == title else sort


def _stored_date(item: Item, value: str, switches: Switches) -> str:
    if value:
        shifted = date.fromisoformat(value) + timedelta(days=switches.date_shift_days)
        return shifted.isoformat()
    kept = {"ignored": item.originally_available_at, "file_date": item.own_date}
    return kept.get(switches.empty_date, "")


def changed_locks(locks: frozenset[str], changes: dict[str, bool]) -> frozenset[str]:
    released = {name for name, locked in changes.items() if not locked}
    return (locks - released) | (changes.keys() - released)


def _edited_names(
    library: Library, item: Item, kind: str, edit: TagEdit, switches: Switches
) -> list[str]:
    additions = [_spelled(kind, add["tag.tag"]) for add in _ordered(edit)]
    held = [library.tags.tag(kind, name).name for name in getattr(item, TAG_ATTRIBUTES[kind])]
    added = [library.tags.tag(kind, name).name for name in additions]
    gone = {library.tags.fold(name) for name in edit.remove}
    return _combine(held, added, edit, switches, lambda name: library.tags.fold(name) in gone)


def _edited_actors(
    library: Library, item: Item, edit: TagEdit, switches: Switches
) -> tuple[Actor, ...]:
    additions = library.tags.actors(
        (add["tag.tag"], add.get("tagging.text", ""), add.get("tag.thumb", ""))
        for add in _ordered(edit)
    )
    gone = {library.tags.fold(name) for name in edit.remove}
    combined = _combine(
        list(item.actors),
        list(additions),
        edit,
        switches,
        lambda actor: library.tags.fold(actor.name) in gone,
    )
    return library.tags.actors(combined)


def _combine(
    held: list[T], added: list[T], edit: TagEdit, switches: Switches, gone: Callable[[T], bool]
) -> list[T]:
    def remaining(tags: list[T]) -> list[T]:
        return [] if edit.clear else [tag for tag in tags if not gone(tag)]

    kept = held if switches.tags_append or not added else []
    if switches.remove_before_add:
        return remaining(kept) + added
    return remaining(kept + added)


def _ordered(edit: TagEdit) -> list[dict[str, str]]:
    return [add for _, add in sorted(edit.add.items()) if add.get("tag.tag")]


def _spelled(kind: str, name: str) -> str:
    # Plex stores a label with a capital first letter.
    return name[0].upper() + name[1:] if kind == "label" else name

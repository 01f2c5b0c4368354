"""Compares an item with a scene, and returns the edit that makes them agree. Pure functions."""

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from plex.edit_requests import is_shortened, list_parameters
from plex.items import PlexItem
from plex.server_facts import UNKNOWN, Behaviour, SortTitle
from validation.metadata import SceneMetadata
from validation.paths import folded

Value = str | list[str]
Values = dict[str, Value]
_Wanted = str | tuple[str, ...]

# Our field names, used in the sync log and in messages → Plex's names.
TITLE, STUDIO, SUMMARY, DATE = "title", "studio", "summary", "date"
PERFORMERS, TAGS, COLLECTIONS = "performers", "tags", "collections"
_SCALARS = {TITLE: "title", STUDIO: "studio", SUMMARY: "summary", DATE: "originallyAvailableAt"}
LISTS = {PERFORMERS: "actor", TAGS: "genre", COLLECTIONS: "collection"}
PLEX_NAMES = {**_SCALARS, **LISTS}
# The sort title is not synced, but may have to follow the title: our name and Plex's.
SORTED_AS, SORT_TITLE = "sort_title", "titleSort"
_NOTHING: Mapping[str, Value] = MappingProxyType({})


class ItemEdit(NamedTuple):
    """The parameters of an edit by field, so that an over-long edit can be split between fields."""

    # Our field name → Plex's parameters.
    fields: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    # The last sent value of each field after this edit; an untouched field keeps its entry.
    sent: Mapping[str, Value] = _NOTHING
    preserved: tuple[str, ...] = ()  # fields that are left alone because a user edited them in Plex
    # Values that Plex did not keep before and that are still wanted; not sent again.
    refused: Mapping[str, Value] = _NOTHING

    def __bool__(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self.fields)


def edit_for(
    desired: SceneMetadata,
    current: PlexItem,
    last_sent: Mapping[str, Value],
    original: Mapping[str, Value],
    *,
    refused: Mapping[str, Value] = _NOTHING,
    pending: Mapping[str, Value] = _NOTHING,
    preserve: bool = False,
    behaviour: Behaviour = UNKNOWN,
) -> ItemEdit:
    """Return the edit that makes the item show the scene; empty when it already does.

    Args:
        desired: the scene's metadata; None leaves a field alone.
        current: the item with complete lists.
        last_sent: the values last sent to this item.
        original: the values before the plugin's first write. Collections are removed only if they
            were sent and are not original.
        refused: sent values that Plex did not keep.
        pending: values of an unfinished edit; Plex may show any of them.
        preserve: keep values that a user set in Plex (see `is_user_edited`).
        behaviour: known traits of the server. A lock that never shows counts as set once sent; so
            does a date that the server stores with an offset of a day.
    """
    current = _as_sent(current, last_sent, behaviour)
    return _Comparison(
        desired, current, last_sent, original, refused, pending, preserve, behaviour
    ).edit()


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A scene, its item, and what is known about both (see `edit_for`)."""

    desired: SceneMetadata
    current: PlexItem
    last_sent: Mapping[str, Value]
    original: Mapping[str, Value]
    refused: Mapping[str, Value]
    pending: Mapping[str, Value]
    preserve: bool
    behaviour: Behaviour

    def edit(self) -> ItemEdit:
        """Return the differences as one edit."""
        fields: dict[str, Mapping[str, str]] = {}
        sent: Values = dict(self.last_sent)
        preserved: list[str] = []
        unkept: Values = {}
        for name, wanted in self._wanted().items():
            if self._is_preserved(name, wanted):
                preserved.append(name)
                continue
            # Of a list, only the scene's own names are recorded as sent.
            ours = wanted if isinstance(wanted, str) else list(getattr(self.desired, name))
            value, taken = self._without_refused(name, wanted, ours)
            if taken != ours:
                unkept[name] = self.refused[name]
            parameters = self._parameters(name, value)
            if name == TITLE:
                parameters |= self._sort_title(str(wanted))
            if taken is not None or not parameters:
                sent[name] = ours if taken is None else taken
                fields.update({name: parameters} if parameters else {})
        return ItemEdit(fields, sent, tuple(preserved), unkept)

    def _wanted(self) -> dict[str, _Wanted]:
        """Return the wanted value of each field that is not left alone."""
        wanted = {name: getattr(self.desired, name) for name in PLEX_NAMES}
        if wanted[TITLE] == "":
            # An empty title never clears: Plex keeps its title, or gets the file's name.
            wanted[TITLE] = None if self.current.title else self.desired.file_stem or None
        if wanted[DATE] == "":
            wanted[DATE] = self._emptied_date()
        if wanted[COLLECTIONS] is not None:
            added = {
                *_names(self.last_sent, COLLECTIONS),
                *_names(self.pending, COLLECTIONS),
            } - _names(self.original, COLLECTIONS)
            others = [name for name in self.current.collections if folded(name) not in added]
            known = _folded(others)
            ours = (name for name in wanted[COLLECTIONS] if folded(name) not in known)
            wanted[COLLECTIONS] = (*others, *ours)
        return {name: value for name, value in wanted.items() if value is not None}

    def _emptied_date(self) -> str | None:
        """Return the wanted date of a scene without a date.

        Plex may take a date from the file, so only a date that was sent is cleared. If the server
        cannot clear dates, the original date is restored.
        """
        if DATE not in self.last_sent and not self.pending.get(DATE):
            return None
        if not self.behaviour.cannot_clear_dates:
            return ""
        before = self.original.get(DATE)
        return before if isinstance(before, str) and before else None

    def _is_preserved(self, name: str, wanted: _Wanted) -> bool:
        """Tell whether a field is left alone because a user edited it in Plex."""
        if not self.preserve or same(wanted, getattr(self.current, name)):
            return False
        hidden = self.behaviour.hidden_locks
        return is_user_edited(
            name, self.current, self.last_sent, self.original, self.pending, hidden
        )

    def _without_refused(
        self, name: str, wanted: _Wanted, ours: Value
    ) -> tuple[_Wanted, Value | None]:
        """Return the value to send, and the value to record as sent.

        The second value is None if Plex refused the whole value before. Plex may have taken a cut
        text, or a list with fewer names.
        """
        if name not in self.refused or not same(self.refused[name], ours):
            return wanted, ours
        taken = self.last_sent.get(name)
        if isinstance(taken, str) and isinstance(ours, str) and is_shortened(taken, ours):
            return taken, taken
        if isinstance(taken, list) and not isinstance(ours, str) and _folded(taken) < _folded(ours):
            lacking = _folded(ours) - _folded(taken)
            return tuple(entry for entry in wanted if folded(entry) not in lacking), taken
        return wanted, None

    def _parameters(self, name: str, value: _Wanted) -> dict[str, str]:
        shown, plex_name = getattr(self.current, name), PLEX_NAMES[name]
        is_shown = same(value, shown)
        if is_shown and plex_name in self.current.locked:
            return {}
        if not isinstance(value, str):
            return list_parameters(plex_name, value, shown, self.behaviour.removal_encoding)
        lock = {f"{plex_name}.locked": "1"}
        return lock if is_shown else {f"{plex_name}.value": value, **lock}

    def _sort_title(self, title: str) -> dict[str, str]:
        """Return the parameters that set the sort title, if the server does not update it itself.

        A sort title that a user has locked is kept.
        """
        shown = self.current.sort_title or self.current.title
        if self.behaviour.sort_title is not SortTitle.STAYS or sorts_as(title, shown):
            return {}
        is_ours = same(shown, self.last_sent.get(TITLE, ""))
        if SORT_TITLE in self.current.locked and not is_ours:
            return {}
        return {f"{SORT_TITLE}.value": title, f"{SORT_TITLE}.locked": "1"}


def _as_sent(current: PlexItem, last_sent: Mapping[str, Value], behaviour: Behaviour) -> PlexItem:
    """Return the item as a server would show it that shows all locks and keeps all dates."""
    hidden = {PLEX_NAMES.get(name, "") for name in last_sent} & behaviour.hidden_locks
    if hidden - current.locked:
        current = replace(current, locked=current.locked | hidden)
    sent = last_sent.get(DATE)
    shift = behaviour.date_shift.get(current.section_key, 0)
    if shift and isinstance(sent, str) and days_between(sent, current.date) == shift:
        current = replace(current, date=sent)
    return current


def current_values(item: PlexItem) -> Values:
    """Return the values and locks of an item in the format of the sync log."""
    values: Values = {name: getattr(item, name) for name in (*_SCALARS, SORTED_AS)}
    values.update({name: list(getattr(item, name)) for name in LISTS})
    values["locked"] = sorted(item.locked)
    return values


def days_between(earlier: str, later: str) -> int | None:
    """Return the number of days between two dates; None if one is no date."""
    try:
        span = datetime.date.fromisoformat(later) - datetime.date.fromisoformat(earlier)
    except ValueError:
        return None
    return span.days


def sorts_as(title: str, sort_title: str) -> bool:
    """Tell whether Plex may have made this sort title of a title, by removing the article."""
    return title.casefold().endswith(sort_title.casefold())


def is_user_edited(
    name: str,
    current: PlexItem,
    last_sent: Mapping[str, Value],
    original: Mapping[str, Value],
    pending: Mapping[str, Value],
    hidden_locks: Collection[str] = (),
) -> bool:
    """Tell whether a user set the value that a field shows, rather than the plugin or Plex.

    Such a value differs from the sent one, or is locked where nothing was sent yet; an empty value
    does not count. For a lock that never shows, any value counts. Collections belong to many
    owners, so only the removal of a sent collection counts.
    """
    if name == COLLECTIONS:
        expected = _names(last_sent, name)
        if name in pending:
            expected &= _names(pending, name)
        return bool(expected - _folded(current.collections))
    shown = getattr(current, name)
    if name in pending and name in LISTS:
        # Part of a pending list may have been added to the former names.
        known = _names(last_sent if name in last_sent else original, name) | _names(pending, name)
        return not _folded(shown) <= known
    if any(name in values and same(values[name], shown) for values in (last_sent, pending)):
        return False
    locked = PLEX_NAMES[name] in current.locked or PLEX_NAMES[name] in hidden_locks
    return bool(shown) and (name in last_sent or locked)


def same(first: Value | _Wanted, second: Value | _Wanted) -> bool:
    """Tell whether Plex considers two values equal."""
    if first == second:
        return True  # nearly always, and much faster
    if isinstance(first, str) or isinstance(second, str):
        return _stored_form(str(first)) == _stored_form(str(second))
    return _folded(first) == _folded(second)


def _names(values: Mapping[str, Value], name: str) -> set[str]:
    return _folded(values.get(name, []))


def _folded(names: Iterable[str]) -> set[str]:
    return set(map(folded, names))


def _stored_form(text: str) -> str:
    return text.replace("\r\n", "\n").strip()

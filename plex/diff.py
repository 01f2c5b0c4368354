"""Compares an item with a scene, and returns the edit that makes them agree. Pure functions."""

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from plex.edit_requests import is_shortened, list_parameters
from plex.items import PlexItem
from plex.server_facts import UNKNOWN, Behaviour, RemovalEncoding, SortTitle
from validation.metadata import SceneMetadata, folded

Value = str | list[str]
Values = dict[str, Value]

# Our field names, used in the sync log and in messages → Plex's names.
TITLE, STUDIO, SUMMARY, DATE = "title", "studio", "summary", "date"
PERFORMERS, TAGS, COLLECTIONS = "performers", "tags", "collections"
_SCALARS = {TITLE: "title", STUDIO: "studio", SUMMARY: "summary", DATE: "originallyAvailableAt"}
LISTS = {PERFORMERS: "actor", TAGS: "genre", COLLECTIONS: "collection"}
PLEX_NAMES = {**_SCALARS, **LISTS}
# The sort title is not synced, but may have to follow the title: our name and Plex's.
SORTED_AS, SORT_TITLE = "sort_title", "titleSort"
_NOTHING: Mapping[str, Value] = MappingProxyType({})
_NO_FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


class ItemEdit(NamedTuple):
    """The parameters of an edit by field, so that an over-long edit can be split between fields."""

    fields: Mapping[str, Mapping[str, str]] = _NO_FIELDS  # our field name → Plex's parameters
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
        preserve: keep values that a user set in Plex (`preserve_plex_edits`). These are values that
            differ from the sent one, or locked values where nothing was sent yet; empty values do
            not count.
        behaviour: known traits of the server. A lock that never shows counts as set once sent; so
            does a date that the server stores with an offset of a day.
    """
    current = _as_sent(current, last_sent, behaviour)
    comparison = _Comparison(
        desired, current, last_sent, original, refused, pending, preserve, behaviour
    )
    return comparison.edit()


class _Comparison(NamedTuple):
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
        all_wanted = self._all_wanted()
        sort_title = _sort_title_edit(
            all_wanted.get(TITLE), self.current, self.last_sent, self.behaviour
        )
        for name, wanted in _of_ours(all_wanted):
            if self._is_preserved(name, wanted):
                preserved.append(name)
                continue
            extra = sort_title if name == TITLE else {}
            ours = _sent_value(name, self.desired, wanted)
            if name not in self.refused and not extra and self._is_in_step(name, wanted):
                sent[name] = ours  # fast path for most fields of most items
                continue
            value, taken = self._without_refused(name, wanted, ours)
            if taken != ours:
                unkept[name] = self.refused[name]
            encoding = self.behaviour.removal_encoding
            parameters = {**_parameters(name, value, self.current, encoding), **extra}
            if taken is not None or not parameters:
                sent[name] = ours if taken is None else taken
                fields.update({name: parameters} if parameters else {})
        return ItemEdit(fields, sent, tuple(preserved), unkept)

    def _all_wanted(self) -> dict[str, str | tuple[str, ...] | None]:
        """Return the wanted value of each field; None for a field that is left alone."""
        sent_ever = _names(self.last_sent, COLLECTIONS) | _names(self.pending, COLLECTIONS)
        added = sent_ever - _names(self.original, COLLECTIONS)
        wanted = _wanted(self.desired, self.current, added)
        if wanted.get(DATE) == "":
            wanted |= _emptied_date(self.last_sent, self.pending, self.original, self.behaviour)
        return wanted

    def _is_preserved(self, name: str, wanted: str | tuple[str, ...]) -> bool:
        """Tell whether a field is left alone because a user edited it in Plex."""
        if not self.preserve or same(wanted, getattr(self.current, name)):
            return False
        hidden = self.behaviour.hidden_locks
        return is_user_edited(
            name, self.current, self.last_sent, self.original, self.pending, hidden
        )

    def _is_in_step(self, name: str, wanted: str | tuple[str, ...]) -> bool:
        shown, locked = getattr(self.current, name), self.current.locked
        return bool(wanted == shown) and PLEX_NAMES[name] in locked

    def _without_refused(
        self, name: str, wanted: str | tuple[str, ...], ours: Value
    ) -> tuple[str | tuple[str, ...], Value | None]:
        """Return the value to send, and the value to record as sent.

        The second value is None if Plex refused the whole value before.
        """
        if name not in self.refused or not same(self.refused[name], ours):
            return wanted, ours
        short = self.last_sent.get(name)
        if short is None or not _is_part(short, ours):
            return wanted, None
        if isinstance(short, str):
            return short, short
        return _without(wanted, _lacking(short, ours)), short


def _is_part(part: Value, whole: Value) -> bool:
    """Tell whether Plex may have made `part` of a value: a cut text, or fewer names."""
    if isinstance(part, str) or isinstance(whole, str):
        return isinstance(part, str) and is_shortened(part, str(whole))
    return {folded(name) for name in part} < {folded(name) for name in whole}


def _lacking(part: Value, whole: Value) -> frozenset[str]:
    """Return the folded names of a list that a part of it lacks."""
    return frozenset(map(folded, whole)) - frozenset(map(folded, part))


def _without(wanted: str | tuple[str, ...], lacks: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if folded(name) not in lacks)


def _sent_value(name: str, desired: SceneMetadata, wanted: str | tuple[str, ...]) -> Value:
    """Return the value to record as sent; for a list only the scene's own names."""
    return wanted if isinstance(wanted, str) else list(getattr(desired, name))


def current_values(item: PlexItem) -> Values:
    """Return the values and locks of an item in the format of the sync log."""
    values: Values = {name: getattr(item, name) for name in (*_SCALARS, SORTED_AS)}
    values.update({name: list(getattr(item, name)) for name in LISTS})
    values["locked"] = sorted(item.locked)
    return values


def _as_sent(current: PlexItem, last_sent: Mapping[str, Value], behaviour: Behaviour) -> PlexItem:
    """Return the item as a server would show it that shows all locks and keeps all dates."""
    hidden = {
        PLEX_NAMES[name] for name in last_sent if PLEX_NAMES.get(name) in behaviour.hidden_locks
    }
    if hidden - current.locked:
        current = replace(current, locked=current.locked | hidden)
    sent = last_sent.get(DATE)
    shift = behaviour.date_shift.get(current.section_key, 0)
    if shift and isinstance(sent, str) and days_between(sent, current.date) == shift:
        current = replace(current, date=sent)
    return current


def _of_ours(
    wanted: Mapping[str, str | tuple[str, ...] | None],
) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    return ((name, value) for name, value in wanted.items() if value is not None)


def days_between(earlier: str, later: str) -> int | None:
    """Return the number of days between two dates; None if one is no date."""
    try:
        span = datetime.date.fromisoformat(later) - datetime.date.fromisoformat(earlier)
    except ValueError:
        return None
    return span.days


def _emptied_date(
    last_sent: Mapping[str, Value],
    pending: Mapping[str, Value],
    original: Mapping[str, Value],
    behaviour: Behaviour,
) -> dict[str, str | None]:
    """Return the wanted date of a scene without a date.

    Plex may take a date from the file, so only a date that was sent is cleared. If the server
    cannot clear dates, the original date is restored.
    """
    if DATE not in last_sent and not pending.get(DATE):
        return {DATE: None}
    if not behaviour.cannot_clear_dates:
        return {DATE: ""}
    before = original.get(DATE)
    return {DATE: before if isinstance(before, str) and before else None}


def _sort_title_edit(
    title: str | tuple[str, ...] | None,
    current: PlexItem,
    last_sent: Mapping[str, Value],
    behaviour: Behaviour,
) -> dict[str, str]:
    """Return the parameters that set the sort title, if the server does not update it itself.

    A sort title that a user has locked is kept.
    """
    if behaviour.sort_title is not SortTitle.STAYS or not isinstance(title, str):
        return {}
    shown = current.sort_title or current.title
    if sorts_as(title, shown):
        return {}
    if SORT_TITLE in current.locked and not same(shown, last_sent.get(TITLE, "")):
        return {}
    return {f"{SORT_TITLE}.value": title, f"{SORT_TITLE}.locked": "1"}


def sorts_as(title: str, sort_title: str) -> bool:
    """Tell whether Plex may have made this sort title of a title, by removing the article."""
    return title.casefold().endswith(sort_title.casefold())


def _wanted(
    desired: SceneMetadata, current: PlexItem, added: set[str]
) -> dict[str, str | tuple[str, ...] | None]:
    """Return the wanted value of each field, including collections that the plugin did not add."""
    wanted = {name: getattr(desired, name) for name in (*_SCALARS, *LISTS)}
    if wanted[TITLE] == "":
        # An empty title never clears: Plex keeps its title, or gets the file's name without one.
        wanted[TITLE] = None if current.title else desired.file_stem or None
    if wanted[COLLECTIONS] is not None:
        others = [name for name in current.collections if folded(name) not in added]
        wanted[COLLECTIONS] = _union(others, wanted[COLLECTIONS])
    return wanted


def is_user_edited(
    name: str,
    current: PlexItem,
    last_sent: Mapping[str, Value],
    original: Mapping[str, Value],
    pending: Mapping[str, Value],
    hidden_locks: Collection[str] = (),
) -> bool:
    """Tell whether a user set the value that a field shows, rather than the plugin or Plex.

    Plex locks user-edited fields. Collections belong to many owners, so only the removal of a sent
    collection counts. For a lock that never shows, any value counts as user-edited.
    """
    if name == COLLECTIONS:
        expected = _names(last_sent, name)
        if name in pending:
            expected &= _names(pending, name)
        return bool(expected - {folded(collection) for collection in current.collections})
    shown = getattr(current, name)
    if name in pending and name in LISTS:
        # Part of a pending list may have been added to the former names.
        known = _names(last_sent if name in last_sent else original, name) | _names(pending, name)
        return not {folded(entry) for entry in shown} <= known
    if any(name in values and same(values[name], shown) for values in (last_sent, pending)):
        return False
    locked = PLEX_NAMES[name] in current.locked or PLEX_NAMES[name] in hidden_locks
    return bool(shown) and (name in last_sent or locked)


def same(first: Value | tuple[str, ...], second: Value | tuple[str, ...]) -> bool:
    """Tell whether Plex considers two values equal."""
    if isinstance(first, str) or isinstance(second, str):
        return _stored_form(str(first)) == _stored_form(str(second))
    return {folded(name) for name in first} == {folded(name) for name in second}


def _names(values: Mapping[str, Value], name: str) -> set[str]:
    return {folded(entry) for entry in values.get(name, [])}


def _union(first: list[str], second: tuple[str, ...]) -> tuple[str, ...]:
    known = {folded(name) for name in first}
    return (*first, *(name for name in second if folded(name) not in known))


def _parameters(
    name: str,
    value: str | tuple[str, ...],
    current: PlexItem,
    encoding: RemovalEncoding | None,
) -> dict[str, str]:
    shown = getattr(current, name)
    if isinstance(value, str):
        return _scalar_edit(_SCALARS[name], value, shown, current.locked)
    plex_name = LISTS[name]
    keys = {folded(wanted) for wanted in value}
    if plex_name in current.locked and keys == {folded(known) for known in shown}:
        return {}
    return list_parameters(plex_name, value, shown, encoding)


def _scalar_edit(
    plex_name: str, wanted: str, current: str, locked: frozenset[str]
) -> dict[str, str]:
    same = wanted == current or _stored_form(wanted) == _stored_form(current)
    if same and plex_name in locked:
        return {}
    lock = {f"{plex_name}.locked": "1"}
    return lock if same else {f"{plex_name}.value": wanted, **lock}


def _stored_form(text: str) -> str:
    return text.replace("\r\n", "\n").strip()

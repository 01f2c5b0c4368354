"""Desired minus current: what one edit must carry so that an item shows a scene. Pure functions."""

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

# Our names of the fields, as they stand in the sync log and in messages → Plex's names.
TITLE, STUDIO, SUMMARY, DATE = "title", "studio", "summary", "date"
PERFORMERS, TAGS, COLLECTIONS = "performers", "tags", "collections"
_SCALARS = {TITLE: "title", STUDIO: "studio", SUMMARY: "summary", DATE: "originallyAvailableAt"}
LISTS = {PERFORMERS: "actor", TAGS: "genre", COLLECTIONS: "collection"}
PLEX_NAMES = {**_SCALARS, **LISTS}
# A field that is not ours, but may have to follow a title: our name and Plex's.
SORTED_AS, SORT_TITLE = "sort_title", "titleSort"
_NOTHING: Mapping[str, Value] = MappingProxyType({})
_NO_FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


class ItemEdit(NamedTuple):
    """The parameters of one edit, by field, so that an over-long one can be split between fields.

    Attributes:
        fields: our field name → Plex's parameters for it.
        sent: what each field was last sent once this edit is carried out; one that is left alone
            keeps the entry it had.
        preserved: the fields that are left alone because a person set them in Plex.
        refused: what Plex did not keep before and is still wanted, by field: not sent again.
    """

    fields: Mapping[str, Mapping[str, str]] = _NO_FIELDS
    sent: Mapping[str, Value] = _NOTHING
    preserved: tuple[str, ...] = ()
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
    """Return the edit that makes the item show the scene: nothing when it already does.

    Args:
        desired: the scene's projection; a field that is None is left alone.
        current: the item as Plex has it, with complete lists.
        last_sent: what this item was last sent.
        original: what it held before our first write. Of collections only those that were sent
            and are not in it, hence added by us, are ever removed.
        refused: what this item was sent and Plex did not keep.
        pending: what was being sent when we last lost sight of it: Plex may show any of it.
        preserve: leave alone what a person set in Plex (`preserve_plex_edits`): a value that is
            neither empty nor what was sent, or, where nothing was sent yet, one that is locked.
        behaviour: what is known about the server: a lock that never shows counts as set once it
            was sent, and so does a date that the server stores one day beside.
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
        """Return what differs, as one edit."""
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
                sent[name] = ours  # most fields of most items: nothing more to find out
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
        """Return what each field shall show; None for a field that is left alone."""
        sent_ever = _names(self.last_sent, COLLECTIONS) | _names(self.pending, COLLECTIONS)
        added = sent_ever - _names(self.original, COLLECTIONS)
        wanted = _wanted(self.desired, self.current, added)
        if wanted.get(DATE) == "":
            wanted |= _emptied_date(self.last_sent, self.pending, self.original, self.behaviour)
        return wanted

    def _is_preserved(self, name: str, wanted: str | tuple[str, ...]) -> bool:
        """Tell whether a field is left alone because a person set it in Plex."""
        if not self.preserve or same(wanted, getattr(self.current, name)):
            return False
        hidden = self.behaviour.hidden_locks
        return is_a_persons(name, self.current, self.last_sent, self.original, self.pending, hidden)

    def _is_in_step(self, name: str, wanted: str | tuple[str, ...]) -> bool:
        shown, locked = getattr(self.current, name), self.current.locked
        return bool(wanted == shown) and PLEX_NAMES[name] in locked

    def _without_refused(
        self, name: str, wanted: str | tuple[str, ...], ours: Value
    ) -> tuple[str | tuple[str, ...], Value | None]:
        """Return what of a field may be sent, and what of it is remembered as sent.

        The second is None where Plex refused all of the value before.
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
    """Tell whether a value may be what Plex takes of another: a cut text, or some of the names."""
    if isinstance(part, str) or isinstance(whole, str):
        return isinstance(part, str) and is_shortened(part, str(whole))
    return {folded(one) for one in part} < {folded(one) for one in whole}


def _lacking(part: Value, whole: Value) -> frozenset[str]:
    """Return the names, folded, that a list has and a part of it has not."""
    return frozenset(map(folded, whole)) - frozenset(map(folded, part))


def _without(wanted: str | tuple[str, ...], lacks: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if folded(name) not in lacks)


def _sent_value(name: str, desired: SceneMetadata, wanted: str | tuple[str, ...]) -> Value:
    """Return what is remembered as sent: of a list only what is the scene's own."""
    return wanted if isinstance(wanted, str) else list(getattr(desired, name))


def current_values(item: PlexItem) -> Values:
    """Return what an item shows now, in the form of the sync log, with its locks."""
    values: Values = {name: getattr(item, name) for name in (*_SCALARS, SORTED_AS)}
    values.update({name: list(getattr(item, name)) for name in LISTS})
    values["locked"] = sorted(item.locked)
    return values


def _as_sent(current: PlexItem, last_sent: Mapping[str, Value], behaviour: Behaviour) -> PlexItem:
    """Return the item as it would look on a server that shows all locks and keeps all dates."""
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
    """Yield the fields that are not left alone."""
    return ((name, value) for name, value in wanted.items() if value is not None)


def days_between(earlier: str, later: str) -> int | None:
    """Return the number of days between two dates, None where one of them is none."""
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
    """Return what the date of a scene without one shall show.

    Plex takes a date from the file. Only a date that was sent may be cleared, and where the server
    cannot clear it, the date from before the first sync is put back.
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
    """Return the parameters that make the sort title follow, where the server does not do so.

    A sort title that somebody else has locked stays.
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
    """Tell whether this may be the sort title that Plex makes of a title: without its article."""
    return title.casefold().endswith(sort_title.casefold())


def _wanted(
    desired: SceneMetadata, current: PlexItem, added: set[str]
) -> dict[str, str | tuple[str, ...] | None]:
    """Return what each field that is ours shall show, others' collections included."""
    wanted = {name: getattr(desired, name) for name in (*_SCALARS, *LISTS)}
    if wanted[TITLE] == "":
        # An empty title never clears: Plex keeps its own, or gets the file's name when it has none.
        wanted[TITLE] = None if current.title else desired.file_stem or None
    if wanted[COLLECTIONS] is not None:
        others = [name for name in current.collections if folded(name) not in added]
        wanted[COLLECTIONS] = _union(others, wanted[COLLECTIONS])
    return wanted


def is_a_persons(
    name: str,
    current: PlexItem,
    last_sent: Mapping[str, Value],
    original: Mapping[str, Value],
    pending: Mapping[str, Value],
    hidden_locks: Collection[str] = (),
) -> bool:
    """Tell whether a person, and neither we nor Plex, gave the field the value that it shows.

    Plex locks what a person edits. Of collections, which belong to many, only the removal of one
    that was sent counts. Where the lock never shows, a value counts as a person's.
    """
    if name == COLLECTIONS:
        expected = _names(last_sent, name)
        if name in pending:
            expected &= _names(pending, name)
        return bool(expected - {folded(one) for one in current.collections})
    shown = getattr(current, name)
    if name in pending and name in LISTS:
        # A list that was under way may have arrived in part, on top of what was there.
        known = _names(last_sent if name in last_sent else original, name) | _names(pending, name)
        return not {folded(one) for one in shown} <= known
    if any(name in values and same(values[name], shown) for values in (last_sent, pending)):
        return False
    locked = PLEX_NAMES[name] in current.locked or PLEX_NAMES[name] in hidden_locks
    return bool(shown) and (name in last_sent or locked)


def same(one: Value | tuple[str, ...], other: Value | tuple[str, ...]) -> bool:
    """Tell whether two values are the same to Plex."""
    if isinstance(one, str) or isinstance(other, str):
        return _stored_form(str(one)) == _stored_form(str(other))
    return {folded(name) for name in one} == {folded(name) for name in other}


def _names(values: Mapping[str, Value], name: str) -> set[str]:
    return {folded(one) for one in values.get(name, [])}


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

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import NamedTuple

from plex.edit_parameters import Names, list_parameters
from plex.items import PlexItem
from plex.refused_values import accepted_part
from plex.server_facts import UNKNOWN, Behaviour, SortTitle
from validation.metadata import FIELDS, OPTIONAL, SceneMetadata
from validation.paths import folded

Value = str | list[str]
Values = dict[str, Value]
StoredValues = Mapping[str, Value]
_Wanted = str | Names

TITLE, STUDIO, SUMMARY, DATE = "title", "studio", "summary", "date"
PERFORMERS, TAGS, COLLECTIONS = "performers", "tags", "collections"
PLEX_NAMES = {name: declared.plex for name, declared in FIELDS.items()}
LISTS = {name: declared.plex for name, declared in FIELDS.items() if declared.element}
# Other tools may add names to the lists of these fields, so the plugin removes only its own names.
ADDITIVE = frozenset(name for name, declared in FIELDS.items() if declared.additive)
SORTED_AS, SORT_TITLE = "sort_title", "titleSort"
LOCKED = "locked"


class ItemEdit(NamedTuple):
    fields: Mapping[str, Mapping[str, str]]
    sent: StoredValues
    preserved: tuple[str, ...]
    refused: StoredValues

    def __bool__(self) -> bool:
        return bool(self.fields)


@dataclass(slots=True)
class Comparison:
    desired: SceneMetadata
    current: PlexItem
    last_sent: StoredValues
    original: StoredValues
    _: KW_ONLY
    refused: StoredValues = field(default_factory=dict)
    # The sent values of an edit whose response did not arrive.
    pending: StoredValues = field(default_factory=dict)
    preserve: bool = False
    behaviour: Behaviour = UNKNOWN

    def __post_init__(self) -> None:
        item = _as_sent(self.current, self.last_sent, self.behaviour)
        self.current = without_smart_collections(item, self.behaviour)
        smart = self.behaviour.smart_collections.get(item.section_key)
        if smart and self.desired.collections:
            collections = _without(smart, self.desired.collections)
            self.desired = replace(self.desired, collections=collections)

    def edit(self) -> ItemEdit:
        fields: dict[str, Mapping[str, str]] = {}
        sent: Values = dict(self.last_sent)
        preserved: list[str] = []
        unkept: Values = {}
        for name, wanted in self._wanted().items():
            shows_wanted = same(wanted, getattr(self.current, name))
            if self.preserve and not shows_wanted and self._is_user_edited(name):
                preserved.append(name)
                continue
            ours = wanted if isinstance(wanted, str) else list(getattr(self.desired, name))
            value, taken = self._without_refused(name, wanted, ours)
            if taken != ours:
                unkept[name] = self.refused[name]
            parameters = self._parameters(name, value)
            if name == TITLE:
                parameters |= self._sort_title(str(wanted))
            if taken is not None or not parameters:
                sent[name] = ours if taken is None else taken
                fields[name] = parameters
        for name in OPTIONAL:
            is_sent = name in self.last_sent or name in self.pending
            if is_sent and getattr(self.desired, name) in ("", ()):
                sent.pop(name, None)
                fields[name] = self._undo(name)
        edited = {name: parameters for name, parameters in fields.items() if parameters}
        return ItemEdit(edited, sent, tuple(preserved), unkept)

    def _wanted(self) -> dict[str, _Wanted]:
        names = filter(self.desired.is_set, PLEX_NAMES)
        wanted = {name: getattr(self.desired, name) for name in names}
        if wanted.get(TITLE) == "":
            wanted[TITLE] = self._emptied_title()
        if wanted.get(DATE) == "":
            wanted[DATE] = self._emptied_date()
        for name in ADDITIVE & wanted.keys():
            others = _not_ours(name, self.current, self._sent_names(name), self.original)
            wanted[name] = (*others, *_without(_folded(others), wanted[name]))
        return {name: value for name, value in wanted.items() if value is not None}

    def _sent_names(self, name: str) -> set[str]:
        return _names(self.last_sent, name) | _names(self.pending, name)

    def _undo(self, name: str) -> dict[str, str]:
        shown = getattr(self.current, name)
        if name not in ADDITIVE and (not shown or self._is_user_edited(name)):
            return {}
        if name == SORTED_AS:
            return self._undo_sort_title()
        sent = self._sent_names(name)
        return restoring_parameters(name, self.current, self.original, sent, self.behaviour)

    def _undo_sort_title(self) -> dict[str, str]:
        title = self.desired.title or self._emptied_title()
        value = title or self.current.title
        if SORT_TITLE in self.original.get(LOCKED, ()):
            value = str(self.original.get(SORTED_AS) or value)
        elif title and self.behaviour.sort_title is SortTitle.STAYS:
            # The edit of the title already changes the sort title.
            return {}
        return {f"{SORT_TITLE}.value": value, f"{SORT_TITLE}.locked": "1"}

    def _emptied_title(self) -> str | None:
        shown, before = self.current.title, self.original.get(TITLE)
        if not shown:
            return self.desired.file_stem or None
        sent = (self.last_sent.get(TITLE, ""), self.pending.get(TITLE, ""))
        is_ours = any(same(title, shown) for title in sent)
        return before if is_ours and isinstance(before, str) and before else None

    def _emptied_date(self) -> str | None:
        if DATE not in self.last_sent and not self.pending.get(DATE):
            return None
        if not self.behaviour.cannot_clear_dates:
            return ""
        before = self.original.get(DATE)
        return before if isinstance(before, str) and before else None

    def _is_user_edited(self, name: str) -> bool:
        known = (self.last_sent, self.original, self.pending, self.behaviour.hidden_locks)
        return is_user_edited(name, self.current, *known)

    def _without_refused(
        self, name: str, wanted: _Wanted, ours: Value
    ) -> tuple[_Wanted, Value | None]:
        if name in self.refused and same(self.refused[name], ours):
            return accepted_part(wanted, ours, self.last_sent.get(name))
        return wanted, ours

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
        shown = self.current.sort_title or self.current.title
        is_set = self.desired.is_set(SORTED_AS)
        if self.behaviour.sort_title is not SortTitle.STAYS or is_set or sorts_as(title, shown):
            return {}
        is_ours = any(same(shown, self.last_sent.get(name, "")) for name in (TITLE, SORTED_AS))
        if SORT_TITLE in self.current.locked and not is_ours:
            return {}
        return {f"{SORT_TITLE}.value": title, f"{SORT_TITLE}.locked": "1"}


def restoring_parameters(
    name: str, item: PlexItem, original: StoredValues, sent: Iterable[str], behaviour: Behaviour
) -> dict[str, str]:
    """Return the parameters that restore a field's original value.

    A list loses only the names in `sent`, which the plugin has added.
    """
    if name not in original:
        return {}
    shown, plex_name, value = getattr(item, name), PLEX_NAMES[name], original[name]
    parameters: dict[str, str] = {}
    if name in ADDITIVE:
        value = list(_not_ours(name, item, _folded(sent), original))
    if isinstance(value, list):
        if not same(value, shown):
            parameters = list_parameters(plex_name, tuple(value), shown, behaviour.removal_encoding)
    elif not same(value, shown) and (value or name != TITLE):
        if name == DATE:
            # Some Plex servers shift each date by a day, so send a date that compensates the shift.
            value = shifted(value, -behaviour.date_shift.get(item.section_key, 0))
        parameters = {f"{plex_name}.value": value}
    was_locked = plex_name in original.get(LOCKED, ())
    is_locked = plex_name in item.locked
    if not parameters and was_locked == is_locked and plex_name not in behaviour.hidden_locks:
        return {}
    return {**parameters, f"{plex_name}.locked": "1" if was_locked else "0"}


def _not_ours(name: str, item: PlexItem, sent: Collection[str], original: StoredValues) -> Names:
    return _without({*sent} - _names(original, name), getattr(item, name))


def _as_sent(current: PlexItem, last_sent: StoredValues, behaviour: Behaviour) -> PlexItem:
    hidden = {PLEX_NAMES.get(name, "") for name in last_sent} & behaviour.hidden_locks
    if hidden - current.locked:
        current = replace(current, locked=current.locked | hidden)
    if SORTED_AS in last_sent and not current.sort_title:
        # Plex omits a sort title that equals the title.
        current = replace(current, sort_title=current.title)
    sent = last_sent.get(DATE)
    shift = behaviour.date_shift.get(current.section_key, 0)
    if shift and isinstance(sent, str) and days_between(sent, current.date) == shift:
        current = replace(current, date=sent)
    return current


def without_smart_collections(item: PlexItem, behaviour: Behaviour) -> PlexItem:
    smart = behaviour.smart_collections.get(item.section_key)
    return replace(item, collections=_without(smart, item.collections)) if smart else item


def _without(removed: Collection[str], names: Iterable[str]) -> Names:
    return tuple(name for name in names if folded(name) not in removed)


def current_values(item: PlexItem) -> Values:
    shown = {name: getattr(item, name) for name in PLEX_NAMES}
    values: Values = {name: list(shown[name]) if name in LISTS else shown[name] for name in shown}
    values[LOCKED] = sorted(item.locked)
    return values


def shifted(date: str, days: int) -> str:
    try:
        return (datetime.date.fromisoformat(date) + datetime.timedelta(days)).isoformat()
    except (ValueError, OverflowError):
        return date


def days_between(earlier: str, later: str) -> int | None:
    try:
        return (datetime.date.fromisoformat(later) - datetime.date.fromisoformat(earlier)).days
    except ValueError:
        return None


def sorts_as(title: str, sort_title: str) -> bool:
    return title.casefold().endswith(sort_title.casefold())


def is_user_edited(
    name: str,
    current: PlexItem,
    last_sent: StoredValues,
    original: StoredValues,
    pending: StoredValues,
    hidden_locks: Collection[str] = (),
) -> bool:
    """Return whether a user set the current value of a field in Plex.

    If the plugin has sent no value, only a locked field counts as edited.
    """
    if name in ADDITIVE:
        expected = _names(last_sent, name)
        if name in pending:
            expected &= _names(pending, name)
        return bool(expected - _folded(getattr(current, name)))
    shown = getattr(current, name)
    if name in pending and name in LISTS:
        known = _names(last_sent if name in last_sent else original, name) | _names(pending, name)
        return not _folded(shown) <= known
    if any(name in values and same(values[name], shown) for values in (last_sent, pending)):
        return False
    locked = PLEX_NAMES[name] in current.locked or PLEX_NAMES[name] in hidden_locks
    return bool(shown) and (name in last_sent or locked)


def same(first: Value | _Wanted, second: Value | _Wanted) -> bool:
    """Return whether two values are equal for Plex.

    Plex removes spaces around texts, and ignores the case of names.
    """
    if first == second:
        return True
    if isinstance(first, str) or isinstance(second, str):
        stored = {str(text).replace("\r\n", "\n").strip() for text in (first, second)}
        return len(stored) == 1
    return _folded(first) == _folded(second)


def _names(values: StoredValues, name: str) -> set[str]:
    return _folded(values.get(name, []))


def _folded(names: Iterable[str]) -> set[str]:
    return set(map(folded, names))

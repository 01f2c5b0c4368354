"""Desired minus current: what one edit must carry so that an item shows a scene. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from plex.items import PlexItem
from validation.metadata import SceneMetadata, folded

Values = dict[str, str | list[str]]

# Our names of the fields, as they stand in the sync log and in messages → Plex's names.
TITLE, STUDIO, SUMMARY, DATE = "title", "studio", "summary", "date"
PERFORMERS, TAGS, COLLECTIONS = "performers", "tags", "collections"
_SCALARS = {TITLE: "title", STUDIO: "studio", SUMMARY: "summary", DATE: "originallyAvailableAt"}
_LISTS = {PERFORMERS: "actor", TAGS: "genre", COLLECTIONS: "collection"}


@dataclass(frozen=True, slots=True)
class ItemEdit:
    """The parameters of one edit, by field, so that an over-long one can be split between fields.

    Attributes:
        fields: our field name → Plex's parameters for it.
        sent: what the item shows afterwards, per field that we manage.
    """

    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sent: Values = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self.fields)


def edit_for(
    desired: SceneMetadata,
    current: PlexItem,
    last_sent: Mapping[str, str | list[str]],
    original: Mapping[str, str | list[str]],
) -> ItemEdit:
    """Return the edit that makes the item show the scene: nothing when it already does.

    Args:
        desired: the scene's projection; a field that is None is left alone.
        current: the item as Plex has it, with complete lists.
        last_sent: what this item was last sent.
        original: what it held before our first write. Of collections only those that were sent
            and are not in it, hence added by us, are ever removed.
    """
    added = _names(last_sent, COLLECTIONS) - _names(original, COLLECTIONS)
    fields: dict[str, Mapping[str, str]] = {}
    sent: Values = {}
    if desired.collections is None and COLLECTIONS in last_sent:
        sent[COLLECTIONS] = list(last_sent[COLLECTIONS])  # still there, and still ours
    for name, value in _scalars(desired, current).items():
        sent[name] = value
        parameters = _scalar_edit(_SCALARS[name], value, getattr(current, name), current.locked)
        if parameters:
            fields[name] = parameters
    for name, wanted in _lists(desired, current, added).items():
        kept = getattr(current, name)
        sent[name] = list(getattr(desired, name))
        parameters = _list_edit(_LISTS[name], wanted, kept, current.locked)
        if parameters:
            fields[name] = parameters
    return ItemEdit(fields, sent)


def current_values(item: PlexItem) -> Values:
    """Return what an item shows now, in the form of the sync log, with its locks."""
    values: Values = {name: getattr(item, name) for name in _SCALARS}
    values.update({name: list(getattr(item, name)) for name in _LISTS})
    values["locked"] = sorted(item.locked)
    return values


def _scalars(desired: SceneMetadata, current: PlexItem) -> dict[str, str]:
    wanted = {name: getattr(desired, name) for name in _SCALARS}
    if wanted[TITLE] == "":
        # An empty title never clears: Plex keeps its own, or gets the file's name when it has none.
        wanted[TITLE] = None if current.title else desired.file_stem or None
    return {name: value for name, value in wanted.items() if value is not None}


def _lists(
    desired: SceneMetadata, current: PlexItem, added: set[str]
) -> dict[str, tuple[str, ...]]:
    wanted = {name: getattr(desired, name) for name in _LISTS}
    lists = {name: names for name, names in wanted.items() if names is not None}
    if COLLECTIONS in lists:
        others = [name for name in current.collections if folded(name) not in added]
        lists[COLLECTIONS] = _union(others, lists[COLLECTIONS])
    return lists


def _names(values: Mapping[str, str | list[str]], name: str) -> set[str]:
    return {folded(one) for one in values.get(name, [])}


def _union(first: list[str], second: tuple[str, ...]) -> tuple[str, ...]:
    known = {folded(name) for name in first}
    return (*first, *(name for name in second if folded(name) not in known))


def _scalar_edit(
    plex_name: str, wanted: str, current: str, locked: frozenset[str]
) -> dict[str, str]:
    lock = {f"{plex_name}.locked": "1"}
    if _stored_form(wanted) != _stored_form(current):
        return {f"{plex_name}.value": wanted, **lock}
    return {} if plex_name in locked else lock


def _stored_form(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _list_edit(
    plex_name: str, wanted: tuple[str, ...], current: tuple[str, ...], locked: frozenset[str]
) -> dict[str, str]:
    """Return the parameters that make a list exactly `wanted`.

    Whether Plex appends or replaces is contested (plex-protocol.md §3.3): the whole list is sent
    and what is too much is taken away by name, which is right either way.
    """
    keys = {folded(name) for name in wanted}
    if plex_name in locked and keys == {folded(name) for name in current}:
        return {}
    parameters = {f"{plex_name}[{i}].tag.tag": name for i, name in enumerate(wanted)}
    surplus = [name for name in current if folded(name) not in keys]
    if surplus:
        # Each name is quoted before the join, because Plex splits at the commas first.
        parameters[f"{plex_name}[].tag.tag-"] = ",".join(quote(name, safe="") for name in surplus)
    parameters[f"{plex_name}.locked"] = "1"
    return parameters

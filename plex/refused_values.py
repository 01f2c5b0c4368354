"""Remembers names that Plex refused, so the edits of all scenes omit these names for one day."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from plex.edit_parameters import (
    Fields,
    Parameters,
    added_names,
    is_shortened,
    list_name,
    without_names,
)
from plex.server_facts import ServerFacts
from validation.metadata import FIELDS
from validation.paths import folded

_REMEMBERED = 86_400.0
_PER_LIBRARY = "collection"
FIELD = "field"
NEEDS = {name: declared.needs for name, declared in FIELDS.items() if declared.needs}


@dataclass(slots=True)
class RefusedValues:
    clock: Callable[[], float]
    store: ServerFacts | None = None
    long_edits: bool = False
    _names: dict[str, float] = field(default_factory=dict)

    def add(self, section: int, plex_name: str, names: Iterable[str]) -> list[str]:
        known = self._known()
        keys = {name: _key(section, plex_name, name) for name in names}
        refused = dict.fromkeys(keys.values(), self.clock())
        if self.store is None:
            self._names = {**known, **refused}
        else:
            self.store.note_refused_names(refused)
        return [name for name, key in keys.items() if key not in known]

    def without(
        self, section: int, fields: Fields, since: float = 0.0
    ) -> tuple[dict[str, Parameters], dict[str, tuple[str, ...]]]:
        now = self.clock()
        refused = {
            key for key, at in self._known().items() if since <= at <= now < at + _REMEMBERED
        }
        kept: dict[str, Parameters] = {}
        omitted: dict[str, tuple[str, ...]] = {}
        for name, parameters in fields.items():
            if name in NEEDS and _key(0, FIELD, name) in refused:
                continue
            kept[name] = parameters
            plex_name = list_name(parameters) or ""
            added = added_names(parameters) if refused else []
            names = tuple(entry for entry in added if _key(section, plex_name, entry) in refused)
            if names:
                kept[name] = without_names(parameters, names)
                omitted[name] = names
        return kept, omitted

    def _known(self) -> Mapping[str, float]:
        return self._names if self.store is None else self.store.refused_names()


def _key(section: int, plex_name: str, name: str) -> str:
    place = f"{plex_name} of {section}" if plex_name == _PER_LIBRARY else plex_name
    return f"{place}: {folded(name)}"


def accepted_part(
    to_send: str | tuple[str, ...], desired: str | list[str], accepted: str | list[str] | None
) -> tuple[str | tuple[str, ...], str | list[str] | None]:
    if isinstance(accepted, str) and isinstance(desired, str) and is_shortened(accepted, desired):
        return accepted, accepted
    if isinstance(accepted, list) and not isinstance(desired, str):
        names, kept = {*map(folded, desired)}, {*map(folded, accepted)}
        if kept < names:
            return tuple(name for name in to_send if folded(name) not in names - kept), accepted
    return to_send, None

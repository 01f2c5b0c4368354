"""Finds the names in a list of tags that Plex, or a proxy in front of it, refuses."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from plex.edit_requests import Fields, Parameters, added_names, list_name, without_names
from validation.metadata import folded

_REMEMBERED = 86_400.0  # seconds after which a name is tried again
MOST_REQUESTS = 24  # requests per search; enough for two names among a hundred
_PER_LIBRARY = "collection"  # collections belong to one library, other tags to the server


class NameStore(Protocol):
    """Stores the refused names of a server."""

    def refused_names(self) -> Mapping[str, float]:
        """Return the key of each refused name (see `_key`) and when it was refused."""
        ...

    def note_refused_names(self, names: Mapping[str, float]) -> None:
        """Store keys of names and when they were refused."""
        ...


class MemoryStore:
    """Stores refused names in memory."""

    def __init__(self) -> None:
        self._names: dict[str, float] = {}

    def refused_names(self) -> Mapping[str, float]:
        """Return the stored names."""
        return dict(self._names)

    def note_refused_names(self, names: Mapping[str, float]) -> None:
        """Store more names."""
        self._names.update(names)


class RefusedNames:
    """The names that a server refused recently, so that other scenes do not send them.

    A smart collection refuses every scene, and a proxy refuses a word in every list.
    """

    def __init__(self, clock: Callable[[], float], store: NameStore) -> None:
        self._clock = clock
        self._store = store

    def add(self, section: int, plex_name: str, names: Iterable[str]) -> list[str]:
        """Store refused names of a list (`genre` or another of Plex's); return the unknown ones."""
        known = self._store.refused_names()
        keys = {name: _key(section, plex_name, name) for name in names}
        self._store.note_refused_names(dict.fromkeys(keys.values(), self._clock()))
        return [name for name, key in keys.items() if key not in known]

    def without(
        self, section: int, fields: Fields, since: float = 0.0
    ) -> tuple[dict[str, Parameters], dict[str, tuple[str, ...]]]:
        """Return the fields without the refused names, and the omitted names by field.

        Names refused before `since` are tried again.
        """
        now = self._clock()
        refused_at = self._store.refused_names()
        refused = {
            key for key, at in refused_at.items() if since <= at <= now and now - at < _REMEMBERED
        }
        if not refused:
            return dict(fields), {}
        kept: dict[str, Parameters] = {}
        left_out: dict[str, tuple[str, ...]] = {}
        for name, parameters in fields.items():
            plex_name = list_name(parameters) or ""
            names = tuple(
                added
                for added in added_names(parameters)
                if _key(section, plex_name, added) in refused
            )
            kept[name] = without_names(parameters, names) if names else parameters
            if names:
                left_out[name] = names
        return kept, left_out


def _key(section: int, plex_name: str, name: str) -> str:
    place = f"{plex_name} of {section}" if plex_name == _PER_LIBRARY else plex_name
    return f"{place}: {folded(name)}"


def refused_names(
    parameters: Parameters, takes: Callable[[Mapping[str, str]], bool]
) -> tuple[str, ...]:
    """Return the names that cause the refusal of a list; empty if no name does.

    Halves of the list are sent, down to single names. Accepted names stay in the list. `takes`
    sends a request; False means refused.
    """
    left = MOST_REQUESTS
    plex_name = list_name(parameters)

    def search(names: Collection[str]) -> list[str]:
        nonlocal left
        left -= 1
        if left < 0 or takes({f"{plex_name}[{n}].tag.tag": one for n, one in enumerate(names)}):
            return []
        if len(names) == 1:
            return list(names)
        middle, ordered = len(names) // 2, list(names)
        return search(ordered[:middle]) + search(ordered[middle:])

    names = added_names(parameters)
    return tuple(search(names)) if names else ()

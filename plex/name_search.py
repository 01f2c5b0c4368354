"""Finds the names in a list of tags that Plex, or a proxy before Plex, does not take."""

from collections.abc import Callable, Collection, Iterable, Mapping

from plex.edit_requests import Fields, Parameters, added_names, list_name, without_names
from validation.metadata import folded

_REMEMBERED = 3600.0  # seconds; then a name is tried again with the next scene that has it
_MOST_REQUESTS = 24  # of one search: enough for two names among a hundred


class RefusedNames:
    """The names that a server refused lately, so that no other scene searches for them.

    A smart collection refuses every scene, and a proxy refuses a word in every list.

    Args:
        monotonic: seconds that never step.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refused_at: dict[tuple[str, str], float] = {}

    def add(self, plex_name: str, names: Iterable[str]) -> None:
        """Remember names of a list, which Plex calls `genre` or the like."""
        now = self._monotonic()
        self._refused_at.update(((plex_name, folded(name)), now) for name in names)

    def without(self, fields: Fields) -> tuple[dict[str, Parameters], dict[str, tuple[str, ...]]]:
        """Return the fields without the refused names, and the names left out by field."""
        oldest = self._monotonic() - _REMEMBERED
        self._refused_at = {key: at for key, at in self._refused_at.items() if at > oldest}
        if not self._refused_at:
            return dict(fields), {}
        kept: dict[str, Parameters] = {}
        left_out: dict[str, tuple[str, ...]] = {}
        for name, parameters in fields.items():
            plex_name = list_name(parameters)
            refused = tuple(
                one
                for one in added_names(parameters)
                if (plex_name, folded(one)) in self._refused_at
            )
            kept[name] = without_names(parameters, refused) if refused else parameters
            if refused:
                left_out[name] = refused
        return kept, left_out


def refused_names(
    parameters: Parameters, takes: Callable[[Mapping[str, str]], bool]
) -> tuple[str, ...]:
    """Return the names because of which a list is refused; empty when they are not to blame.

    Each half of the names is sent by itself, down to single names. What is taken on the way belongs
    to the list.

    Args:
        parameters: of the list, which was refused as a whole.
        takes: sends a request; False when it is refused.
    """
    left = _MOST_REQUESTS
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

"""Which defaults Stash's settings page lacks: it shows an unset switch as off, on or not.

The page that is open in a browser keeps the whole map as it was when it was opened, and posts that
again with each change. What was written meanwhile is gone then, all at once; a person who takes a
setting away takes one or some.
"""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

from shared.frozen import frozen
from validation.config import ALIASES, ENVIRONMENT, Config
from validation.values import is_empty

_NOT_SHOWN = frozenset(("dlq_retention_days", "reconcile_batch_size"))  # spec.md §1
_AS_TEXT = {"plex_verify_tls": "on"}  # the page has a line of text for it, not a switch


@frozen
class Shown:
    """What is known of the settings page.

    Attributes:
        seen: the settings that had a value at some time, by whomever.
        written: those of them whose value was a default that we wrote.
    """

    seen: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()

    def after(self, stored: Mapping[str, Any], written: Mapping[str, Any]) -> "Shown":
        """Return what is known after this was found and that was written besides."""
        seen = self.seen.union(_SHOWN.intersection(stored), written)
        return Shown(seen, self.written.union(written))


def defaults_to_write(stored: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
    """Return the settings to add to those that are stored, with the values that are in effect.

    A key that is stored stays as it is, also an empty one: somebody emptied it. Required settings
    and empty defaults are never part of it.
    """
    in_effect = {**_DEFAULTS, **_under_other_names(stored)}
    absent = {name: value for name, value in in_effect.items() if name not in stored}
    posted_away = 2 * len(shown.written & absent.keys()) > len(shown.written)
    return {
        name: value
        for name, value in absent.items()
        if name not in shown.seen or (posted_away and name in shown.written)
    }


def _under_other_names(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the settings' own names would hide from now on, had they a default."""
    return {
        name: stored[other] for name, other in ALIASES.items() if not is_empty(stored.get(other))
    }


def _on_page(setting: Field[Any]) -> Any:
    """Return a default as the page can show it, None when there is nothing to show."""
    value = _AS_TEXT.get(setting.name, setting.default)
    if isinstance(value, float):
        return int(value)  # the page's field for numbers knows whole ones only
    return value if isinstance(value, bool | int | str) and value != "" else None


_SHOWN = {setting.name for setting in fields(Config)} - _NOT_SHOWN - ENVIRONMENT.keys()
_DEFAULTS = {
    setting.name: _on_page(setting)
    for setting in fields(Config)
    if setting.name in _SHOWN and _on_page(setting) is not None
}

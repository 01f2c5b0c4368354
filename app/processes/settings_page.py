"""Writes the defaults that Stash's settings page lacks: it shows an unset switch as off.

Only tasks do this: a hook asks Stash nothing, and the worker may run while a user saves settings.

A page that is open in a browser keeps the whole map of settings as it was when it was opened, and
posts it again with each change. Settings that were written meanwhile are gone then, all at once. A
user who clears a setting clears that one, and it stays cleared.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from shared.state_file import KeptState
from stash.exceptions import StashError
from validation.config import ALIASES, ENVIRONMENT, Config
from validation.values import is_empty
from worker.services import Services

_NOT_SHOWN = frozenset(("dlq_retention_days", "reconcile_batch_size"))  # accepted, but not offered
_AS_TEXT = {"plex_verify_tls": "on"}  # the page has a line of text for it, not a switch
_SHOWN = {setting.name for setting in fields(Config)} - _NOT_SHOWN - ENVIRONMENT.keys()


def _on_page(setting: Field[Any]) -> Any:
    """Return a default as the page can show it, None when there is nothing to show."""
    value = _AS_TEXT.get(setting.name, setting.default)
    if isinstance(value, float):
        return int(value)  # the page's field for numbers knows whole ones only
    return value if isinstance(value, bool | int | str) and value != "" else None


_DEFAULTS = {
    setting.name: _on_page(setting)
    for setting in fields(Config)
    if setting.name in _SHOWN and _on_page(setting) is not None
}


@dataclass(frozen=True, slots=True)
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


def show_defaults(services: Services) -> None:
    """Write the defaults that the page lacks; that it cannot be done is no fault of a task's."""
    try:
        _show_defaults(services)
    except (StashError, OSError) as error:
        services.log.debug(f"The defaults could not be written for the settings page: {error}")


def _show_defaults(services: Services) -> None:
    stored = services.sessions.stored()
    file = KeptState(services.folder.shown_settings, services.log.event)
    shown = _parse(file.read(services.queue.clock()))
    if file.is_unread:
        return  # which of them a person has emptied since is not known
    added: Mapping[str, Any] = {}
    if defaults_to_write(stored, shown):
        added = services.sessions.settings.add(lambda now: defaults_to_write(now, shown))
    if added:
        services.log.info(
            f"{len(added)} settings had no value in Stash; their defaults are now shown on the "
            "settings page"
        )
    after = shown.after(stored, added)
    if after != shown:
        file.write({"seen": sorted(after.seen), "written": sorted(after.written)})


def _parse(state: Mapping[str, Any]) -> Shown:
    return Shown(*(_names(state.get(key)) for key in ("seen", "written")))


def _names(raw: Any) -> frozenset[str]:
    found = raw if isinstance(raw, list) else []
    return frozenset(name for name in found if isinstance(name, str))

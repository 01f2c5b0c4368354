"""Writes defaults into Stash's settings, because Stash shows a switch without a value as off."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from shared.state_file import KeptState
from stash.exceptions import StashError
from validation.config import ENVIRONMENT, LEGACY_NAMES, Config
from validation.values import counted, is_empty
from worker.services import Services

_NOT_SHOWN = frozenset(("dlq_retention_days", "reconcile_batch_size"))
_AS_TEXT = {"plex_verify_tls": "on"}
_SHOWN = {setting.name for setting in fields(Config)} - _NOT_SHOWN - ENVIRONMENT.keys()


def _on_page(setting: Field[Any]) -> Any:
    value = _AS_TEXT.get(setting.name, setting.default)
    if isinstance(value, float):
        # Stash's settings page accepts only whole numbers.
        return int(value)
    return value if isinstance(value, bool | int | str) and value != "" else None


_DEFAULTS = {
    setting.name: value
    for setting in fields(Config)
    if setting.name in _SHOWN and (value := _on_page(setting)) is not None
}


@dataclass(frozen=True, slots=True)
class KnownSettings:
    seen: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()

    def after(self, stored: Mapping[str, Any], written: Mapping[str, Any]) -> "KnownSettings":
        seen = self.seen.union(_SHOWN.intersection(stored), written)
        return KnownSettings(seen, self.written.union(written))


def defaults_to_write(stored: Mapping[str, Any], shown: KnownSettings) -> dict[str, Any]:
    aliased = {name: stored.get(alias) for name, alias in LEGACY_NAMES.items()}
    in_effect = _DEFAULTS | {name: value for name, value in aliased.items() if not is_empty(value)}
    absent = {name: value for name, value in in_effect.items() if name not in stored}
    # If a user saves a settings page that was opened earlier, Stash may delete the defaults. In
    # this case, write them again.
    is_deleted_by_page = 2 * len(shown.written & absent.keys()) > len(shown.written)
    return {
        name: value
        for name, value in absent.items()
        if name not in shown.seen or (is_deleted_by_page and name in shown.written)
    }


def show_defaults(services: Services) -> None:
    file = KeptState(services.folder.shown_settings, services.log.event)
    try:
        stored = services.sessions.stored()
        state = file.read(services.clock())
        # Without the state file, nothing shows which defaults a user has cleared. So write none.
        if file.is_unread:
            return
        shown = KnownSettings(*(_names(state.get(key)) for key in ("seen", "written")))
        added: Mapping[str, Any] = {}
        if defaults_to_write(stored, shown):
            added = services.sessions.settings.add(lambda now: defaults_to_write(now, shown))
        if added:
            settings = counted(len(added), "setting")
            services.log.info(
                f"Stored the defaults of {settings} in Stash, whose settings page shows them"
            )
        after = shown.after(stored, added)
        if after != shown:
            file.write({"seen": sorted(after.seen), "written": sorted(after.written)})
    except (StashError, OSError) as error:
        services.log.debug(
            f"Could not store the defaults in Stash, whose settings page shows them: {error}"
        )


def _names(raw: Any) -> frozenset[str]:
    names = raw if isinstance(raw, list) else []
    return frozenset(name for name in names if isinstance(name, str))

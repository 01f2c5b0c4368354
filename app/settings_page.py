"""Makes Stash's settings page tell the truth: it shows an unset switch as off, on or not.

By tasks alone: a hook asks Stash nothing, and the worker may run while somebody saves settings.
"""

from collections.abc import Mapping
from typing import Any

from app.container import Container
from shared.state_file import KeptState
from stash.exceptions import StashError
from validation.shown_defaults import Shown, defaults_to_write


def show_defaults(container: Container) -> None:
    """Write the defaults that the page lacks; that it cannot be done is no fault of a task's."""
    try:
        _show_defaults(container)
    except (StashError, OSError) as error:
        container.log.debug(f"The defaults could not be written for the settings page: {error}")


def _show_defaults(container: Container) -> None:
    stored = container.sessions.stored()
    file = KeptState(container.folder.shown_settings, container.log.warning)
    shown = _parse(file.read(container.queue.clock()))
    if file.is_unread:
        return  # which of them a person has emptied since is not known
    added: Mapping[str, Any] = {}
    if defaults_to_write(stored, shown):
        added = container.sessions.settings.add(lambda now: defaults_to_write(now, shown))
    if added:
        container.log.info(
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

"""Whether the user of a shell may work in the data folder that Stash's own runs use."""

import os
import sys
from collections.abc import Callable, Mapping

from shared.data_folder import OVERRIDE_VARIABLE

if sys.platform != "win32":
    import pwd

_ELSEWHERE = (
    f"set {OVERRIDE_VARIABLE} to the data folder that Stash's runs use: where Stash cannot write "
    "to its plugins, that is Stash2Plex-data beside its configuration"
)


def objection(
    plugin_dir: str, environ: Mapping[str, str], user: Callable[[], int] | None = None
) -> str | None:
    """Return why a command must not run here, and what to do; None when it may.

    Files that another user makes in the data folder could not be read by Stash's runs.

    Args:
        plugin_dir: where the entry script lies.
        environ: may name the data folder.
        user: the number of this process's user; None where files have no such owner.
    """
    folder = place(plugin_dir, environ)
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    if user is not None and (owner := os.stat(existing).st_uid) != user():
        return (
            f"{existing} belongs to user {_name(owner)}, and you are {_name(user())}: Stash could "
            f"not read what you write there. Run this as {_name(owner)}, in Stash's own container "
            f"if it has one; or {_ELSEWHERE}"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written to. Make it writable, or {_ELSEWHERE}"
    return None


def place(plugin_dir: str, environ: Mapping[str, str]) -> str:
    """Return the data folder of a shell, which does not know where Stash's configuration lies."""
    override = environ.get(OVERRIDE_VARIABLE)
    return os.path.abspath(override) if override else os.path.join(plugin_dir, "data")


def current_user() -> Callable[[], int] | None:
    """Return what tells the number of this process's user; None where files have no such owner."""
    return getattr(os, "geteuid", None)


def _name(number: int) -> str:
    if sys.platform != "win32":
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            pass
    return str(number)

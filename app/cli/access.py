"""Checks whether the user of a shell may write to the data folder that Stash uses."""

import os
import sys
from collections.abc import Callable, Mapping

from shared.data_folder import OVERRIDE_VARIABLE

if sys.platform != "win32":
    import pwd

_ELSEWHERE = (
    f"set {OVERRIDE_VARIABLE} to the data folder that Stash uses. If Stash cannot write to its "
    "plugins folder, the data folder is Stash2Plex-data beside Stash's configuration"
)


def objection(
    plugin_dir: str, environ: Mapping[str, str], user: Callable[[], int] | None = None
) -> str | None:
    """Return why a command must not run, with the remedy; None if the command may run.

    Stash could not read files that another user creates in the data folder.

    Args:
        user: returns the id of the current user; None on a system where files have no owner.
    """
    folder = place(plugin_dir, environ)
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    if user is not None and (owner := os.stat(existing).st_uid) != user():
        return (
            f"{existing} belongs to user {_name(owner)}, and you are {_name(user())}, whose files "
            f"Stash cannot read. Run the command as {_name(owner)}, in Stash's container if there "
            f"is one; or {_ELSEWHERE}"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written to. Make it writable, or {_ELSEWHERE}"
    return None


def place(plugin_dir: str, environ: Mapping[str, str]) -> str:
    """Return the data folder, except the one beside Stash's configuration, unknown in a shell."""
    override = environ.get(OVERRIDE_VARIABLE)
    return os.path.abspath(override) if override else os.path.join(plugin_dir, "data")


def _name(number: int) -> str:
    if sys.platform != "win32":
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            pass
    return str(number)

"""Makes the run-time dependencies importable, or says in one sentence how to get them."""

import importlib.util
import site
import sys

_MODULES = {
    "plexapi": "plexapi",
    "stashapi": "stashapp-tools",
    "persistqueue": "persist-queue",
    "requests": "requests",
}


def activate_site_packages() -> None:
    """Add the interpreter's site packages, which the entry's `-S` leaves out.

    A hook needs none, and finding them would cost it a quarter of its time.
    """
    if sys.flags.no_site and "site-packages" not in "".join(sys.path):
        site.main()


def missing_dependencies() -> str | None:
    """Return what is missing, under which interpreter, and the one command; None if nothing is."""
    missing = [
        package for module, package in _MODULES.items() if importlib.util.find_spec(module) is None
    ]
    if not missing:
        return None
    return (
        f"Stash2Plex needs {', '.join(missing)}, which this Python ({sys.executable}) does not "
        f'have. Run: "{sys.executable}" -m pip install {" ".join(missing)}'
    )

"""What hooks may know of the settings: a small snapshot without secrets, which may be old.

Settings live in Stash, where a hook must not ask (design.md §2). It is a hint for events that ask
for nothing unless a setting is on, and never a reason to drop an edit. On the hook path, so
standard library only.
"""

from shared.light_json import loads

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from typing import Any


def read_hint(path: str) -> "dict[str, Any]":
    """Return the snapshot; an empty one when there is none, or nothing that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            hint = loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return hint if isinstance(hint, dict) else {}


def wants_scans(path: str) -> bool:
    """Tell whether `trigger_plex_scan` was on when somebody last read the settings."""
    hint = read_hint(path)
    return hint.get("trigger_plex_scan") is True and hint.get("enabled") is not False

"""What a program may ask for through `runPluginOperation`, and how it says so.

Documented in `docs/operations.md`.
"""

from collections.abc import Mapping
from typing import Any

JSON_FORMAT = "json"
# Short names of the modes that answer questions.
ALIASES: Mapping[str, str] = {
    "status": "queue_status",
    "outages": "outage_summary",
    "dead_letters": "show_dlq",
}


def mode_of(arguments: Mapping[str, Any]) -> str:
    """Return the mode that the arguments name, whether there is one of that name or not."""
    mode = str(arguments.get("mode") or "").strip()
    return ALIASES.get(mode, mode)


def wants_json(arguments: Mapping[str, Any]) -> bool:
    """Tell whether a program asks; its questions start no worker."""
    return _format(arguments) == JSON_FORMAT


def format_fault(arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with the argument `format`, for people; empty when nothing is."""
    if _format(arguments) in ("", JSON_FORMAT):
        return ""
    return f"format is {arguments.get('format')!r}; {JSON_FORMAT} is wanted, or nothing for text"


def _format(arguments: Mapping[str, Any]) -> str:
    return str(arguments.get("format") or "").strip().lower()

"""What a program may ask for through `runPluginOperation`, and how it says so.

Documented in `docs/operations.md`.
"""

from collections.abc import Mapping
from typing import Any

# Short names of the modes that answer questions.
ALIASES: Mapping[str, str] = {
    "status": "queue_status",
    "outages": "outage_summary",
    "dead_letters": "show_dlq",
}


def mode_of(arguments: Mapping[str, Any]) -> str:
    """Return the mode that the arguments name, whether there is one of that name or not."""
    mode = str(arguments.get("mode") or "").strip().lower()
    return ALIASES.get(mode, mode)

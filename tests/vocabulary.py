"""The words of the log that `docs/log.md` lists."""

from __future__ import annotations

import re

from simulators.rig import REPOSITORY

_ROW = re.compile(r"\| (info|warning|error|debug) \| `([^`]+)` \| ([^|]+) \|")
_REST = len("2024-05-06 14:02:07,123 ")
_PLACE = re.compile(r"«[^»]+»")


def unlisted(worker_log: str) -> list[str]:
    """Return the lines of a worker's log that the page does not list with what to do."""
    rows = _ROW.findall((REPOSITORY / "docs" / "log.md").read_text(encoding="utf-8"))
    known = [(level, _pattern(wording)) for level, wording, advice in rows if advice.strip()]
    found = []
    for line in worker_log.splitlines():
        level, _, text = line[_REST:].partition(" ")
        is_step = level == "DEBUG" or text.startswith("[DEBUG]")
        if not is_step and not any(
            level.lower() == one and pattern.fullmatch(text) for one, pattern in known
        ):
            found.append(f"{level} {text}")
    return found


def _pattern(wording: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in _PLACE.split(wording)]
    return re.compile(".*?".join(parts), re.DOTALL)

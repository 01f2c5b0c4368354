"""Small JSON state on disk: written whole or not at all, read whatever it holds."""

import contextlib
import json
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

from shared.files import replace_file
from shared.leftovers import keep_newest

LATEST = 253_402_300_799.0  # the last second of the year 9999
KEPT_ASIDE = 3  # files of one state that could not be read
_Kind = TypeVar("_Kind")


def write_state(path: str, state: Any) -> None:
    """Replace the file by the state as JSON, atomically and durably.

    Raises:
        OSError: the state could not be written; what was there before is still there.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        replace_file(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_state(path: str, report: Callable[[str], None], now: float) -> dict[str, Any]:
    """Return the object in the file, or an empty one when there is none.

    A file that holds anything else is set aside as `<name>.corrupt-<time>` and reported once.
    """
    return _read(path, dict, "a JSON object", report, now) or {}


def read_list(path: str, report: Callable[[str], None], now: float) -> list[Any]:
    """Return the list in the file, or an empty one; else as `read_state`."""
    return _read(path, list, "a JSON list", report, now) or []


def _read(
    path: str, kind: type[_Kind], wanted: str, report: Callable[[str], None], now: float
) -> _Kind | None:
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        problem = str(error)
    else:
        if isinstance(state, kind):
            return state
        problem = f"{wanted} was expected, not {type(state).__name__}"
    aside_of = f"{path}.corrupt-"
    aside = f"{aside_of}{int(now)}"
    with contextlib.suppress(OSError):
        replace_file(path, aside)
    keep_newest(os.path.dirname(path), re.escape(os.path.basename(aside_of)) + r"\d+", KEPT_ASIDE)
    report(
        f"{os.path.basename(path)} could not be read ({problem}); "
        f"it was set aside as {os.path.basename(aside)} and starts afresh"
    )
    return None


def parse_moment(raw: Any) -> float | None:
    """Return seconds since the epoch, None for what is no moment up to the year 9999."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if 0 <= raw <= LATEST else None  # false for NaN, too


def parse_count(raw: Any) -> int | None:
    """Return a whole number from 0 on, None for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        return None
    return raw

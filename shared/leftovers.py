"""Bounds on what killed processes and damaged files leave behind."""

import os
import re
import sys

HOUR = 3600.0  # seconds
_YOUNGEST = 60.0  # seconds; a process that we cannot see, in another container, may still write it
_TEMPORARY = re.compile(r"\.tmp-(\d+)$")


def sweep_temporaries(folder: str, now: float) -> int:
    """Remove the temporary files in a folder whose writer is gone; return how many.

    A file `<name>.tmp-<process>` is written whole and renamed, which takes milliseconds. It goes
    when it is a minute old and that process is no more, or when it is an hour old: by then another
    process may have the number.

    Args:
        folder: need not exist.
    """
    swept = 0
    for name in _names(folder):
        found = _TEMPORARY.search(name)
        path = os.path.join(folder, name)
        if found and _is_left_over(path, int(found[1]), now):
            swept += _remove(path)
    return swept


def keep_newest(folder: str, pattern: str, kept: int) -> int:
    """Remove all but the newest files whose whole name matches; return how many went.

    Args:
        folder: need not exist.
        pattern: a regular expression; matching names sort by age.
        kept: how many stay.
    """
    matching = sorted(name for name in _names(folder) if re.fullmatch(pattern, name))
    return sum(
        _remove(os.path.join(folder, name)) for name in matching[: max(0, len(matching) - kept)]
    )


def _is_left_over(path: str, writer: int, now: float) -> bool:
    try:
        age = now - os.stat(path).st_mtime
    except OSError:
        return False
    return age > HOUR or (age > _YOUNGEST and not may_live(writer))


def may_live(process: int) -> bool:
    """Tell whether there may be a process of this number; one that nobody has buried counts."""
    if sys.platform == "win32":  # there, to ask like this would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return True
    return True


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []

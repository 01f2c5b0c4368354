"""Locks that are waited for, and changes of files that another process may have open.

POSIX replaces and removes such a file at once. Windows refuses while a process has the file open
without sharing its deletion, as Python's `open` and virus scanners do. Both take moments, so the
functions here try again.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shared.file_lock import FileLock

TRIES, PAUSE = 20, 0.05  # seconds between two tries
HOUR = 3600.0  # seconds
_YOUNGEST = 60.0  # seconds; a process of another container, which we cannot see, may be writing
_TEMPORARY = re.compile(r"\.tmp-(\d+)$")


def acquire(lock: FileLock, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait for a lock and take it; raise OSError if its file cannot be opened or locked."""
    while not lock.try_acquire():
        sleep(PAUSE)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Wait for the lock on a file and hold it."""
    lock = FileLock(path)
    acquire(lock)
    try:
        yield
    finally:
        lock.release()


def replace_file(source: str, target: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Rename a file, in place of an existing one; on an OSError both are unchanged."""
    _insist(lambda: os.replace(source, target), sleep)


def remove_file(path: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Remove a file; raise FileNotFoundError if there is none, another OSError if refused."""
    _insist(lambda: os.unlink(path), sleep)


def _insist(act: Callable[[], None], sleep: Callable[[float], None]) -> None:
    for _ in range(TRIES - 1 if sys.platform == "win32" else 0):
        try:
            return act()
        except PermissionError:
            sleep(PAUSE)
    return act()


def names_in(folder: str) -> list[str]:
    """Return the sorted names in a folder; none if it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def sweep_temporaries(folder: str, now: float) -> int:
    """Remove files `<name>.tmp-<process>` that a killed writer left; return how many.

    Such a file is written and renamed within milliseconds. A file is removed when it is a minute
    old and its process has ended, or when it is an hour old: another process may have the number.
    """
    swept = 0
    for name in names_in(folder):
        path = os.path.join(folder, name)
        found = _TEMPORARY.search(name)
        with suppress(OSError):
            age = now - os.stat(path).st_mtime
            if found and (age > HOUR or (age > _YOUNGEST and not may_live(int(found[1])))):
                os.unlink(path)
                swept += 1
    return swept


def keep_newest(folder: str, pattern: str, kept: int) -> None:
    """Remove all but the last files, sorted by name, whose whole name matches the pattern."""
    matching = [name for name in names_in(folder) if re.fullmatch(pattern, name)]
    for name in matching[: max(0, len(matching) - kept)]:
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))


def may_live(process: int) -> bool:
    """Tell whether a process of this number may exist; an ended one counts until it is reaped."""
    if sys.platform == "win32":  # there, `os.kill` would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process, or no possible number
        return True
    return True

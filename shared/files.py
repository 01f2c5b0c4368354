"""Waits for locks, and renames and removes files that another process may have open.

Windows refuses to rename or remove an open file, for example while a virus scanner reads the file.
This takes moments, so the functions try again.
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
_YOUNGEST = 60.0  # seconds; an invisible process of another container may be writing the file
_TEMPORARY = re.compile(r"\.tmp-(\d+)$")


def acquire(lock: FileLock, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait for a lock and acquire it; raise OSError if its file cannot be opened or locked."""
    while not lock.try_acquire():
        sleep(PAUSE)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Wait for the lock on a file and hold the lock inside the `with` statement."""
    lock = FileLock(path)
    acquire(lock)
    try:
        yield
    finally:
        lock.release()


def replace_file(source: str, target: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Rename a file and replace an existing file; an OSError leaves both files unchanged."""
    _insist(lambda: os.replace(source, target), sleep)


def remove_file(path: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Remove a file; raise OSError on failure, also if there is no file."""
    _insist(lambda: os.unlink(path), sleep)


def _insist(act: Callable[[], None], sleep: Callable[[float], None]) -> None:
    for _ in range(TRIES - 1 if sys.platform == "win32" else 0):
        try:
            return act()
        except PermissionError:
            sleep(PAUSE)
    return act()


def names_in(folder: str) -> list[str]:
    """Return the sorted names in a folder; an empty list for an unreadable folder."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def sweep_temporaries(folder: str, now: float) -> int:
    """Remove the files `<name>.tmp-<process>` of killed processes; return their number.

    A file is removed if it is a minute old and its process has ended, or if it is an hour old, for
    a new process may have the number. Writers rename such a file within milliseconds.
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
    """Remove the files whose names match the pattern, except the last `kept` in order of names."""
    matching = [name for name in names_in(folder) if re.fullmatch(pattern, name)]
    for name in matching[: max(0, len(matching) - kept)]:
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))


def may_live(process: int) -> bool:
    """Return whether a process may exist; an ended process counts until its parent reaps it."""
    if sys.platform == "win32":  # on Windows `os.kill` would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process, or a number out of range
        return True
    return True

"""Waiting for locks, and replacing and removing files that another process may have open.

POSIX does either at once. Windows refuses it while anybody has the file open who did not give leave
to delete it: Python's own `open` does not, nor do virus scanners. Both take moments, so there it is
tried again.
"""

import os
import sys
import time

from shared.file_lock import FileLock

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from collections.abc import Callable

TRIES, PAUSE = 20, 0.05  # seconds between two tries


def acquire(lock: FileLock, sleep: "Callable[[float], None]" = time.sleep) -> None:
    """Wait for a lock and take it.

    Raises:
        OSError: its file cannot be opened, or the file system has no locks.
    """
    while not lock.try_acquire():
        sleep(PAUSE)


def replace_file(source: str, target: str, sleep: "Callable[[float], None]" = time.sleep) -> None:
    """Rename a file, over the one that has the name, if there is one.

    Raises:
        OSError: it cannot be done; both files are as they were.
    """
    _insist(lambda: os.replace(source, target), sleep)


def remove_file(path: str, sleep: "Callable[[float], None]" = time.sleep) -> None:
    """Remove a file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be done.
    """
    _insist(lambda: os.unlink(path), sleep)


def _insist(act: "Callable[[], None]", sleep: "Callable[[float], None]") -> None:
    for _ in range(TRIES - 1 if sys.platform == "win32" else 0):
        try:
            return act()
        except PermissionError:
            sleep(PAUSE)
    return act()

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shared.file_lock import FileLock

TRIES, PAUSE = 20, 0.05
HOUR = 3600.0
_YOUNGEST = 60.0
_TEMPORARY = re.compile(r"\.tmp-(\d+)$")


def acquire(lock: FileLock, sleep: Callable[[float], None] = time.sleep) -> None:
    while not lock.try_acquire():
        sleep(PAUSE)


@contextmanager
def locked(path: str) -> Iterator[None]:
    lock = FileLock(path)
    acquire(lock)
    try:
        yield
    finally:
        lock.release()


def replace_file(source: str, target: str, sleep: Callable[[float], None] = time.sleep) -> None:
    _retry_on_windows(lambda: os.replace(source, target), sleep)


def remove_file(path: str, sleep: Callable[[float], None] = time.sleep) -> None:
    _retry_on_windows(lambda: os.unlink(path), sleep)


def _retry_on_windows(act: Callable[[], None], sleep: Callable[[float], None]) -> None:
    """Retry for a second, because Windows refuses to rename or remove a file that is being read."""
    for _ in range(TRIES - 1 if sys.platform == "win32" else 0):
        try:
            return act()
        except PermissionError:
            sleep(PAUSE)
    return act()


def names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def sweep_temporaries(folder: str, now: float) -> None:
    # Process ids are reused, so files older than an hour are removed in any case.
    for name in names_in(folder):
        path = os.path.join(folder, name)
        found = _TEMPORARY.search(name)
        with suppress(OSError):
            age = now - os.stat(path).st_mtime
            if found and (age > HOUR or (age > _YOUNGEST and not may_live(int(found[1])))):
                os.unlink(path)


def keep_newest(folder: str, pattern: str, kept: int) -> None:
    matching = [name for name in names_in(folder) if re.fullmatch(pattern, name)]
    for name in matching[: max(0, len(matching) - kept)]:
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))


def may_live(process: int) -> bool:
    """Return whether a process with this id may exist. A zombie process counts."""
    # On Windows, `os.kill(process, 0)` would end the process.
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True

"""What Windows' C library does to locks, on POSIX: enough of it for `shared/windows.py`.

A lock belongs to one open file, other opens of it by the same process included, and ends when that
is closed or its process dies. Whoever cannot have it is told `EACCES` at once, or `EDEADLOCK` after
ten tries; so is whoever asks to wait where there are no locks at all.
"""

import errno
import fcntl
import os

LK_UNLCK, LK_LOCK, LK_NBLCK = 0, 1, 2
TRIES = 10
HELD = errno.EACCES


def locking(fd: int, mode: int, nbytes: int, /) -> None:
    """Lock or unlock one byte, from where the file is read next."""
    assert nbytes == 1
    assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    if mode == LK_UNLCK:
        fcntl.flock(fd, fcntl.LOCK_UN)
        return None
    for _ in range(TRIES if mode == LK_LOCK else 1):
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            between_tries()
    if mode == LK_LOCK:
        raise OSError(errno.EDEADLK, os.strerror(errno.EDEADLK))
    raise OSError(HELD, os.strerror(HELD))


def between_tries() -> None:
    """Windows waits a second; a test puts its own in this place."""

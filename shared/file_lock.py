"""A lock between processes that the operating system drops when its holder dies."""

import os
import sys
import time

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOOK_EVERY = 0.05  # seconds between tries where the system cannot wait for a lock


class FileLock:
    """An exclusive lock on a file of its own.

    On POSIX a parent that holds the lock can hand its descriptor to a child. On Windows it cannot:
    there the child takes the lock itself.
    """

    def __init__(self, path: str, descriptor: "int | None" = None) -> None:
        self.path = path
        self.descriptor = descriptor  # None while the lock is not held

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return True when this process holds it now.

        Raises:
            OSError: the lock's file cannot be opened, or its file system knows no locks.
        """
        return self.descriptor is not None or self._acquire(wait=False)

    def acquire(self) -> None:
        """Wait until the lock is held; raises as `try_acquire`."""
        if self.descriptor is None:
            self._acquire(wait=True)

    def _acquire(self, wait: bool) -> bool:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _lock(descriptor, wait):
                self.descriptor = descriptor
        finally:
            if self.descriptor is None:
                os.close(descriptor)
        return self.descriptor is not None

    def release(self) -> None:
        """Give the lock up; harmless when it is not held."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            _release(descriptor)


if sys.platform != "win32":

    def _lock(descriptor: int, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def _release(descriptor: int) -> None:
        os.close(descriptor)  # not unlocked: a child with the descriptor goes on holding the lock

else:

    def _lock(descriptor: int, wait: bool) -> bool:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return True
            except PermissionError:
                if not wait:
                    return False
                time.sleep(_LOOK_EVERY)

    def _release(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # closing alone unlocks it late
        finally:
            os.close(descriptor)

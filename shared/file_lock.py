"""A lock between processes that the operating system drops when its holder dies."""

import os
import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """An exclusive lock on a file of its own.

    On POSIX the lock belongs to the open descriptor, so a parent that holds it can hand it to the
    child it starts without a moment in which nobody holds it. Windows has no such hand-over: there
    the child takes the lock itself.
    """

    def __init__(self, path: str, descriptor: "int | None" = None) -> None:
        self._path = path
        self._descriptor = descriptor

    @property
    def path(self) -> str:
        """The lock's file."""
        return self._path

    @property
    def descriptor(self) -> "int | None":
        """The open descriptor while the lock is held, else None."""
        return self._descriptor

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when this process holds it now.

        Raises:
            OSError: the lock's file cannot be opened, or its file system knows no locks.
        """
        return self._descriptor is not None or self._acquire(wait=False)

    def acquire(self) -> None:
        """Wait until the lock is held.

        Raises:
            OSError: as `try_acquire`.
        """
        if self._descriptor is None:
            self._acquire(wait=True)

    def _acquire(self, wait: bool) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            locked = _lock(descriptor, wait)
        except BaseException:
            os.close(descriptor)
            raise
        if not locked:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock up; harmless when it is not held."""
        if self._descriptor is not None:
            _let_go(self._descriptor)
            self._descriptor = None


if sys.platform != "win32":

    def _lock(descriptor: int, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        # Not unlocked: a child that was given the descriptor goes on holding the lock.
        os.close(descriptor)

else:

    def _lock(descriptor: int, wait: bool) -> bool:
        # LK_LOCK gives up after ten tries a second apart, with an error that it has for anything
        # else, too: so the first try, which tells them apart, does not wait.
        mode = msvcrt.LK_NBLCK
        while True:
            try:
                msvcrt.locking(descriptor, mode, 1)
            except PermissionError:
                if not wait:
                    return False
            except OSError:
                if mode == msvcrt.LK_NBLCK:
                    raise
            else:
                return True
            mode = msvcrt.LK_LOCK

    def _let_go(descriptor: int) -> None:
        # Windows takes its time to drop the lock of a file that is only closed.
        try:
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        finally:
            os.close(descriptor)

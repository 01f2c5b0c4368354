"""A lock between processes that the operating system drops when its holder dies."""

import os
import sys

if sys.platform == "win32":
    from shared.windows import lock_file, unlock_and_close
else:
    import fcntl

    def lock_file(descriptor: int, *, wait: bool) -> None:
        """Lock an open file; raise `BlockingIOError` if another process holds the lock."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def unlock_and_close(descriptor: int) -> None:
        """Release a lock, also for forked children that still have the descriptor."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


class FileLock:
    """An exclusive lock on a file of its own; a child inherits it, but not on Windows."""

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.path = path
        self.descriptor = descriptor  # None while the lock is not held

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return True when this process holds it now."""
        return self.acquire(wait=False)

    def acquire(self, *, wait: bool = True) -> bool:
        """Take the lock, after waiting if asked to; return True when this process holds it."""
        if self.descriptor is None:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                lock_file(descriptor, wait=wait)
            except OSError as error:
                os.close(descriptor)
                if not isinstance(error, BlockingIOError):
                    raise
            else:
                self.descriptor = descriptor
        return self.descriptor is not None

    def release(self) -> None:
        """Release the lock if it is held."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            unlock_and_close(descriptor)

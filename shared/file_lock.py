import os
import sys

if sys.platform == "win32":
    from shared.windows import LOCK_EX, LOCK_NB, LOCK_UN, flock
else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock


class FileLock:
    """An exclusive lock on a file, which ends with the process.

    A child process can inherit the lock.
    """

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.path = path
        self.descriptor = descriptor

    def try_acquire(self) -> bool:
        if self.descriptor is None:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                self.descriptor = descriptor
            except BlockingIOError:
                pass
            finally:
                if self.descriptor is None:
                    os.close(descriptor)
        return self.descriptor is not None

    def release(self) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            flock(descriptor, LOCK_UN)
            os.close(descriptor)

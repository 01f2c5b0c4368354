import os

from shared.file_lock import FileLock


def close_without_unlocking(lock: FileLock) -> None:
    """Close the lock's file: a child that has inherited it holds the lock."""
    assert lock.descriptor is not None
    os.close(lock.descriptor)
    lock.descriptor = None

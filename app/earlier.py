"""Gives the earlier implementation's data to this process's objects."""

from app.container import Container
from legacy.importing import EarlierData
from shared.file_lock import FileLock
from stash.exceptions import StashError


def earlier_data(container: Container) -> EarlierData:
    """Return the data of the earlier implementation; for the holder of the worker lock."""

    def learn_secrets() -> bool:
        try:
            container.sessions.config()
        except StashError:
            return False
        return True

    return EarlierData(container.folder, container.log, learn_secrets, container.queue.clock)


def take_over_before_a_task(container: Container, lock: FileLock) -> bool:
    """Take over what waits, unless a worker runs, which does it itself; tell whether that was.

    Args:
        container: the task's.
        lock: the worker lock.
    """
    earlier = earlier_data(container)
    if not earlier.waits() or not lock.try_acquire():
        return False
    try:
        earlier.take_over()
    finally:
        lock.release()
    return True

"""Gives the earlier implementation's data to this process's objects."""

import sqlite3

from legacy.presence import has_legacy_data
from shared.events import Event
from shared.file_lock import FileLock
from stash.exceptions import StashError
from sync_queue.quarantine import is_damage
from worker.services import Services


def take_over(services: Services, lock: FileLock) -> None:
    """Take over what the earlier implementation left, unless another process does.

    Args:
        services: the objects of this process.
        lock: the worker lock; it is held, or not, as before.

    Raises:
        sqlite3.DatabaseError: our database is damaged.
    """
    held = lock.descriptor is not None
    try:
        if has_legacy_data(services.folder, services.queue.clock) and lock.try_acquire():
            _take_over(services)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise
        services.log.event(Event.LEGACY_POSTPONED, error=error)
    finally:
        if not held:
            lock.release()


def _take_over(services: Services) -> None:
    # Only here: most data folders never held anything of it, and each task looks.
    from legacy.importing import LegacyData  # noqa: PLC0415

    def learn_secrets() -> bool:
        try:
            services.sessions.config()
        except StashError:
            return False
        return True

    LegacyData(services.folder, services.log, learn_secrets, services.queue.clock).import_all()

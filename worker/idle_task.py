"""The work of a worker while no job is due, in short steps so that jobs never wait for it."""

import sqlite3
import traceback
from collections.abc import Callable
from typing import Protocol

from shared.events import Event
from shared.log import Log
from worker.sync.session import SyncSession


class IdleTask(Protocol):
    """Work for idle time."""

    def wants_a_step(self) -> bool:
        """Return whether a step may find work now; asks no server."""
        ...

    def step(self, session: SyncSession) -> bool:
        """Do a step; return False when there was no work.

        Servers that fail raise nothing. After any other exception, no step is wanted for a while.
        """
        ...


class LazyIdleTask:
    """Makes an idle task at its first use, so that the worker's first job does not wait for it.

    Args:
        make: returns the idle task, or None when the worker has none.
    """

    def __init__(self, make: Callable[[], IdleTask | None] = lambda: None) -> None:
        self._make = make
        self._made: list[IdleTask | None] = []

    def wants_a_step(self) -> bool:
        """Return whether a step may find work now; asks no server."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0] is not None and self._made[0].wants_a_step()

    def step(self, session: SyncSession, log: Log) -> bool:
        """Do a step; report a bug in it, which ends no worker.

        Raises:
            sqlite3.Error: the database cannot be used.
        """
        try:
            return self.wants_a_step() and self._made[0] is not None and self._made[0].step(session)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001 - the worker survives any bug, and reports it
            log.event(Event.BUG, trace=traceback.format_exc())
            return False

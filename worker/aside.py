"""What a worker does while no job is due, in short steps, so that jobs never wait for it."""

import sqlite3
import traceback
from collections.abc import Callable
from typing import Protocol

from shared.log import Log
from worker.session import SyncSession


class Aside(Protocol):
    """What a worker does while no job is due, in short steps."""

    def wants_a_step(self) -> bool:
        """Tell, without asking anybody, whether there may be something to do now."""
        ...

    def step(self, session: SyncSession) -> bool:
        """Do a step; False when there is nothing to do.

        It raises for no server's sake; after any other exception it wants no step for a while.
        """
        ...


class Nothing:
    """Nothing to do aside."""

    def wants_a_step(self) -> bool:
        """Tell that there is nothing."""
        return False

    def step(self, session: SyncSession) -> bool:
        """Do nothing."""
        del session
        return False


class Late:
    """Something that is made when it is first asked, so that a worker's first job waits for less.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], Aside]) -> None:
        self._make = make
        self._made: Aside | None = None

    def wants_a_step(self) -> bool:
        """Tell, without asking anybody, whether there may be something to do now."""
        return self._aside().wants_a_step()

    def step(self, session: SyncSession) -> bool:
        """Do a step; False when there is nothing to do."""
        return self._aside().step(session)

    def _aside(self) -> Aside:
        if self._made is None:
            self._made = self._make()
        return self._made


def step_aside(aside: Aside, session: SyncSession, log: Log) -> bool:
    """Do a step; a bug in it is told, and ends no worker.

    Raises:
        sqlite3.Error: the database cannot be used.
    """
    try:
        return aside.step(session)
    except sqlite3.Error:
        raise
    except Exception:  # noqa: BLE001 - the worker survives any bug, and tells it
        log.error("A bug of Stash2Plex, please report it: " + traceback.format_exc())
        return False

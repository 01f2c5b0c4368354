"""What a worker does while no job is due, in short steps, so that jobs never wait for it."""

import sqlite3
import traceback
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

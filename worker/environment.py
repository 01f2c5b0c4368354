"""What a worker works with; its owner passes everything in."""

import random
import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.events import Event
from shared.log import Log
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from worker.outage_guard import OutageGuard
from worker.pauses import Pauses
from worker.stats import SyncStats
from worker.sync.session import SessionProvider, SyncSession


class IdleTask(Protocol):
    """Work while no job is due, in short steps so that jobs never wait for it."""

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


@dataclass(frozen=True, slots=True)
class Environment:
    """One worker's tools.

    Attributes:
        guard: knows whether Plex is away.
        idle_task: the work while no job is due.
        installed: False once the plugin's files have changed under the worker.
        most_lines: how many jobs of a drain get a line of the log each; None: all.
        offer_connection: gets a connection to Stash that may be newer than the one in use.
        on_progress: is told after each scene how many were settled since the start.
        on_pause: is told why nothing goes on, and with an empty text that it does.
        pauses: known from earlier runs; None where this worker is the process's only one.
    """

    queue: QueueManager
    sessions: SessionProvider
    scenes: StashScenes
    images: StashImages
    stats: SyncStats
    guard: OutageGuard
    log: Log
    idle_task: LazyIdleTask = field(default_factory=LazyIdleTask)
    installed: Callable[[], bool] = lambda: True
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform
    most_lines: int | None = None
    offer_connection: Callable[[Any], None] = lambda _connection: None
    on_progress: Callable[[int], None] = lambda _settled: None
    on_pause: Callable[[str], None] = lambda _reason: None
    pauses: Pauses | None = None

"""What a worker works with; its owner passes everything in."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.log import Log
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from worker.idle_task import LazyIdleTask
from worker.outage_guard import OutageGuard
from worker.pauses import Pauses
from worker.stats import SyncStats
from worker.sync.session import SessionProvider


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

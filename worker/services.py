"""The objects of one process: `app` builds them, the worker and the tasks get them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.clock import steady
from shared.data_folder import DataFolder
from shared.log import Log
from stash.connection import StashConnection
from stash.images import StashImages
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from worker.sync.session import CurrentSession


@dataclass(frozen=True, slots=True)
class Services:
    """The objects of one process, all for the same data folder and the same Stash.

    Attributes:
        stash: the connection that `scenes`, `images` and `sessions` use.
        sessions: the current settings, and the Plex server that they name.
        boot_time: seconds that no setting of the clock steps (`shared.clock.steady`).
        uniform: returns a random number between two others.
    """

    folder: DataFolder
    log: Log
    queue: QueueManager
    stash: StashConnection
    scenes: StashScenes
    images: StashImages
    sessions: CurrentSession
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    boot_time: Callable[[], float] = steady
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    def close(self) -> None:
        """Close the databases and the connections."""
        self.sessions.close()
        self.stash.close()
        self.queue.close()

"""The objects that a process of the plugin needs; `app/services.py` creates the objects."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from shared.clock import steady
from shared.data_folder import DataFolder
from shared.file_lock import FileLock
from shared.log import Log
from stash.connection import StashConnection
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from worker.process.lock_handover import hold_worker_lock
from worker.state import StatusSource
from worker.sync.session import CurrentSession


@dataclass(frozen=True, slots=True)
class Services:
    """The shared objects of a process, all for the same data folder and the same Stash."""

    folder: DataFolder
    log: Log
    queue: QueueManager
    stash: StashConnection  # `scenes` and `sessions` use this connection
    scenes: StashScenes
    sessions: CurrentSession
    worker_lock: FileLock
    ensure_worker: Callable[[], str]  # returns `running` or `started`
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    boot_time: Callable[[], float] = steady  # like `monotonic`, but also counts the machine's sleep
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    @property
    def status_source(self) -> StatusSource:
        return StatusSource(self.folder, self.log.event, self.clock, self.queue, self.scenes.names)

    def hold_worker_lock(self) -> AbstractContextManager[None]:
        """Hold the worker lock; raise `LockHeldError` if a worker does not release it in time."""
        request = FileLock(self.folder.takeover_lock)
        return hold_worker_lock(self.worker_lock, request, self.monotonic, self.sleep)

    def close(self) -> None:
        self.sessions.close()
        self.stash.close()
        self.queue.close()

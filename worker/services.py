import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.clock import boot_time
from shared.file_lock import FileLock
from stash.connection import StashConnection
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from worker.process.lock_handover import hold_worker_lock
from worker.state_files import StatusSource
from worker.sync.session import CurrentSession


@dataclass(frozen=True, slots=True)
class Services(StatusSource):
    queue: QueueManager
    stash: StashConnection
    scenes: StashScenes
    sessions: CurrentSession
    worker_lock: FileLock
    ensure_worker: Callable[[], str]
    monotonic: Callable[[], float] = time.monotonic
    # Unlike `monotonic`, this clock also counts the time while the machine sleeps.
    boot_time: Callable[[], float] = boot_time
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    @contextmanager
    def hold_worker_lock(self) -> Iterator[None]:
        request = FileLock(self.folder.takeover_lock)
        try:
            with hold_worker_lock(self.worker_lock, request, self.monotonic, self.sleep):
                yield
        finally:
            if self.queue.has_unfinished():
                self.ensure_worker()

    def close(self) -> None:
        self.sessions.close()
        self.stash.close()
        self.queue.close()

"""The dependencies of a task, built by `app`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciliation.state import StateFile
from shared.file_lock import FileLock
from shared.log import Log
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from tasks.status.snapshot import StatusSource
from worker.process.takeover import Takeover
from worker.state import WorkerState
from worker.sync.session import CurrentSession

if TYPE_CHECKING:  # few tasks need these imports, which take a third of a task's start
    from reconciliation.detector import Libraries
    from reconciliation.scheduler import Reconciler
    from worker.processor import SyncWorker


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The dependencies of a task.

    Attributes:
        worker_state: reads the state files of the worker.
        worker_lock: held by the process that drains the queue.
        takeover: stops a running worker and takes its lock.
        reconciliation_state: the file about past runs.
        reconciler: returns the same object at each call.
        reconciler_libraries: returns access to both libraries with the current settings.
        reports_folder: created with the first report.
        ensure_worker: starts a worker if none runs; returns a word for the result.
        foreground_worker: builds a worker of this process, which reports the number of done jobs.
    """

    log: Log
    queue: QueueManager
    scenes: StashScenes
    sessions: CurrentSession
    worker_state: WorkerState
    worker_lock: FileLock
    takeover: Takeover
    reconciliation_state: StateFile
    reconciler: "Callable[[], Reconciler]"
    reconciler_libraries: "Callable[[], Libraries]"
    reports_folder: str
    ensure_worker: Callable[[], str]
    foreground_worker: "Callable[[Callable[[int], None]], SyncWorker]"
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def status_source(self) -> StatusSource:
        """The access to the data folder."""
        return StatusSource(
            queue=self.queue,
            worker_state=self.worker_state,
            reconciliation=self.reconciliation_state,
            names=self.scenes.names,
            clock=self.clock,
        )

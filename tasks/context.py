"""What a task works with; the composition root passes everything in."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reconciliation.state import StateFile
from shared.file_lock import FileLock
from shared.log import Log
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from tasks.status.snapshot import Readings
from validation.config import Config
from worker.process.takeover import Takeover
from worker.records import Records
from worker.sync.session import SessionProvider

if TYPE_CHECKING:  # what few tasks use is loaded by those: it costs a third of a task's start
    from reconciliation.detector import Libraries
    from reconciliation.scheduler import Reconciler
    from worker.processor import SyncWorker


class Settings(SessionProvider, Protocol):
    """Gives sessions, and the settings even where they name no usable Plex server."""

    def config(self) -> Config:
        """Return the settings."""
        ...

    def change(self, settings: Mapping[str, Any]) -> None:
        """Store these settings; those that are not named stay as they are."""
        ...


@dataclass(frozen=True, slots=True)
class TaskContext:
    """One task's tools.

    Attributes:
        records: reads what the worker has written down.
        worker_lock: held by whoever drains the queue.
        takeover: makes room for this process where a worker is; then it holds the worker lock.
        ensure_worker: starts a worker unless one runs.
        reconciliation_state: of past reconciliations.
        reconciler: returns this process's access to the reconciliation, always the same one.
        reconciler_libraries: both libraries as they are to be compared now.
        reports_folder: where reports for the user lie; made when there is one.
        foreground_worker: a worker for this process, told whom to tell its progress.
    """

    log: Log
    queue: QueueManager
    scenes: StashScenes
    sessions: Settings
    records: Records
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
    def readings(self) -> Readings:
        """What the questions need that ask neither Plex nor a worker."""
        return Readings(
            queue=self.queue.view,
            records=self.records,
            reconciliation=self.reconciliation_state,
            names=self.scenes.names,
            clock=self.clock,
        )

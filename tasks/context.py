"""What a task works with; the composition root passes everything in."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.file_lock import FileLock
from shared.log import Log
from stash.scenes import StashScenes
from sync_queue.manager import QueueManager
from validation.config import Config
from worker.processor import SyncWorker
from worker.records import Records
from worker.session import SessionProvider


class TaskError(Exception):
    """A task could not do its work; the text says why and what to do."""


def flag(arguments: Mapping[str, Any], name: str) -> bool:
    """Tell whether an argument says yes; Stash passes values as text, JSON may bring a bool."""
    return str(arguments.get(name, "")).strip().lower() in ("true", "1", "yes", "on")


class Settings(SessionProvider, Protocol):
    """Gives sessions, and the settings even where they name no usable Plex server."""

    def config(self) -> Config:
        """Return the settings."""
        ...


@dataclass(frozen=True, slots=True)
class TaskContext:
    """One task's tools.

    Attributes:
        records: reads what the worker has written down.
        worker_lock: held by whoever drains the queue.
        ensure_worker: starts a worker unless one runs.
        foreground_worker: a worker for this process, told whom to tell its progress.
    """

    log: Log
    queue: QueueManager
    scenes: StashScenes
    sessions: Settings
    records: Records
    worker_lock: FileLock
    ensure_worker: Callable[[], str]
    foreground_worker: Callable[[Callable[[int], None]], SyncWorker]
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

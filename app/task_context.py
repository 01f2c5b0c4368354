"""Fits a process's objects to what the tasks ask for."""

from collections.abc import Callable
from functools import partial
from typing import Any

from app.container import Container, environment
from app.reconciling import reconciler, sides_of
from shared.file_lock import FileLock
from tasks.context import TaskContext
from worker.launcher import ensure_worker
from worker.processor import SyncWorker
from worker.records import Records
from worker.takeover import Takeover

MOST_SCENE_LINES = 20  # of a drain in Stash's log; the sum tells of the others


def context_for(
    script: str, server_connection: dict[str, Any], container: Container, lock: FileLock
) -> TaskContext:
    """Return the context of a task in this process."""

    def foreground_worker(on_progress: Callable[[int], None]) -> SyncWorker:
        return SyncWorker(
            environment(container, on_progress=on_progress, most_lines=MOST_SCENE_LINES)
        )

    return TaskContext(
        log=container.log,
        queue=container.queue,
        scenes=container.scenes,
        sessions=container.sessions,
        records=Records(container.folder, container.log.warning, container.queue.clock),
        worker_lock=lock,
        takeover=Takeover(lock, FileLock(container.folder.takeover_lock)),
        reconciler=reconciler(container),
        reconciler_sides=lambda: sides_of(container, container.sessions.current()),
        reports_folder=container.folder.reports,
        ensure_worker=partial(ensure_worker, script, lock, server_connection),
        foreground_worker=foreground_worker,
        clock=container.queue.clock,
    )

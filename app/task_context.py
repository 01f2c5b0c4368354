"""Fits a process's objects to what the tasks ask for."""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from app.container import Container
from app.reconciliation_due import reconciliation_state
from shared.file_lock import FileLock
from tasks.context import TaskContext
from worker.records import Records
from worker.takeover import Takeover, ensure_worker

if TYPE_CHECKING:
    from reconciliation.automatic import Reconciler
    from reconciliation.detector import Sides
    from worker.processor import SyncWorker


def context_for(
    script: str, server_connection: dict[str, Any], container: Container, lock: FileLock
) -> TaskContext:
    """Return the context of a task in this process.

    Args:
        script: the plugin's entry script.
        server_connection: Stash's.
        container: the process's objects.
        lock: the worker lock.
    """
    late = _Late(container)
    return TaskContext(
        log=container.log,
        queue=container.queue,
        scenes=container.scenes,
        sessions=container.sessions,
        records=Records(container.folder, container.log.warning, container.queue.clock),
        worker_lock=lock,
        takeover=Takeover(lock, FileLock(container.folder.takeover_lock)),
        reconciliation_state=reconciliation_state(container),
        reconciler=cache(late.reconciler),
        reconciler_sides=late.sides,
        reports_folder=container.folder.reports,
        ensure_worker=partial(
            ensure_worker, script, lock, container.folder.spool, server_connection
        ),
        foreground_worker=late.foreground_worker,
        clock=container.queue.clock,
    )


class _Late:
    """What few tasks ask for, and what is loaded only then: it costs a third of a task's start."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def reconciler(self) -> "Reconciler":
        from app.reconciling import reconciler  # noqa: PLC0415

        return reconciler(self._container)

    def sides(self) -> "Sides":
        from app.reconciling import sides_of  # noqa: PLC0415

        return sides_of(self._container, self._container.sessions.current())

    def foreground_worker(self, on_progress: Callable[[int], None]) -> "SyncWorker":
        from app.draining import foreground_worker  # noqa: PLC0415

        return foreground_worker(self._container, on_progress)

"""Builds the reconciliation, whose modules import neither the worker nor the tasks."""

from collections.abc import Callable
from functools import partial

from app.container import Container
from plex.item_reader import READ_BATCH
from reconciliation.detector import Libraries
from reconciliation.engine import GapDetectionEngine
from reconciliation.scheduler import Reconciler, ReconciliationScheduler
from reconciliation.state import StateFile
from shared.file_lock import FileLock
from worker.sync.inspection import SceneInspector
from worker.sync.session import SyncSession

# Items in one request of a run: 100,000 of them are to be read with 200 requests.
ITEMS_AT_ONCE = 10 * READ_BATCH


def reconciler(container: Container) -> Reconciler:
    """Return this process's access to the reconciliation."""
    clock = container.queue.clock
    state = StateFile(container.folder.reconciliation_state, container.log.event, clock)
    return Reconciler(
        GapDetectionEngine(container.scenes, container.queue, state, container.log.event, clock),
        FileLock(container.folder.reconciliation_lock),
        state,
    )


def libraries_of(container: Container, session: SyncSession) -> Libraries:
    """Return both libraries as a run under this session sees them."""
    library = session.library

    def refresh() -> None:
        library.prepare()
        library.refresh()

    def inspector() -> SceneInspector:
        return SceneInspector(
            session,
            container.queue.sync_log,
            container.scenes.read,
            container.log.event,
            batch=ITEMS_AT_ONCE,
        )

    return Libraries(
        config=session.config,
        refresh=refresh,
        files_known=library.index.count,
        inspect=lambda scenes: inspector().inspect(scenes),
    )


def reconciliation_scheduler(
    container: Container, monotonic: Callable[[], float]
) -> ReconciliationScheduler:
    """Return the reconciliation as the worker's idle task."""
    return ReconciliationScheduler(
        reconciler(container),
        partial(libraries_of, container),
        container.log,
        container.queue.clock,
        monotonic,
    )

"""Builds the reconciliation, whose modules import neither the worker nor the tasks."""

from functools import partial

from plex.item_reader import READ_BATCH
from reconciliation.detector import Libraries
from reconciliation.engine import GapDetectionEngine
from reconciliation.scheduler import Reconciler, ReconciliationScheduler
from reconciliation.state import StateFile
from shared.file_lock import FileLock
from worker.services import Services
from worker.sync.inspection import SceneInspector
from worker.sync.session import SyncSession

# Items in one request of a run: 100,000 of them are to be read with 200 requests.
ITEMS_AT_ONCE = 10 * READ_BATCH


def reconciler(services: Services) -> Reconciler:
    """Return this process's access to the reconciliation."""
    clock = services.queue.clock
    state = StateFile(services.folder.reconciliation_state, services.log.event, clock)
    return Reconciler(
        GapDetectionEngine(services.scenes, services.queue, state, services.log.event, clock),
        FileLock(services.folder.reconciliation_lock),
        state,
    )


def libraries_of(services: Services, session: SyncSession) -> Libraries:
    """Return both libraries as a run under this session sees them."""
    library = session.library

    def refresh() -> None:
        library.prepare()
        library.refresh()

    def inspector() -> SceneInspector:
        return SceneInspector(
            session,
            services.queue.sync_log,
            services.scenes.read,
            services.log.event,
            batch=ITEMS_AT_ONCE,
        )

    return Libraries(
        config=session.config,
        refresh=refresh,
        files_known=library.index.count,
        inspect=lambda scenes: inspector().inspect(scenes),
    )


def reconciliation_scheduler(services: Services) -> ReconciliationScheduler:
    """Return the reconciliation as the worker's idle task."""
    return ReconciliationScheduler(
        reconciler(services),
        partial(libraries_of, services),
        services.log,
        services.queue.clock,
        services.monotonic,
    )

"""Puts the reconciliation together: its own floor knows neither the worker nor the tasks."""

from collections.abc import Callable

from app.container import Container
from app.reconciliation_due import reconciliation_state
from plex.item_reader import READ_BATCH
from reconciliation.automatic import AutomaticRuns, Reconciler
from reconciliation.detector import Sides
from reconciliation.engine import Reconciliation
from shared.file_lock import FileLock
from worker.inspection import SceneInspector
from worker.session import SyncSession

# Items in one request of a run: 100,000 of them are to be read with 200 requests.
ITEMS_AT_ONCE = 10 * READ_BATCH


def reconciler(container: Container) -> Reconciler:
    """Return this process's access to the reconciliation."""
    clock = container.queue.clock
    state = reconciliation_state(container)
    return Reconciler(
        Reconciliation(container.scenes, container.queue, state, container.log.info, clock),
        FileLock(container.folder.reconciliation_lock),
        state,
    )


def sides_of(container: Container, session: SyncSession) -> Sides:
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
            container.log.warning,
            batch=ITEMS_AT_ONCE,
        )

    return Sides(
        config=session.config,
        refresh=refresh,
        files_known=library.index.count,
        inspect=lambda scenes: inspector().inspect(scenes),
    )


class SpareTime:
    """What a worker does while no job is due: `worker.environment.Aside`, for reconciliation."""

    def __init__(self, container: Container, monotonic: Callable[[], float]) -> None:
        self._container = container
        self._runs = AutomaticRuns(
            reconciler(container), container.log, container.queue.clock, monotonic
        )

    def wants_a_step(self) -> bool:
        """Tell, without asking anybody, whether there may be something to do now."""
        return self._runs.wants_a_step()

    def step(self, session: SyncSession) -> bool:
        """Do a step; False when there is nothing to do."""
        return self._runs.step(sides_of(self._container, session))

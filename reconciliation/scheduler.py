"""Starts runs automatically when they are due, and continues interrupted ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from plex.client import READ_BATCH
from plex.exceptions import PlexError
from reconciliation.detector import Libraries
from reconciliation.engine import End, GapDetectionEngine, RunEnd
from reconciliation.run import Order
from reconciliation.state import RETRY, StateFile, due
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import INFO, WARNING
from stash.exceptions import StashError
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import SyncSession

ITEMS_AT_ONCE = 10 * READ_BATCH  # so that 200 requests read 100,000 items
LOOK_EVERY = 60.0  # seconds between two checks whether a run is due


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Access to the reconciliation."""

    engine: GapDetectionEngine  # needs the lock
    lock: FileLock  # held during a step, so that one process at a time continues the run
    state: StateFile  # the file about past runs; reading it needs no lock

    @classmethod
    def of(cls, services: Services) -> Self:
        """Return the access of a process."""
        folder, report, clock = services.folder, services.log.event, services.clock
        state = StateFile(folder.reconciliation_state, report, clock)
        engine = GapDetectionEngine(services.scenes, services.queue, state, report, clock)
        return cls(engine, FileLock(folder.reconciliation_lock), state)


def libraries_of(services: Services, session: SyncSession) -> Libraries:
    """Return access to both libraries with the settings of a session."""
    library = session.library

    def refresh() -> None:
        library.prepare()
        library.refresh()

    def inspect(scenes: Collection[StashScene]) -> Sequence[Inspection]:
        return inspect_scenes(services, session, scenes, ITEMS_AT_ONCE)

    return Libraries(session.config, refresh, library.index.count, inspect)


class ReconciliationScheduler:
    """The worker's idle task that executes reconciliation runs step by step.

    The worker checks its queue between two steps. After an error of a server the run pauses.
    """

    def __init__(
        self,
        services: Services,
    ) -> None:
        self._services = services
        self._reconciler = Reconciler.of(services)
        self._log = services.log
        self._monotonic = services.monotonic
        self._at_start = True
        self._order: Order | None = None
        self._next_look = float("-inf")

    def wants_a_step(self) -> bool:
        """Tell, without any request or file access, whether a run may be due."""
        return self._monotonic() >= self._next_look

    def step(self, session: SyncSession) -> bool:
        """Execute a step of the due or unfinished run; return False if there is none."""
        lock = self._reconciler.lock
        if not lock.try_acquire():
            self._rest(LOOK_EVERY)  # another process executes a run
            return False
        try:
            return self._step(libraries_of(self._services, session))
        except Exception:
            self._rest(RETRY)  # avoids reporting the same error at once again
            raise
        finally:
            lock.release()

    def _step(self, libraries: Libraries) -> bool:
        reconciliation = self._reconciler.engine
        left = reconciliation.stored()
        order = left.order if left is not None else self._due(libraries)
        if order is None:
            self._rest(LOOK_EVERY)
            return False
        if left is None or order != self._order:
            self._order = order
            reconciliation.begin(order)
            begun = Event.RECONCILIATION_RESUMED if left else Event.RECONCILIATION_BEGUN
            self._log.event(begun, scope=order.words)
        try:
            ended = reconciliation.step(libraries)
        except (PlexError, StashError, OSError) as error:
            self._log.event(Event.RECONCILIATION_RESTS, minutes=RETRY / 60, error=error)
            self._rest(RETRY)
            return False
        if ended is not None:
            self._end(ended, order)
        return True

    def _due(self, libraries: Libraries) -> Order | None:
        config = libraries.config
        at_start, self._at_start = self._at_start, False
        return due(
            self._reconciler.state.read(),
            config.reconcile_interval,
            config.reconcile_scope,
            self._services.clock(),
            at_start=at_start,
            rebuilt=self._reconciler.engine.has_losses_to_find(),
        )

    def _end(self, ended: RunEnd, order: Order) -> None:
        self._order = None
        self._log.event(
            Event.RECONCILIATION_ENDED,
            level=INFO if ended.how is End.DONE else WARNING,
            scope=order.words,
            result=ended.text,
            how=ended.how.value,
            queued=ended.queued,
        )
        self._rest(LOOK_EVERY)

    def _rest(self, seconds: float) -> None:
        self._next_look = self._monotonic() + seconds

"""Starts runs automatically when they are due, and continues interrupted ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plex.exceptions import PlexError
from reconciliation.detector import Libraries
from reconciliation.engine import End, GapDetectionEngine, RunEnd
from reconciliation.run import Order
from reconciliation.state import RETRY, StateFile, due
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import INFO, WARNING, Log
from stash.exceptions import StashError

LOOK_EVERY = 60.0  # seconds between two checks whether a run is due


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Access to the reconciliation.

    Attributes:
        engine: needs the lock.
        lock: held during a step, so that one process at a time continues the run.
        state: the file about past runs; reading it needs no lock.
    """

    engine: GapDetectionEngine
    lock: FileLock
    state: StateFile


class ReconciliationScheduler:
    """The worker's idle task that executes reconciliation runs step by step.

    The worker checks its queue between two steps. After an error of a server the run pauses.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        libraries_of: Callable[[Any], Libraries],
        log: Log,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._reconciler = reconciler
        self._libraries_of = libraries_of
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._at_start = True
        self._order: Order | None = None
        self._next_look = float("-inf")

    def wants_a_step(self) -> bool:
        """Tell, without any request or file access, whether a run may be due."""
        return self._monotonic() >= self._next_look

    def step(self, session: Any) -> bool:
        """Execute a step of the due or unfinished run; return False if there is none."""
        lock = self._reconciler.lock
        if not lock.try_acquire():
            self._rest(LOOK_EVERY)  # another process executes a run
            return False
        try:
            return self._step(self._libraries_of(session))
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
            self._clock(),
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

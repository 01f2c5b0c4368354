"""Runs that start automatically: those that are due, and those that a killed process left."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plex.exceptions import PlexError
from reconciliation.detector import Sides
from reconciliation.engine import End, Ended, GapDetectionEngine
from reconciliation.run import Order
from reconciliation.state import RETRY, StateFile, due
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import INFO, WARNING, Log
from stash.exceptions import StashError

LOOK_EVERY = 60.0  # seconds between two looks at whether a run is due


@dataclass(frozen=True, slots=True)
class Reconciler:
    """One process's access to the reconciliation.

    Attributes:
        reconciliation: to be used while the lock is held.
        lock: held by whoever is at a step of a run, so that two runs at once are one.
        state: of past runs; everyone may read it.
    """

    reconciliation: GapDetectionEngine
    lock: FileLock
    state: StateFile


class ReconciliationScheduler:
    """Does steps of reconciliation runs as the worker's idle task.

    Jobs go first: the worker looks at its queue between two pages of a run. A server that fails
    ends no run: the run pauses for a while and then continues where it was.

    Args:
        reconciler: the run, its lock and its state.
        sides_of: returns both libraries as a run under a worker's session sees them.
        log: is told how a run goes.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        sides_of: Callable[[Any], Sides],
        log: Log,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._reconciler = reconciler
        self._sides_of = sides_of
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._at_start = True
        self._order: Order | None = None
        self._next_look = float("-inf")

    def wants_a_step(self) -> bool:
        """Tell, without asking anybody, whether there may be something to do now."""
        return self._monotonic() >= self._next_look

    def step(self, session: Any) -> bool:
        """Do a step of the run that is due or was left; return False when there is none."""
        lock = self._reconciler.lock
        if not lock.try_acquire():
            self._rest(LOOK_EVERY)  # somebody else is at it
            return False
        try:
            return self._step(self._sides_of(session))
        except Exception:
            self._rest(RETRY)  # whoever reports it need not report it again at once
            raise
        finally:
            lock.release()

    def _step(self, sides: Sides) -> bool:
        reconciliation = self._reconciler.reconciliation
        left = reconciliation.stored()
        order = left.order if left is not None else self._due(sides)
        if order is None:
            self._rest(LOOK_EVERY)
            return False
        if left is None or order != self._order:
            self._order = order
            reconciliation.begin(order)
            begun = Event.RECONCILIATION_RESUMED if left else Event.RECONCILIATION_BEGUN
            self._log.event(begun, scope=order.words)
        try:
            ended = reconciliation.step(sides)
        except (PlexError, StashError, OSError) as error:
            self._log.event(Event.RECONCILIATION_RESTS, minutes=RETRY / 60, error=error)
            self._rest(RETRY)
            return False
        if ended is not None:
            self._end(ended, order)
        return True

    def _due(self, sides: Sides) -> Order | None:
        config = sides.config
        at_start, self._at_start = self._at_start, False
        return due(
            self._reconciler.state.read(),
            config.reconcile_interval,
            config.reconcile_scope,
            self._clock(),
            at_start=at_start,
            rebuilt=self._reconciler.reconciliation.has_losses_to_find(),
        )

    def _end(self, ended: Ended, order: Order) -> None:
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

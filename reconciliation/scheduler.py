from plex.exceptions import PlexError
from reconciliation.engine import Ending, GapDetectionEngine
from reconciliation.state import Order, ReconciliationState, Scope
from shared.events import Event
from shared.log import INFO, WARNING
from stash.exceptions import StashError
from validation.config import Config
from worker.services import Services
from worker.sync.session import SyncSession

HOUR = 3600.0
INTERVALS = {"hourly": HOUR, "daily": 24 * HOUR, "weekly": 7 * 24 * HOUR}
RETRY = 600.0
LOOK_EVERY = 60.0


def due(
    state: ReconciliationState, config: Config, now: float, *, at_start: bool, rebuilt: bool
) -> Order | None:
    interval = config.reconcile_interval
    if 0 <= now - state.tried_at < RETRY:
        return None
    if rebuilt:
        return Order(Scope.ALL, by_user=False)
    if interval not in INTERVALS:
        return None
    if not 0 <= now - state.interval_run_time < INTERVALS[interval]:
        return Order(Scope(config.reconcile_scope), by_user=False)
    if at_start and not 0 <= now - state.last_run_time < HOUR:
        return Order(Scope.RECENT, by_user=False, is_startup=True)
    return None


class ReconciliationScheduler:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._engine = GapDetectionEngine(services)
        self._at_start = True
        self._order: Order | None = None
        self._next_look = float("-inf")

    def wants_a_step(self) -> bool:
        return self._services.monotonic() >= self._next_look

    def step(self, session: SyncSession) -> bool:
        if not self._engine.lock.try_acquire():
            self._rest(LOOK_EVERY)
            return False
        try:
            return self._step(session)
        except Exception:
            # Without this pause, the worker would report the same error after every step.
            self._rest(RETRY)
            raise
        finally:
            self._engine.lock.release()

    def _step(self, session: SyncSession) -> bool:
        engine, log = self._engine, self._services.log
        run = engine.stored()
        order = run.order if run is not None else self._due(session.config)
        if order is None:
            self._rest(LOOK_EVERY)
            return False
        if run is None or order != self._order:
            self._order = order
            engine.begin(order)
            begun = Event.RECONCILIATION_RESUMED if run else Event.RECONCILIATION_BEGUN
            log.event(begun, scope=order.words)
        try:
            ended = engine.step(session)
        except (PlexError, StashError, OSError) as error:
            log.event(Event.RECONCILIATION_RESTS, minutes=RETRY / 60, error=error)
            self._rest(RETRY)
            return False
        if ended is not None:
            self._order = None
            self._rest(LOOK_EVERY)
            log.event(
                Event.RECONCILIATION_ENDED,
                level=INFO if ended.how is Ending.DONE else WARNING,
                scope=order.words,
                result=ended.text,
                how=ended.how.value,
                queued=ended.queued,
            )
        return True

    def _due(self, config: Config) -> Order | None:
        at_start, self._at_start = self._at_start, False
        rebuilt, now = self._services.queue.was_rebuilt(), self._services.clock()
        return due(self._engine.state.read(), config, now, at_start=at_start, rebuilt=rebuilt)

    def _rest(self, seconds: float) -> None:
        self._next_look = self._services.monotonic() + seconds

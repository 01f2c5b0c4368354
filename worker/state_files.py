from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.data_folder import DataFolder
from shared.events import Report
from shared.log import Log
from shared.state_file import Content, KeptState
from sync_queue.queue_view import QueueView
from worker.circuit_breaker import CircuitBreaker
from worker.outage_history import OutageHistory
from worker.pauses import Pause, read_pause
from worker.recovery import RecoveryScheduler
from worker.stats import SyncStats

ModelT = TypeVar("ModelT", CircuitBreaker, RecoveryScheduler, OutageHistory)


class StateStore(Generic[ModelT]):
    def __init__(
        self, path: str, kind: type[ModelT], report: Report, now: float, content: Content = dict
    ) -> None:
        self._file = KeptState(path, report, content)
        stored = self._file.read(now)
        self.model: ModelT = kind.from_state(stored)
        self._saved: Any = stored or self.model.to_state()

    def save(self) -> bool:
        state = self.model.to_state()
        if state == self._saved or not self._file.write(state):
            return False
        self._saved = state
        return True


@dataclass(frozen=True, slots=True)
class StatusSource:
    folder: DataFolder
    log: Log
    queue: QueueView
    names: Callable[[Sequence[int]], Mapping[int, str]]  # requests the titles of scenes
    clock: Callable[[], float]

    def stats(self) -> SyncStats:
        return SyncStats(self.folder.stats, self.log.event, self.clock)

    def pause(self) -> Pause:
        return read_pause(self.folder.pause, self.log.event, self.clock())

    def breaker(self) -> CircuitBreaker:
        return self._model(self.folder.circuit_breaker, CircuitBreaker)

    def recovery(self) -> RecoveryScheduler:
        return self._model(self.folder.recovery_state, RecoveryScheduler)

    def outages(self) -> OutageHistory:
        history = self._model(self.folder.outage_history, OutageHistory, list)
        history.reconcile(self.clock(), self.breaker().opened_at, self.recovery().state)
        return history

    def _model(self, path: str, kind: type[ModelT], content: Content = dict) -> ModelT:
        return StateStore(path, kind, self.log.event, self.clock(), content).model

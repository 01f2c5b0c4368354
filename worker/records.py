"""The small state files of the worker: written when a state changes, read by everyone else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.data_folder import DataFolder
from shared.events import Report
from shared.state_file import KeptState
from worker.circuit_breaker import CircuitBreaker
from worker.outage_history import OutageHistory
from worker.pauses import PauseNote
from worker.recovery import RecoveryScheduler
from worker.stats import SyncStats


class Model(Protocol):
    """What can tell its state as JSON; each call gives a value of its own."""

    def to_state(self) -> Any:
        """Return the state as its file shall hold it."""
        ...


ModelT = TypeVar("ModelT", bound=Model)


class StateStore(Generic[ModelT]):
    """One model and its file. Everyone may load; only the holder of the worker lock saves.

    Args:
        path: the file.
        parse: makes the model of whatever the file holds; of nothing, its default.
        report: is told about a file that could not be read.
        kind: what the file holds, `dict` or `list`.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[Any], ModelT],
        report: Report,
        now: float,
        kind: type[dict[str, Any]] | type[list[Any]] = dict,
    ) -> None:
        self._file = KeptState(path, report, kind)
        stored = self._file.read(now)
        self.model = parse(stored)
        # A file of defaults would say nothing: the first write is the first change.
        self._saved = stored or self.model.to_state()

    def save(self) -> bool:
        """Write the state if it changed; return whether it was written.

        A file that could not be read when this began is left alone (`KeptState`).

        Raises:
            OSError: the file could not be written; the next call tries again.
        """
        state = self.model.to_state()
        if state == self._saved or not self._file.write(state):
            return False
        self._saved = state
        return True


@dataclass(frozen=True, slots=True)
class Records:
    """Reads the state files afresh with each call; writes none.

    Attributes:
        report: is told about a file that could not be read.
    """

    folder: DataFolder
    report: Report
    clock: Callable[[], float]

    def stats(self) -> SyncStats:
        """Return the counts of what was done."""
        return SyncStats(self.folder.stats, self.report, self.clock)

    def pause(self) -> tuple[str, float]:
        """Return why nothing goes on although jobs wait, empty when it does, and since when."""
        return PauseNote(self.folder.pause, self.report, self.clock).read()

    def breaker(self) -> CircuitBreaker:
        """Return the circuit breaker."""
        path = self.folder.circuit_breaker
        return StateStore(path, CircuitBreaker.from_state, self.report, self.clock()).model

    def recovery(self) -> RecoveryScheduler:
        """Return the schedule of the probes."""
        path = self.folder.recovery_state
        return StateStore(path, RecoveryScheduler.from_state, self.report, self.clock()).model

    def outages(self) -> OutageHistory:
        """Return the outages; one without end is shown as ongoing only while the breaker is open.

        Its last writer may have been killed between its two files.
        """
        now = self.clock()
        path = self.folder.outage_history
        history = StateStore(path, OutageHistory.from_state, self.report, now, list).model
        recovery = self.recovery().state
        history.reconcile(
            now,
            opened_at=self.breaker().opened_at,
            last_recovery=recovery.last_recovery_time,
            last_check=recovery.last_check_time,
        )
        return history

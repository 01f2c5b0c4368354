"""The small state files of the worker: written if a state changes, read by every process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.data_folder import DataFolder
from shared.events import Report
from shared.state_file import KeptState
from sync_queue.queue_view import QueueView
from worker.circuit_breaker import CircuitBreaker
from worker.outage_history import OutageHistory
from worker.pauses import read_pause
from worker.recovery import RecoveryScheduler
from worker.stats import SyncStats


class Model(Protocol):
    """A model that a state file can hold."""

    def to_state(self) -> Any:
        """Return a new JSON value for the file."""
        ...


ModelT = TypeVar("ModelT", bound=Model)


class StateStore(Generic[ModelT]):
    """A model and its file; only the holder of the worker lock may save it.

    Args:
        parse: returns the model of the file's content, the default of an empty one.
        kind: the type of the file's content.
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
        self._saved = stored or self.model.to_state()  # defaults are not worth a file

    def save(self) -> bool:
        """Write the state if it changed; return whether it was written.

        A file that could not be read is left alone (`KeptState`).

        Raises:
            OSError: the file could not be written; the next call tries again.
        """
        state = self.model.to_state()
        if state == self._saved or not self._file.write(state):
            return False
        self._saved = state
        return True


@dataclass(frozen=True, slots=True)
class StatusSource:
    """Read access to the data folder; each call reads a state file anew.

    Attributes:
        names: returns scene id → title from Stash, for existing scenes; raises StashError.
    """

    folder: DataFolder
    report: Report
    clock: Callable[[], float]
    queue: QueueView
    names: Callable[[Sequence[int]], Mapping[int, str]]

    def stats(self) -> SyncStats:
        """Return the counts of results."""
        return SyncStats(self.folder.stats, self.report, self.clock)

    def pause(self) -> tuple[str, float]:
        """Return why the sync is paused, empty if it is not, and the start of the pause."""
        return read_pause(self.folder.pause, self.report, self.clock())

    def breaker(self) -> CircuitBreaker:
        """Return the circuit breaker."""
        return CircuitBreaker.from_state(self._read(self.folder.circuit_breaker))

    def recovery(self) -> RecoveryScheduler:
        """Return the probe schedule."""
        return RecoveryScheduler.from_state(self._read(self.folder.recovery_state))

    def outages(self) -> OutageHistory:
        """Return the outages; the last is ongoing only while the breaker is open.

        The last writer may have been killed between its two files.
        """
        history = OutageHistory.from_state(self._read(self.folder.outage_history, list))
        recovery = self.recovery().state
        history.reconcile(
            self.clock(),
            opened_at=self.breaker().opened_at,
            last_recovery=recovery.last_recovery_time,
            last_check=recovery.last_check_time,
        )
        return history

    def _read(self, path: str, kind: type[dict[str, Any]] | type[list[Any]] = dict) -> Any:
        return KeptState(path, self.report, kind).read(self.clock())

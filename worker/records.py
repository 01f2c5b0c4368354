"""What the worker has written down, for everyone who only reads it."""

from collections.abc import Callable

from shared.data_folder import DataFolder
from shared.frozen import frozen
from worker.circuit_breaker import CircuitBreaker
from worker.outage_history import OutageHistory
from worker.pause_note import PauseNote
from worker.recovery import RecoveryScheduler
from worker.state_store import StateStore
from worker.stats import SyncStats


@frozen
class Records:
    """Reads the state files afresh with each call; writes none.

    Attributes:
        report: is told about a file that could not be read.
        clock: seconds since the epoch.
    """

    folder: DataFolder
    report: Callable[[str], None]
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

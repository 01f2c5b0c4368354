"""The status of the plugin, read once from the data folder, and rendered by tasks and the page.

This module imports little, because programs may ask every few seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciliation.run import Run, run_of_today
from reconciliation.state import ReconciliationState, StateFile
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory
from worker.recovery import RecoveryScheduler
from worker.state import StatusSource


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The status at a moment; times are in seconds since the epoch.

    Attributes:
        next_try: when the next retry is due; None without retries.
        done: number of jobs by result (`worker.stats.SyncStats.counts`).
        dead: number of dead letters by error type.
        needing_attention: number of scenes with dead letters.
        has_history: whether any job has ever finished.
        pause: why the sync is paused, and since when; empty if it is not.
        past: the results of past reconciliations.
        run: the unfinished reconciliation.
    """

    now: float
    pending: int
    in_progress: int
    retrying: int
    next_try: float | None
    done: Mapping[str, int]
    dead: Mapping[str, int]
    needing_attention: int
    has_history: bool
    breaker: CircuitBreaker
    recovery: RecoveryScheduler
    outages: OutageHistory
    pause: tuple[str, float]
    past: ReconciliationState
    run: Run | None

    @property
    def unfinished(self) -> int:
        """The number of jobs that wait or are in progress."""
        return self.pending + self.in_progress + self.retrying

    @property
    def is_away(self) -> bool:
        """Whether the circuit breaker has stopped the sync."""
        return self.breaker.state is not CircuitState.CLOSED

    @property
    def down_since(self) -> float | None:
        """The start of the ongoing outage; None without one."""
        if not self.is_away:
            return None
        ongoing = self.outages.ongoing
        return ongoing.started_at if ongoing is not None else self.breaker.opened_at

    @property
    def next_probe_at(self) -> float | None:
        """The time of the next probe of Plex; None unless Plex is down."""
        if not self.is_away:
            return None
        return self.now + self.recovery.seconds_to_next_probe(self.now)


def read_status(source: StatusSource) -> StatusSnapshot:
    """Read the status; raise sqlite3.Error if the database is not readable."""
    now = source.clock()
    counts = source.queue.stats()
    past = StateFile(source.folder.reconciliation_state, source.report, source.clock)
    return StatusSnapshot(
        now=now,
        pending=counts["pending"],
        in_progress=counts["in_progress"],
        retrying=counts["retrying"],
        next_try=source.queue.next_try(),
        done=source.stats().counts,
        dead=source.queue.dead_letters.counts_by_type(),
        needing_attention=source.queue.dead_letters.count_scenes(),
        has_history=bool(source.queue.sync_log.recent(1)),
        breaker=source.breaker(),
        recovery=source.recovery(),
        outages=source.outages(),
        pause=source.pause(),
        past=past.read(),
        run=run_of_today(source.queue.gaps.run(), now),
    )

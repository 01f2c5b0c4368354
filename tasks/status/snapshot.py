"""The status of the plugin, read once from the data folder; answers and the page are renderings.

Light on purpose: a program that asks every few seconds waits for what is imported here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciliation.run import Run, run_of_today
from reconciliation.state import ReconciliationState, StateFile
from sync_queue.queue_view import QueueView
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory
from worker.records import Records
from worker.recovery import RecoveryScheduler


@dataclass(frozen=True, slots=True)
class Readings:
    """The data folder, read afresh by each answer.

    Attributes:
        queue: jobs and dead letters.
        records: what the worker has written down.
        reconciliation: the state of past runs.
        names: asks Stash what people call these scenes; absent are those that it does not have.
            Raises StashError.
    """

    queue: QueueView
    records: Records
    reconciliation: StateFile
    names: Callable[[Sequence[int]], Mapping[int, str]]
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """One reading of everything; times are seconds since the epoch.

    Attributes:
        next_try: when the first of the jobs that wait for a retry is due; None without any.
        done: counts of jobs by how they ended (`worker.stats.SyncStats.counts`).
        dead: dead letters by type of error.
        need_you: scenes with dead letters.
        ever: whether any scene was ever looked at.
        pause: why nothing goes on although jobs wait, and since when; empty when it does.
        past: the last reconciliation that ended.
        run: the reconciliation under way.
    """

    now: float
    pending: int
    in_progress: int
    retrying: int
    next_try: float | None
    done: Mapping[str, int]
    dead: Mapping[str, int]
    need_you: int
    ever: bool
    breaker: CircuitBreaker
    recovery: RecoveryScheduler
    outages: OutageHistory
    pause: tuple[str, float]
    past: ReconciliationState
    run: Run | None

    @property
    def unfinished(self) -> int:
        """How many jobs wait or are in progress."""
        return self.pending + self.in_progress + self.retrying

    @property
    def is_away(self) -> bool:
        """Whether Plex is away."""
        return self.breaker.state is not CircuitState.CLOSED

    @property
    def down_since(self) -> float | None:
        """When the outage that lasts began; None without one."""
        if not self.is_away:
            return None
        ongoing = self.outages.ongoing
        return ongoing.started_at if ongoing is not None else self.breaker.opened_at

    @property
    def next_probe_at(self) -> float | None:
        """When Plex is asked next whether it is back; None unless it is away."""
        if not self.is_away:
            return None
        return self.now + self.recovery.seconds_to_next_probe(self.now)


def read_status(readings: Readings) -> StatusSnapshot:
    """Read the status of this moment.

    Raises:
        sqlite3.Error: the database cannot be read.
    """
    now = readings.clock()
    counts = readings.queue.stats()
    return StatusSnapshot(
        now=now,
        pending=counts["pending"],
        in_progress=counts["in_progress"],
        retrying=counts["retrying"],
        next_try=readings.queue.next_try(),
        done=readings.records.stats().counts,
        dead=readings.queue.dead_letters.counts_by_type(),
        need_you=readings.queue.scenes_with_letters(),
        ever=bool(readings.queue.recent(1)),
        breaker=readings.records.breaker(),
        recovery=readings.records.recovery(),
        outages=readings.records.outages(),
        pause=readings.records.pause(),
        past=readings.reconciliation.read(),
        run=run_of_today(readings.queue.gaps.run(), now),
    )

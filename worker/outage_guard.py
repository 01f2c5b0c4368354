"""Detects outages of Plex. After a failure, no job runs until a health check succeeds."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from plex.client import PlexClient
from plex.exceptions import PlexReadOnly
from plex.health import PlexHealth, check_plex_health
from shared.clock import ClockSteps
from shared.events import Event
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory, format_duration
from worker.rate_limiter import RecoveryRateLimiter
from worker.recovery import LONGEST_INTERVAL, LONGEST_INTERVAL_BETWEEN_EDITS, RecoveryScheduler
from worker.services import Services
from worker.state_files import StateStore


class OutageGuard:
    def __init__(
        self, services: Services, check: Callable[[PlexClient], PlexHealth] = check_plex_health
    ) -> None:
        folder, log, now = services.folder, services.log, services.clock()
        self._log = log
        self._clock = services.clock
        self._steps = ClockSteps(services.clock, services.boot_time)
        self._count_waiting = services.queue.waiting
        self._check = check
        breaker = StateStore(folder.circuit_breaker, CircuitBreaker, log.event, now)
        recovery = StateStore(folder.recovery_state, RecoveryScheduler, log.event, now)
        history = StateStore(folder.outage_history, OutageHistory, log.event, now, list)
        self._stores = (breaker, recovery, history)
        self._breaker, self.recovery = breaker.model, recovery.model
        self._history = history.model
        self._limiter = RecoveryRateLimiter(self.recovery.ramp_elapsed)
        self._is_suspected = self._breaker.failure_count > 0
        self._waiting = 0
        self._cause = self._logged_cause = ""
        self._is_read_only = False
        self._history.reconcile(now, self._breaker.opened_at, self.recovery.state)
        self._save()

    @property
    def is_away(self) -> bool:
        return self._is_suspected or self._breaker.state is not CircuitState.CLOSED

    @property
    def reason(self) -> str:
        return self._cause if self.is_away else ""

    @property
    def last_check_succeeded(self) -> bool:
        return self.recovery.state.consecutive_successes > 0

    def seconds_to_next_check(self, *, due: bool) -> float:
        if due and self._breaker.state is CircuitState.HALF_OPEN:
            return 0.0
        return self.recovery.seconds_to_next_probe(self._clock())

    def allow(self, client: PlexClient, *, due: bool) -> bool:
        if not self.is_away:
            return True
        before = self._waiting
        self._note_waiting()
        if self._waiting > before:
            self.recovery.make_due_soon()
        if self._breaker.state is CircuitState.HALF_OPEN and due:
            return True
        if self.recovery.seconds_to_next_probe(self._now()) > 0:
            return False
        self.check(client)
        return due and not self._is_suspected and self._breaker.allow(self._clock())

    def check(self, client: PlexClient) -> bool:
        health = self._check(client)
        is_up = health.is_there
        now = self._now()
        self.recovery.record_check(now, is_up)
        if is_up:
            self._is_suspected = False
            if self._breaker.probe_succeeded():
                self._end_outage(now)
        elif self.is_away:
            self._cause = str(health.error)
            if self._breaker.record_failure(now):
                self._begin_outage(now)
            if self._is_suspected:
                self.recovery.make_due_soon()
        self._save()
        return is_up

    def limit_rate(self, steps: Iterable[Any], wait: Callable[[float], object]) -> Iterator[Any]:
        remaining = iter(steps)
        while True:
            seconds = self._limiter.seconds_until_allowed(self._clock())
            if seconds > 0:
                wait(seconds)
            self._limiter.take(self._clock())
            try:
                yield next(remaining)
            except StopIteration:
                return

    def served(self, *, failed: bool = False) -> None:
        """Record that Plex answered a job's requests. `failed`: the job failed nevertheless."""
        self._limiter.record(self._clock(), failed=failed)
        self._logged_cause = ""
        if self._breaker.failure_count or self.is_away:
            self._note_waiting()
            self._is_suspected = False
            self.recovery.record_served()
            now = self._now()
            if self._breaker.record_success(now):
                self._end_outage(now)
            self._save()

    def failed(self, error: Exception) -> None:
        now, reason = self._now(), str(error)
        if not self.is_away and reason != self._logged_cause:
            self._log.event(Event.PLEX_FAILED, reason=reason)
            self._logged_cause = reason
        self._is_suspected = True
        self._cause = reason
        self._is_read_only = isinstance(error, PlexReadOnly)
        self._limiter.record(now, failed=True)
        longest = LONGEST_INTERVAL_BETWEEN_EDITS if self._is_read_only else LONGEST_INTERVAL
        self.recovery.record_check(now, healthy=False, longest=longest)
        if self._breaker.record_failure(now):
            self._begin_outage(now)
        self._note_waiting()
        self._save()

    def _now(self) -> float:
        """Return the time. If the clock was changed, correct the start of the outage first."""
        self._history.shift_start(self._steps.taken())
        return self._clock()

    def _note_waiting(self) -> None:
        self._waiting = self._count_waiting()
        self._history.note_waiting_jobs(self._waiting)

    def _begin_outage(self, now: float) -> None:
        self._is_suspected = False
        self._history.begin(now)
        self._history.note_waiting_jobs(self._waiting)
        # Save the outage before it is logged, so that a kill after the log line does not lose the
        # outage.
        self._save()
        if not self._is_read_only:
            self._log.event(Event.PLEX_DOWN, reason=self._cause)

    def _end_outage(self, now: float) -> None:
        record = self._history.end(now)
        self.recovery.record_recovery(now)
        self._save()
        back = Event.PLEX_WRITABLE if self._is_read_only else Event.PLEX_BACK
        self._is_read_only = False
        if record is not None and record.duration is not None:
            duration = format_duration(record.duration)
            self._log.event(back, duration=duration, scenes=record.jobs_affected)

    def _save(self) -> None:
        try:
            for store in self._stores:
                store.save()
        except OSError as error:
            self._log.event(Event.STATE_NOT_SAVED, state="the state of the outage", error=error)

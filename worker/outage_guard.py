"""Stands between the worker and a Plex that is away: breaker, probes, history and ramp as one.

After the first sign of an outage no job is tried until a health check is good again; checks are at
least 5 s apart and back off to 60 s, so a dead server is asked next to nothing and no job spends a
retry on it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from plex.client import PlexClient
from plex.health import PlexHealth, check_plex_health
from shared.clock import ClockSteps, steady
from shared.data_folder import DataFolder
from shared.events import Event
from shared.log import Log
from worker.circuit_breaker import (
    CircuitBreaker,
    CircuitState,
    Closed,
    Opened,
    Transition,
)
from worker.outage_history import OutageHistory, format_duration
from worker.rate_limiter import RecoveryRateLimiter
from worker.records import StateStore
from worker.recovery import LONGEST_INTERVAL_BETWEEN_EDITS, RecoveryScheduler

Check = Callable[[PlexClient], PlexHealth]


class OutageGuard:
    """Knows whether Plex may be asked; to be used by the holder of the worker lock only.

    Args:
        folder: where the states lie.
        log: is told when an outage begins and ends.
        waiting: counts the jobs that wait.
        check: asks Plex for its health.
        steady: see `shared.clock.steady`.
    """

    def __init__(
        self,
        folder: DataFolder,
        log: Log,
        clock: Callable[[], float],
        waiting: Callable[[], int],
        check: Check = check_plex_health,
        steady: Callable[[], float] = steady,
    ) -> None:
        now = clock()
        self._log = log
        self._clock = clock
        self._steps = ClockSteps(clock, steady)
        self._count_waiting = waiting
        self._check = check
        self._breaker = StateStore(
            folder.circuit_breaker, CircuitBreaker.from_state, log.event, now
        )
        self._recovery = StateStore(
            folder.recovery_state, RecoveryScheduler.from_state, log.event, now
        )
        self._history = StateStore(
            folder.outage_history, OutageHistory.from_state, log.event, now, list
        )
        self._limiter = RecoveryRateLimiter(self._recovery.model.ramp_elapsed)
        self._suspicious = self._breaker.model.failure_count > 0
        self._waiting = 0
        self._cause = ""
        self._reported = ""  # the cause that the user was told since Plex last served a job
        self._is_read_only = False
        self._history.model.reconcile(
            now,
            opened_at=self._breaker.model.opened_at,
            last_recovery=self._recovery.model.state.last_recovery_time,
            last_check=self._recovery.model.state.last_check_time,
        )
        self._save()

    # -- what is known ------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether there is any sign of an outage, or of one that has not ended."""
        return self._suspicious or self._breaker.model.state is not CircuitState.CLOSED

    @property
    def reason(self) -> str:
        """Why no job goes, empty when jobs go."""
        return self._cause if self.is_away else ""

    @property
    def has_answered(self) -> bool:
        """Whether a health check was good, and no job has failed or succeeded since."""
        return self._recovery.model.state.consecutive_successes > 0

    def seconds_to_next_look(self, *, due: bool) -> float:
        """Return how long `allow` will go on saying no, with or without a due job."""
        now = self._clock()
        if due and self._breaker.model.state is CircuitState.HALF_OPEN:
            return self._breaker.model.seconds_until_allowed(now)
        return self._recovery.model.seconds_to_next_probe(now)

    def hurry(self) -> None:
        """Make the next health check as soon as the shortest interval allows."""
        self._recovery.model.hurry()

    # -- before a job -------------------------------------------------------------------------

    def allow(self, client: PlexClient, *, due: bool) -> bool:
        """Return whether a job may be claimed now; makes the health check that is due for that.

        Args:
            client: for the check.
            due: whether one of them could run now; else a check is all there is to do.
        """
        if not self.is_away:
            return True
        before = self._waiting
        self._note_waiting()
        if self._waiting > before:
            self._recovery.model.hurry()  # somebody has edited something: look again soon
        breaker, now = self._breaker.model, self._now()
        if breaker.state is CircuitState.HALF_OPEN and due:
            return breaker.allow(now)
        if self._recovery.model.seconds_to_next_probe(now) > 0:
            return False
        self.check(client)
        return due and not self._suspicious and breaker.allow(self._clock())

    def check(self, client: PlexClient) -> bool:
        """Ask Plex for its health and draw the conclusions; return whether it is well.

        A refused token, or a refused way of connecting, is no outage: Plex is there.
        """
        health = self._check(client)
        well = health.is_there
        now = self._now()
        self._recovery.model.record_check(now, well)
        if well:
            self._suspicious = False
            self._follow(self._breaker.model.probe_succeeded(now))
        elif self.is_away:
            self._cause = str(health.error)
            self._follow(self._breaker.model.record_failure(now))
            if self._suspicious:
                self._recovery.model.hurry()  # an outage, or a moment: to be known soon
        self._save()
        return well

    def paced(self, steps: Iterable[Any], wait: Callable[[float], object]) -> Iterator[Any]:
        """Yield the steps as fast as the ramp after an outage lets them follow each other."""
        iterator = iter(steps)
        while True:
            seconds = self._limiter.seconds_until_allowed(self._clock())
            if seconds > 0:
                wait(seconds)
            self._limiter.take(self._clock())
            try:
                yield next(iterator)
            except StopIteration:
                return

    # -- after a job --------------------------------------------------------------------------

    def succeeded(self) -> None:
        """Plex served a job."""
        self._limiter.record(self._clock(), failed=False)
        self._served()

    def job_failed(self) -> None:
        """A job failed by its own fault: Plex has answered, so it is there."""
        self._limiter.record(self._clock(), failed=True)
        self._served()

    def step_ended(self) -> None:
        """A step is over; a probe job that said nothing about Plex gives its permit back."""
        self._breaker.model.release()

    def failed(self, reason: str, *, is_read_only: bool = False) -> None:
        """A job failed because Plex is away.

        Args:
            reason: for people, and the same for each job that fails for it.
            is_read_only: Plex answers but saves no change, so health checks do not show when that
                ends.
        """
        now = self._now()
        if not self.is_away and reason != self._reported:
            self._log.event(Event.PLEX_FAILED, reason=reason)
            self._reported = reason
        self._suspicious = True
        self._cause = reason
        self._is_read_only = is_read_only
        self._limiter.record(now, failed=True)
        longest = LONGEST_INTERVAL_BETWEEN_EDITS if is_read_only else None
        self._recovery.model.record_check(now, healthy=False, longest=longest)
        self._follow(self._breaker.model.record_failure(now))
        self._note_waiting()
        self._save()

    def _served(self) -> None:
        self._reported = ""
        if self._breaker.model.failure_count or self.is_away:
            self._note_waiting()
            self._suspicious = False
            self._recovery.model.record_served()
            self._follow(self._breaker.model.record_success(self._now()))
            self._save()

    def _now(self) -> float:
        """Return the moment; with a clock that was set, the outage that lasts moves along."""
        step = self._steps.taken()
        if step:
            self._history.model.moved(step)
        return self._clock()

    # -- conclusions --------------------------------------------------------------------------

    def _note_waiting(self) -> None:
        self._waiting = self._count_waiting()
        self._history.model.affected(self._waiting)

    def _follow(self, transition: Transition | None) -> None:
        if isinstance(transition, Opened):
            self._suspicious = False
            self._history.model.begin(transition.at)
            self._history.model.affected(self._waiting)
            self._save()  # before anybody is told: a kill must not undo what was said
            if not self._is_read_only:  # Plex is there, and the user was told what it does
                self._log.event(Event.PLEX_DOWN, reason=self._cause)
        elif isinstance(transition, Closed):
            record = self._history.model.end(transition.at)
            self._recovery.model.record_recovery(transition.at)
            self._cause = ""
            self._save()
            back = Event.PLEX_WRITABLE if self._is_read_only else Event.PLEX_BACK
            self._is_read_only = False
            if record is not None and record.duration is not None:
                duration = format_duration(record.duration)
                self._log.event(back, duration=duration, scenes=record.jobs_affected)

    def _save(self) -> None:
        try:
            for store in (self._breaker, self._recovery, self._history):
                store.save()
        except OSError as error:
            state = "The state of the outage"
            self._log.event(Event.STATE_NOT_SAVED, state=state, error=error)

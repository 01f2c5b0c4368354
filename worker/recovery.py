"""The probe schedule of an outage, and the time since it ended; in seconds since the epoch."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from shared.state_file import parse_fields

SHORTEST_INTERVAL = 5.0  # seconds between two health checks, in every case
LONGEST_INTERVAL = 60.0
# Only an edit shows that Plex saves changes again, so edits are tried at least this often.
LONGEST_INTERVAL_BETWEEN_EDITS = 20.0
# 5, 7.5, 11, 17, 25, 38, 57, 60 …: a return is noticed after at most half of the outage's length.
_GROWTH = 1.5
_LARGEST_EXPONENT = 10
_NEW_OUTAGE_AFTER = 600.0  # seconds without a check, after which a failure restarts the intervals
RAMP_SECONDS = 300.0  # how long the rate limit lasts after a recovery


@dataclass(slots=True)
class RecoveryState:
    """The content of `recovery_state.json`; a moment of 0 means never."""

    last_check_time: float = 0.0
    consecutive_successes: int = 0
    consecutive_failures: int = 0
    last_recovery_time: float = 0.0  # the end of the last outage
    recovery_count: int = 0
    recovery_started_at: float = 0.0  # the start of the rate limit; 0 once the limit is over


class RecoveryScheduler:
    """Says when the next health check of an outage is due, and times the ramp after the outage."""

    def __init__(self, state: RecoveryState | None = None) -> None:
        self.state = state or RecoveryState()
        # This differs from `consecutive_failures` if checks succeed and the jobs after them fail:
        # then the intervals still grow, until Plex serves a job.
        self._backoff = self.state.consecutive_failures
        self._due_soon = False
        self._longest = LONGEST_INTERVAL
        self._ramp_seen: float | None = None

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Parse the content of `recovery_state.json`; invalid values get their defaults."""
        return cls(parse_fields(RecoveryState, raw))

    def to_state(self) -> dict[str, Any]:
        """Return the content of `recovery_state.json`."""
        return asdict(self.state)

    def seconds_to_next_probe(self, now: float) -> float:
        """Return the wait until the next health check; it restarts if the clock is set back."""
        self.state.last_check_time = min(self.state.last_check_time, now)
        if not self.state.last_check_time:
            return 0.0
        return max(0.0, self.state.last_check_time + self._interval() - now)

    def make_due_soon(self) -> None:
        """Make the next health check as soon as the shortest interval allows."""
        self._due_soon = True

    def record_check(self, now: float, healthy: bool, longest: float | None = None) -> None:
        """Record a health check, or a job that Plex failed; `longest` limits the next interval."""
        self._due_soon = False
        self._longest = LONGEST_INTERVAL if longest is None else longest
        if now - self.state.last_check_time > _NEW_OUTAGE_AFTER:
            self._backoff = 0
        self._backoff += not healthy
        self.state.last_check_time = now
        self.state.consecutive_successes = self.state.consecutive_successes + 1 if healthy else 0
        self.state.consecutive_failures = 0 if healthy else self.state.consecutive_failures + 1

    def record_served(self) -> None:
        """Record that Plex served a job, so the next outage starts with short intervals."""
        self._backoff = 0
        self.state.consecutive_failures = self.state.consecutive_successes = 0

    def _interval(self) -> float:
        if self._due_soon or self.state.consecutive_successes:
            return SHORTEST_INTERVAL
        exponent = min(max(0, self._backoff - 1), _LARGEST_EXPONENT)
        return min(self._longest, SHORTEST_INTERVAL * _GROWTH**exponent)

    def record_recovery(self, now: float) -> None:
        """Record the end of the outage, and start the ramp."""
        self._due_soon = False
        self.record_served()
        self._ramp_seen = now
        self.state.last_recovery_time = self.state.recovery_started_at = now
        self.state.recovery_count += 1

    def ramp_elapsed(self, now: float) -> float | None:
        """Return the seconds since the recovery; None while no ramp is in progress.

        A step back, or longer than the ramp, means that the clock was set or the machine slept.
        Then the start of the ramp moves along.
        """
        started = self.state.recovery_started_at
        if not started:
            return None
        passed = 0.0 if self._ramp_seen is None else now - self._ramp_seen
        self._ramp_seen = now
        if not 0 <= passed <= RAMP_SECONDS:
            started += passed
        started = min(started, now)
        if now - started >= RAMP_SECONDS:
            started = 0.0
        self.state.recovery_started_at = started
        return now - started if started else None

from dataclasses import asdict, dataclass
from typing import Any, Self

from shared.state_file import parse_fields

SHORTEST_INTERVAL = 5.0
LONGEST_INTERVAL = 60.0
# A health check only reads. Only another edit shows whether Plex saves edits again.
LONGEST_INTERVAL_BETWEEN_EDITS = 20.0
_GROWTH = 1.5
_LARGEST_EXPONENT = 10
_NEW_OUTAGE_AFTER = 600.0
RAMP_SECONDS = 300.0


@dataclass(slots=True)
class RecoveryState:
    last_check_time: float = 0.0
    consecutive_successes: int = 0
    consecutive_failures: int = 0
    last_recovery_time: float = 0.0
    recovery_count: int = 0
    recovery_started_at: float = 0.0


class RecoveryScheduler:
    def __init__(self, state: RecoveryState | None = None) -> None:
        self.state = state or RecoveryState()
        # A good health check does not reset `_backoff`, because jobs may still fail afterwards.
        self._backoff = self.state.consecutive_failures
        self._due_soon = False
        self._longest = LONGEST_INTERVAL
        self._ramp_seen: float | None = None

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        return cls(parse_fields(RecoveryState, raw))

    def to_state(self) -> dict[str, Any]:
        return asdict(self.state)

    def seconds_to_next_probe(self, now: float) -> float:
        state = self.state
        state.last_check_time = min(state.last_check_time, now)
        if not state.last_check_time:
            return 0.0
        interval = SHORTEST_INTERVAL
        if not self._due_soon and not state.consecutive_successes:
            exponent = min(max(0, self._backoff - 1), _LARGEST_EXPONENT)
            interval = min(self._longest, interval * _GROWTH**exponent)
        return max(0.0, state.last_check_time + interval - now)

    def make_due_soon(self) -> None:
        self._due_soon = True

    def record_check(self, now: float, healthy: bool, longest: float = LONGEST_INTERVAL) -> None:
        state = self.state
        self._due_soon = False
        self._longest = longest
        if now - state.last_check_time > _NEW_OUTAGE_AFTER:
            self._backoff = 0
        self._backoff += not healthy
        state.last_check_time = now
        state.consecutive_successes = state.consecutive_successes + 1 if healthy else 0
        state.consecutive_failures = 0 if healthy else state.consecutive_failures + 1

    def record_served(self) -> None:
        self._backoff = 0
        self.state.consecutive_failures = self.state.consecutive_successes = 0

    def record_recovery(self, now: float) -> None:
        self.record_served()
        self._ramp_seen = now
        self.state.last_recovery_time = self.state.recovery_started_at = now
        self.state.recovery_count += 1

    def ramp_elapsed(self, now: float) -> float | None:
        """Return the seconds since the last outage. None: jobs run at full speed again."""
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

"""The circuit breaker prevents the start of jobs while Plex is down.

CLOSED ── 5 consecutive failures ──▶ OPEN ── 60 s, or a good health check ──▶ HALF_OPEN
  ▲                                   ▲                                        │    │
  │                                   └─────────────── a failure ──────────────┘    │
  └────────── a job succeeds, or two good health checks since OPEN ─────────────────┘
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from shared.state_file import parse_count, parse_moment

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 60.0
CHECKS_TO_CLOSE = 2


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class CircuitBreaker:
    state: CircuitState = CircuitState.CLOSED
    failure_count: int = 0
    success_count: int = 0
    opened_at: float | None = None

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        stored = raw if isinstance(raw, dict) else {}
        state, opened_at = stored.get("state"), parse_moment(stored.get("opened_at"))
        failures = parse_count(stored.get("failure_count"))
        successes = parse_count(stored.get("success_count"))
        if failures is None or successes is None:
            return cls()
        if state in (CircuitState.OPEN, CircuitState.HALF_OPEN) and opened_at is not None:
            return cls(CircuitState(state), failures, successes, opened_at)
        return cls(failure_count=failures if state == CircuitState.CLOSED else 0)

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    def allow(self, now: float) -> bool:
        if self.seconds_until_allowed(now) > 0:
            return False
        if self.state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN)
        return True

    def seconds_until_allowed(self, now: float) -> float:
        if self.state is not CircuitState.OPEN or self.opened_at is None:
            return 0.0
        self.opened_at = min(self.opened_at, now)
        return max(0.0, self.opened_at + OPEN_SECONDS - now)

    def record_success(self, now: float) -> bool:
        # A job that started before the outage may still succeed, which does not end the outage.
        if self.allow(now):
            if self.state is CircuitState.HALF_OPEN:
                self._close()
                return True
            self.failure_count = 0
        return False

    def record_failure(self, now: float) -> bool:
        if not self.allow(now):
            return False
        self.failure_count += 1
        was_closed = self.state is CircuitState.CLOSED
        if was_closed and self.failure_count < FAILURES_TO_OPEN:
            return False
        self._enter(CircuitState.OPEN)
        self.opened_at = now
        return was_closed

    def probe_succeeded(self) -> bool:
        if self.state is CircuitState.CLOSED:
            return False
        if self.state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN)
        self.success_count += 1
        if self.success_count < CHECKS_TO_CLOSE:
            return False
        self._close()
        return True

    def _close(self) -> None:
        self._enter(CircuitState.CLOSED)
        self.failure_count = 0
        self.opened_at = None

    def _enter(self, state: CircuitState) -> None:
        self.state = state
        self.success_count = 0

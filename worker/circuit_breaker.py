"""Whether Plex may be asked at all: a state machine without clock and storage.

    CLOSED ──── 5 failures in a row ────▶ OPEN ── 60 s, or a good health check ──▶ HALF_OPEN
      ▲                                    ▲                                        │    │
      │                                    └─────────────── a failure ──────────────┘    │
      └─────────── the probe job succeeds, or the second good health check ──────────────┘

All times are seconds since the epoch. A clock that is set back restarts a wait, so that no wait
lasts longer than its interval. A clock that jumps ahead ends a wait: it lets one probe job through.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from shared.state_file import parse_fields

FAILURES_TO_OPEN = 5  # in a row
OPEN_SECONDS = 60.0  # from opening to the next probe job
PERMIT_SECONDS = 60.0  # after which a probe job without a result loses its permit
CHECKS_TO_CLOSE = 2  # good health checks in a row, while no job waits to probe with


class CircuitState(StrEnum):
    """Closed lets all jobs through, open lets none, half-open lets one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class _Stored:
    state: str
    failure_count: int
    success_count: int
    opened_at: float | None = None


@dataclass(slots=True)
class CircuitBreaker:
    """Lets jobs through while Plex serves them; only the holder of the worker lock may use it.

    The file does not hold the permit of a probe job, so the permit ends with its process.

    Attributes:
        failure_count: failures in a row.
        success_count: good health checks in a row, during an outage.
        opened_at: the last opening or re-opening, None while closed.
    """

    state: CircuitState = CircuitState.CLOSED
    failure_count: int = 0
    success_count: int = 0
    opened_at: float | None = None
    _permit_since: float | None = field(default=None, init=False)

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Return the breaker of a file's content; closed if any value in it is corrupt."""
        stored = parse_fields(_Stored, raw)
        if stored is None or stored.state not in list(CircuitState):
            return cls()
        if stored.state == CircuitState.CLOSED:
            return cls(failure_count=stored.failure_count)
        if stored.opened_at is None:
            return cls()
        state = CircuitState(stored.state)
        return cls(state, stored.failure_count, stored.success_count, stored.opened_at)

    def to_state(self) -> dict[str, Any]:
        """Return the content of `circuit_breaker.json`."""
        return {
            "state": self.state.value,
            "failure_count": self.failure_count,
            "success_count": self.success_count,
            "opened_at": self.opened_at,
        }

    def allow(self, now: float) -> bool:
        """Return whether a job may go now; while half-open this grants the only permit."""
        self._advance(now)
        if self.state is CircuitState.CLOSED:
            return True
        if self.seconds_until_allowed(now) > 0:
            return False
        self._permit_since = now
        return True

    def seconds_until_allowed(self, now: float) -> float:
        """Return how long `allow` will refuse if nothing is recorded; grants no permit."""
        if self.state is CircuitState.OPEN and self.opened_at is not None:
            self.opened_at = min(self.opened_at, now)
            return max(0.0, self.opened_at + OPEN_SECONDS - now)
        if self._permit_since is not None:
            self._permit_since = min(self._permit_since, now)
            return max(0.0, self._permit_since + PERMIT_SECONDS - now)
        return 0.0

    def record_success(self, now: float) -> bool:
        """Record that Plex served a job; return whether this ends an outage.

        While the breaker is open, the job began before the outage, so it proves nothing.
        """
        self._advance(now)
        if self.state is CircuitState.HALF_OPEN:
            self._close()
            return True
        if self.state is CircuitState.CLOSED:
            self.failure_count = 0
        return False

    def record_failure(self, now: float) -> bool:
        """Record that Plex failed a job or a health check; return whether this begins an outage."""
        self._advance(now)
        if self.state is CircuitState.OPEN:
            return False
        self.failure_count += 1
        was_closed = self.state is CircuitState.CLOSED
        if was_closed and self.failure_count < FAILURES_TO_OPEN:
            return False
        self._enter(CircuitState.OPEN)
        self.opened_at = now
        return was_closed

    def probe_succeeded(self) -> bool:
        """Record a good health check; return whether this ends an outage.

        The first check lets a probe job go at once, the second closes the breaker. While half-open,
        check Plex only if no job waits: a job is the better probe.
        """
        if self.state is CircuitState.CLOSED:
            return False
        if self.state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN)
        self.success_count += 1
        if self.success_count < CHECKS_TO_CLOSE:
            return False
        self._close()
        return True

    def release(self) -> None:
        """Take the permit back: the probe job ended without a result about Plex."""
        self._permit_since = None

    def _advance(self, now: float) -> None:
        if self.state is CircuitState.OPEN and self.seconds_until_allowed(now) == 0:
            self._enter(CircuitState.HALF_OPEN)

    def _close(self) -> None:
        self._enter(CircuitState.CLOSED)
        self.failure_count = 0
        self.opened_at = None

    def _enter(self, state: CircuitState) -> None:
        self.state = state
        self.success_count = 0
        self._permit_since = None

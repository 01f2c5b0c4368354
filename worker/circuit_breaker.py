"""Whether Plex may be asked at all: a model of outages, without clock and storage.

    CLOSED ──── 5 failures in a row ────▶ OPEN ── 60 s, or a good health check ──▶ HALF_OPEN
      ▲                                    ▲                                        │    │
      │                                    └─────────────── a failure ──────────────┘    │
      └─────────── the probe job succeeds, or the second good health check ──────────────┘

All times are seconds since the epoch. A clock that was set back starts a wait anew, so that none
lasts longer than a clock that runs on would let it; one that jumps ahead ends a wait, which lets a
single probe through.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from shared.state_file import parse_count, parse_moment

FAILURES_TO_OPEN = 5  # in a row
OPEN_SECONDS = 60.0  # from opening to the next probe job
PERMIT_SECONDS = 60.0  # after which a probe job that says nothing has lost its permit
CHECKS_TO_CLOSE = 2  # good health checks in a row, with no job to probe with


class CircuitState(Enum):
    """Closed lets all jobs through, open none, half-open one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Opened:
    """An outage began."""

    at: float


@dataclass(frozen=True, slots=True)
class Reopened:
    """A probe failed: the same outage goes on."""

    at: float


@dataclass(frozen=True, slots=True)
class HalfOpened:
    """A probe job may go."""

    at: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The outage is over."""

    at: float


Transition = Opened | Reopened | HalfOpened | Closed


class CircuitBreaker:
    """Lets jobs through while Plex serves them; to be used by the holder of the worker lock only.

    The permit of a probe job is not in the file: it dies with the process that held it.

    Attributes:
        state: as of the last call.
        failure_count: failures in a row.
        success_count: good health checks in a row, during an outage.
        opened_at: the last opening or re-opening, None while closed.
    """

    def __init__(self) -> None:
        self.state = CircuitState.CLOSED
        self.failure_count = 0
        self.success_count = 0
        self.opened_at: float | None = None
        self._permit_since: float | None = None

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Return the breaker of a file's content; closed when anything in it is corrupt."""
        breaker = cls()
        stored = raw if isinstance(raw, dict) else {}
        try:
            state = CircuitState(stored.get("state"))
        except ValueError:
            return breaker
        failures = parse_count(stored.get("failure_count"))
        successes = parse_count(stored.get("success_count"))
        opened_at = parse_moment(stored.get("opened_at"))
        closed = state is CircuitState.CLOSED
        if failures is None or successes is None or (opened_at is None and not closed):
            return breaker
        breaker.state = state
        breaker.failure_count = failures
        breaker.success_count = 0 if closed else successes
        breaker.opened_at = None if closed else opened_at
        return breaker

    def to_state(self) -> dict[str, Any]:
        """Return the content of `circuit_breaker.json`."""
        return {
            "state": self.state.value,
            "failure_count": self.failure_count,
            "success_count": self.success_count,
            "opened_at": self.opened_at,
        }

    # -- may a job go? ------------------------------------------------------------------------

    def allow(self, now: float) -> bool:
        """Return whether a job may go now; while half-open, a yes is the one permit."""
        self.advance(now)
        if self.state is CircuitState.CLOSED:
            return True
        if self.seconds_until_allowed(now) > 0:
            return False
        self._permit_since = now
        return True

    def seconds_until_allowed(self, now: float) -> float:
        """Return how long `allow` will say no if nothing is recorded; takes no permit."""
        if self.state is CircuitState.OPEN and self.opened_at is not None:
            self.opened_at = min(self.opened_at, now)
            return max(0.0, self.opened_at + OPEN_SECONDS - now)
        if self._permit_since is not None:
            self._permit_since = min(self._permit_since, now)
            return max(0.0, self._permit_since + PERMIT_SECONDS - now)
        return 0.0

    def advance(self, now: float) -> HalfOpened | None:
        """Open half when it is time. `allow` and the recording methods do so, too, silently."""
        if self.state is not CircuitState.OPEN or self.seconds_until_allowed(now) > 0:
            return None
        return self._half_open(now)

    # -- what became of it --------------------------------------------------------------------

    def record_success(self, now: float) -> Closed | None:
        """A job was served: Plex works. Late news of a job from before the outage is no news."""
        self.advance(now)
        if self.state is CircuitState.HALF_OPEN:
            return self._close(now)
        if self.state is CircuitState.CLOSED:
            self.failure_count = 0
        return None

    def record_failure(self, now: float) -> Opened | Reopened | None:
        """A job, or while half-open a health check, failed because of Plex, not of the job."""
        self.advance(now)
        if self.state is CircuitState.OPEN:
            return None
        self.failure_count += 1
        if self.state is CircuitState.HALF_OPEN:
            self._open(now)
            return Reopened(now)
        if self.failure_count >= FAILURES_TO_OPEN:
            self._open(now)
            return Opened(now)
        return None

    def probe_succeeded(self, now: float) -> HalfOpened | Closed | None:
        """A health check was good: the first lets a probe job go at once, the second closes.

        While half-open, check Plex only when no job waits: a job is the better probe.
        """
        if self.state is CircuitState.CLOSED:
            return None
        half_opened = self._half_open(now) if self.state is CircuitState.OPEN else None
        self.success_count += 1
        return self._close(now) if self.success_count >= CHECKS_TO_CLOSE else half_opened

    def release(self) -> None:
        """Give the permit back: the probe job ended without a word about Plex."""
        self._permit_since = None

    # -- transitions --------------------------------------------------------------------------

    def _open(self, now: float) -> None:
        self.state = CircuitState.OPEN
        self.success_count = 0
        self.opened_at = now
        self._permit_since = None

    def _half_open(self, now: float) -> HalfOpened:
        self.state = CircuitState.HALF_OPEN
        self.success_count = 0
        self._permit_since = None
        return HalfOpened(now)

    def _close(self, now: float) -> Closed:
        self.state = CircuitState.CLOSED
        self.failure_count = 0
        self.success_count = 0
        self.opened_at = None
        self._permit_since = None
        return Closed(now)

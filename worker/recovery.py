"""When to look whether Plex is back, and how long ago it came back.

Pure: times are seconds since the epoch and come in with each call. Clock and file are others'.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from shared.state_file import parse_count, parse_moment

SHORTEST_INTERVAL = 5.0  # seconds between two health probes, whatever happens
LONGEST_INTERVAL = 60.0
# Only an edit shows that Plex saves changes again, so edits are tried this often at least.
LONGEST_INTERVAL_BETWEEN_EDITS = 20.0
# 5, 7.5, 11, 17, 25, 38, 57, 60 …: a return is noticed after at most half of the outage's length.
_GROWTH = 1.5
_LARGEST_EXPONENT = 10
_FORGOTTEN = 600.0  # seconds without a check, after which a failure is the first of a new trouble
RAMP_SECONDS = 300.0  # how long the rate limit lasts after a recovery


@dataclass(frozen=True, slots=True)
class RecoveryState:
    """What `recovery_state.json` holds. A moment of 0 stands for never.

    Attributes:
        last_check_time: the last health probe.
        consecutive_successes: good probes in a row, during an outage.
        consecutive_failures: bad ones.
        last_recovery_time: the end of the last outage.
        recovery_count: outages that ended.
        recovery_started_at: where the rate limit after the last outage began, 0 once it is over.
    """

    last_check_time: float = 0.0
    consecutive_successes: int = 0
    consecutive_failures: int = 0
    last_recovery_time: float = 0.0
    recovery_count: int = 0
    recovery_started_at: float = 0.0

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Return the state of a file's content; what is garbage in it has its default."""
        stored = raw if isinstance(raw, dict) else {}
        return cls(
            last_check_time=parse_moment(stored.get("last_check_time")) or 0.0,
            consecutive_successes=parse_count(stored.get("consecutive_successes")) or 0,
            consecutive_failures=parse_count(stored.get("consecutive_failures")) or 0,
            last_recovery_time=parse_moment(stored.get("last_recovery_time")) or 0.0,
            recovery_count=parse_count(stored.get("recovery_count")) or 0,
            recovery_started_at=parse_moment(stored.get("recovery_started_at")) or 0.0,
        )


class RecoveryScheduler:
    """Says when the next health probe is due during an outage, and times the ramp after it.

    Attributes:
        state: what its file holds; never changed in place.
    """

    def __init__(self, state: RecoveryState | None = None) -> None:
        self.state = state or RecoveryState()
        # Not `consecutive_failures`: where probes succeed and the jobs after them fail, the probes
        # get rarer all the same. A job that is served ends that.
        self._backoff = self.state.consecutive_failures
        self._hurried = False
        self._longest = LONGEST_INTERVAL
        self._ramp_seen: float | None = None

    @classmethod
    def from_state(cls, raw: Any) -> Self:
        """Return the scheduler of a file's content."""
        return cls(RecoveryState.from_state(raw))

    def to_state(self) -> dict[str, Any]:
        """Return the content of `recovery_state.json`."""
        return asdict(self.state)

    # -- the next probe -----------------------------------------------------------------------

    def seconds_to_next_probe(self, now: float) -> float:
        """Return how long to wait for the next health probe, while the breaker is not closed.

        A clock that was set back starts the wait anew: never longer than one interval.
        """
        if self.state.last_check_time > now:
            self.state = replace(self.state, last_check_time=now)
        if not self.state.last_check_time:
            return 0.0
        return max(0.0, self.state.last_check_time + self._interval() - now)

    def hurry(self) -> None:
        """A new job came: make the next probe as soon as the shortest interval allows."""
        self._hurried = True

    def record_check(self, now: float, healthy: bool, longest: float | None = None) -> None:
        """A health probe ended, or a probe job failed because of Plex.

        Args:
            healthy: what it said.
            longest: seconds until the next probe at most, by default `LONGEST_INTERVAL`.
        """
        self._hurried = False
        self._longest = LONGEST_INTERVAL if longest is None else longest
        if now - self.state.last_check_time > _FORGOTTEN:
            self._backoff = 0
        self._backoff += not healthy
        self.state = replace(
            self.state,
            last_check_time=now,
            consecutive_successes=self.state.consecutive_successes + 1 if healthy else 0,
            consecutive_failures=0 if healthy else self.state.consecutive_failures + 1,
        )

    def record_served(self) -> None:
        """Plex served a job: the next trouble starts with short intervals."""
        self._backoff = 0
        if self.state.consecutive_failures or self.state.consecutive_successes:
            self.state = replace(self.state, consecutive_failures=0, consecutive_successes=0)

    def _interval(self) -> float:
        if self._hurried or self.state.consecutive_successes:
            return SHORTEST_INTERVAL
        exponent = min(max(0, self._backoff - 1), _LARGEST_EXPONENT)
        return min(self._longest, SHORTEST_INTERVAL * _GROWTH**exponent)

    # -- after the outage ---------------------------------------------------------------------

    def record_recovery(self, now: float) -> None:
        """The breaker closed: the outage is over and the ramp begins."""
        self._hurried = False
        self.record_served()
        self._ramp_seen = now
        self.state = replace(
            self.state,
            last_recovery_time=now,
            recovery_count=self.state.recovery_count + 1,
            recovery_started_at=now,
        )

    def ramp_elapsed(self, now: float) -> float | None:
        """Return the seconds since the recovery, None when no ramp is in progress.

        Between two looks of one process, a step back or one longer than the whole ramp is the
        clock's or a sleep of the machine's: it counts nothing, and the start moves along with it.
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
        if started != self.state.recovery_started_at:
            self.state = replace(self.state, recovery_started_at=started)
        return now - started if started else None

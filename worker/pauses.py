from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from plex.index_database import is_about_index
from shared.events import Event, Report
from shared.state_file import parse_moment, read_state, write_state
from validation.quiet_hours import QuietHours

SETTINGS, STASH, DATABASE, QUIET_HOURS = "settings", "stash", "database", "quiet_hours"
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
SETTINGS_LOOK = 10.0


class Pause(NamedTuple):
    reason: str
    since: float
    is_wanted: bool


def read_pause(path: str, report: Report, now: float) -> Pause:
    state = read_state(path, report, now)
    reason, since = state.get("reason"), parse_moment(state.get("since")) or 0.0
    is_wanted = state.get("kind") == QUIET_HOURS
    return Pause(reason if isinstance(reason, str) else "", since, is_wanted)


@dataclass
class Pauses:
    path: str
    report: Report
    clock: Callable[[], float]
    monotonic: Callable[[], float]

    def __post_init__(self) -> None:
        self._until = float("-inf")
        self.reason = self.kind = ""
        self.delay = 0.0
        self._reported = read_pause(self.path, self.report, self.clock()).reason
        if self._reported:
            self._write("", "")

    @property
    def active(self) -> bool:
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._until - self.monotonic())

    def begin(self, reason: str, kind: str, error: Exception) -> None:
        self.delay = min(LONGEST_PAUSE, self.delay * 2 or FIRST_PAUSE)
        self._until = self.monotonic() + self.delay
        if reason != self.reason:
            # Several workers may find the same wrong setting. Only the first one reports it.
            if kind != SETTINGS or reason != self._reported:
                self.report(Event.SYNC_PAUSED, reason=reason, kind=kind, error=error)
            self._write(reason, kind)
        self.reason, self.kind = reason, kind

    def begin_quiet_hours(self, quiet: QuietHours) -> None:
        reason = f"until {quiet.end} by quiet_hours"
        self._until = self.monotonic() + min(LONGEST_PAUSE, quiet.seconds)
        if reason != self.reason:
            self.report(Event.QUIET_HOURS, end=quiet.end)
            self._write(reason, QUIET_HOURS)
        self.reason, self.kind = reason, QUIET_HOURS

    def end_now(self) -> None:
        self._until = float("-inf")

    def succeeded(self) -> None:
        if self.reason and read_pause(self.path, self.report, self.clock()).reason:
            self._write("", "")
        self.end_now()
        self.reason = self.kind = ""
        self.delay = 0.0

    def end_if_queue_is_empty(self) -> None:
        # The queue also seems empty if its database cannot be read. So that pause does not end
        # here.
        if self.kind != DATABASE:
            self.succeeded()

    def end_if(self, kind: str) -> None:
        if self.kind == kind:
            self.succeeded()

    def _write(self, reason: str, kind: str) -> None:
        try:
            write_state(self.path, {"reason": reason, "since": self.clock(), "kind": kind})
        except OSError as error:
            self.report(Event.STATE_NOT_SAVED, state="the reason for the pause", error=error)


def database_fault(error: Exception) -> str:
    if is_about_index(error):
        remedy = "Close other programs that use the file, or delete it; no edit is lost"
        return f"the plugin's list of Plex's files (library.db) cannot be used ({error}). {remedy}"
    return f"the queue's database cannot be used: {error}"

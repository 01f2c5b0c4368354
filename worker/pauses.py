"""Pauses of the sync: while no job can succeed, the worker tries none, and a file says why."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from plex.index_database import is_about_index
from shared.events import Event, Report
from shared.state_file import parse_moment, read_state, write_state

SETTINGS, STASH, DATABASE = "settings", "stash", "database"
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0  # seconds
SETTINGS_LOOK = 10.0  # seconds between two reads of the settings during a pause
_MOST_DOUBLINGS = 8


def read_pause(path: str, report: Report, now: float) -> tuple[str, float]:
    """Return the reason of the pause and its start; an empty reason without a pause."""
    state = read_state(path, report, now)
    reason = state.get("reason")
    return reason if isinstance(reason, str) else "", parse_moment(state.get("since")) or 0.0


@dataclass
class Pauses:
    """The current pause; only the holder of the worker lock may use it.

    Each pause in a row is twice as long as the pause before, up to a minute.
    """

    path: str
    report: Report
    clock: Callable[[], float]
    monotonic: Callable[[], float]

    def __post_init__(self) -> None:
        self._until = float("-inf")
        self.reason = self.kind = ""  # empty after a success
        self.in_a_row = 0  # the number of pauses since the last success
        self._clear_file()  # a worker that was killed during a pause has left the file

    @property
    def active(self) -> bool:
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._until - self.monotonic())

    def begin(self, reason: str, kind: str, error: Exception) -> None:
        """Start a pause, or the next pause in a row."""
        delay = FIRST_PAUSE * 2.0 ** min(self.in_a_row, _MOST_DOUBLINGS)
        self.in_a_row += 1
        self._until = self.monotonic() + min(LONGEST_PAUSE, delay)
        if reason != self.reason:
            self.report(Event.SYNC_PAUSED, reason=reason, kind=kind, error=error)
            self._write(reason)
        self.reason, self.kind = reason, kind

    def end_now(self) -> None:
        """End the pause now; the next pause still counts as the next in a row."""
        self._until = float("-inf")

    def succeeded(self) -> None:
        """Record that a job was finalized, so the cause of the pause is gone."""
        if self.reason:
            self._clear_file()
        self.end_now()
        self.reason = self.kind = ""
        self.in_a_row = 0

    def nothing_waits(self) -> None:
        """Record that no job waits; a fault of the database may hide jobs, so its pause lasts."""
        if self.kind != DATABASE:
            self.succeeded()

    def _clear_file(self) -> None:
        if read_pause(self.path, self.report, self.clock())[0]:
            self._write("")

    def _write(self, reason: str) -> None:
        try:
            write_state(self.path, {"reason": reason, "since": self.clock()})
        except OSError as error:
            self.report(Event.STATE_NOT_SAVED, state="the reason for the pause", error=error)


def database_fault(error: Exception) -> str:
    if is_about_index(error):
        remedy = "Free or delete the file; the plugin creates it again"
        return f"The path index (library.db) cannot be used: {error}. {remedy}"
    return f"the queue's database cannot be used: {error}"


def is_read_only(error: sqlite3.DatabaseError) -> bool:
    """Return whether this connection cannot write, because SQLite opened the file read-only."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY

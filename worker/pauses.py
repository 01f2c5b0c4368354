"""Pauses, in which no job can succeed and none is tried, and their note for other processes.

A fault of a database is one cause of a pause.
"""

import sqlite3
from collections.abc import Callable

from plex.index_database import is_about_index
from shared.events import Event, Report
from shared.state_file import KeptState, parse_moment, write_state

SETTINGS, STASH, DATABASE = "settings", "stash", "database"
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0  # seconds
SETTINGS_LOOK = 10.0  # seconds between looks whether the settings have changed meanwhile
_MOST_DOUBLINGS = 8


class PauseNote:
    """One small file; written by the holder of the worker lock, read by everyone.

    Args:
        path: the file.
        report: is told about a file that could not be read or written.
    """

    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._path = path
        self._report = report
        self._clock = clock
        self._file = KeptState(path, report)

    def write(self, reason: str) -> None:
        """Note a reason, or with an empty text that work goes on; it is never worth an error."""
        if not reason and not self.read()[0]:
            return
        try:
            write_state(self._path, {"reason": reason, "since": self._clock()})
        except OSError as error:
            state = "The reason for the pause"
            self._report(Event.STATE_NOT_SAVED, state=state, error=error)

    def read(self) -> tuple[str, float]:
        """Return the reason, empty while work goes on, and since when."""
        state = self._file.read(self._clock())
        reason = state.get("reason")
        return (
            reason if isinstance(reason, str) else "",
            parse_moment(state.get("since")) or 0.0,
        )


class Pauses:
    """The pause in force, longer each time in a row.

    Args:
        report: gets an event that tells why nothing goes on, once per reason.
        note: writes the reason down for others, an empty one once work goes on.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        report: Report,
        note: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._monotonic = monotonic
        self._report = report
        self._note = note
        self._in_a_row = 0
        self._until = float("-inf")
        self._kind = ""
        self.reason = ""
        note("")  # a worker that was killed in its pause has left its reason

    @property
    def active(self) -> bool:
        """Whether a pause lasts."""
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        """How long the pause lasts if nothing changes, 0 without one."""
        return max(0.0, self._until - self._monotonic())

    @property
    def in_a_row(self) -> int:
        """How many there were since a job last went through."""
        return self._in_a_row

    @property
    def about_settings(self) -> bool:
        """Whether a change of the settings may end it at once."""
        return self._kind == SETTINGS

    @property
    def about_stash(self) -> bool:
        """Whether Stash was what jobs waited for, and none has gone through since."""
        return self._kind == STASH

    def begin(self, reason: str, kind: str, error: Exception) -> None:
        """Start a pause, or the next one in a row."""
        delay = FIRST_PAUSE * 2.0 ** min(self._in_a_row, _MOST_DOUBLINGS)
        self._in_a_row += 1
        self._until = self._monotonic() + min(LONGEST_PAUSE, delay)
        self._kind = kind
        if reason != self.reason:
            self._report(Event.SYNC_PAUSED, reason=reason, kind=kind, error=error)
            self._note(reason)
        self.reason = reason

    def end_now(self) -> None:
        """Try again at once."""
        self._until = float("-inf")

    def end_if_about_stash(self) -> None:
        """Try again at once if Stash was the cause: another connection to it is known now."""
        if self._kind == STASH:
            self.end_now()

    def succeeded(self) -> None:
        """A job was decided, whatever it came to: there is nothing left to wait for."""
        if self.reason:
            self._note("")
        self._in_a_row = 0
        self._until = float("-inf")
        self.reason = ""
        self._kind = ""

    def nothing_waits(self) -> None:
        """No job is left that could wait, unless the database has kept one from being seen."""
        if self._kind != DATABASE:
            self.succeeded()


def database_fault(error: Exception) -> str:
    """Return why nothing goes on, with the file that is to blame; no full stop."""
    if is_about_index(error):
        return (
            f"The index of Plex's files (library.db) cannot be used: {error}. Free it, or delete "
            "it: it is made anew"
        )
    return f"The queue's database cannot be used: {error}"


def is_read_only(error: sqlite3.DatabaseError) -> bool:
    """Tell whether SQLite opened the file for reading only: this connection never writes again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY

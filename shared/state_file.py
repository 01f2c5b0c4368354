"""Small JSON state on disk: written whole or not at all, read whatever it holds."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from shared.events import Event, Report
from shared.files import keep_newest, replace_file

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

StateT = TypeVar("StateT", bound="DataclassInstance")
Content = type[dict[str, Any]] | type[list[Any]]  # of a file

LATEST = 253_402_300_799.0  # the last second of the year 9999
MOST = 2**63 - 1  # of anything that is counted: what comes back from far beyond breaks divisions
KEPT_ASIDE = 3  # files of one state that could not be read


def write_state(path: str, state: Any) -> None:
    """Replace the file by the state as JSON, atomically and durably.

    Raises:
        OSError: the state could not be written; what was there before is still there.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        replace_file(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_state(path: str, report: Report, now: float) -> dict[str, Any]:
    """Return the object in the file as `KeptState.read` does, for whoever never writes it."""
    state: dict[str, Any] = KeptState(path, report).read(now)
    return state


class KeptState:
    """A state's file as whoever writes it sees it: it is never written over unread.

    Args:
        path: the file.
        report: is told about a file that could not be read.
        kind: what it holds, `dict` or `list`.
    """

    def __init__(
        self,
        path: str,
        report: Report,
        kind: Content = dict,
    ) -> None:
        self._path = path
        self._report = report
        self._kind = kind
        self.is_unread = False

    def read(self, now: float) -> Any:
        """Return the state in the file, or an empty one when there is none.

        A file that holds anything else is set aside as `<name>.corrupt-<time>` and reported. One
        that the system does not let us read says nothing of its content: it is reported, once while
        that lasts, stays as it is, and counts as empty for now (`is_unread`).
        """
        try:
            state = self._load()
        except OSError as error:
            if not self.is_unread:
                file = os.path.basename(self._path)
                self._report(Event.STATE_UNREADABLE, file=file, error=error)
            self.is_unread = True
            return self._kind()
        except (ValueError, RecursionError) as error:
            self._set_aside(str(error), now)
            state = self._kind()
        self.is_unread = False
        return state

    def write(self, state: Any) -> bool:
        """Replace the file as `write_state` does; False when it is there and was not read.

        Raises:
            OSError: the state could not be written; what was there before is still there.
        """
        if self.is_unread and os.path.lexists(self._path):
            return False
        write_state(self._path, state)
        self.is_unread = False
        return True

    def _load(self) -> Any:
        if os.path.isdir(self._path):
            message = "it is a folder"
            raise ValueError(message)
        try:
            with open(self._path, encoding="utf-8") as file:
                state = json.load(file)
        except FileNotFoundError:
            return self._kind()
        if isinstance(state, self._kind):
            return state
        wanted = "object" if self._kind is dict else "list"
        message = f"a JSON {wanted} was expected, not {type(state).__name__}"
        raise ValueError(message)

    def _set_aside(self, problem: str, now: float) -> None:
        folder, name = os.path.split(self._path)
        aside_of = f"{name}.corrupt-"
        aside = f"{aside_of}{int(now)}"
        with contextlib.suppress(OSError):
            replace_file(self._path, os.path.join(folder, aside))
        keep_newest(folder, re.escape(aside_of) + r"\d+", KEPT_ASIDE)
        self._report(Event.STATE_RESET, file=name, problem=problem, kept=aside)


def parse_moment(raw: Any) -> float | None:
    """Return seconds since the epoch, None for what is no moment up to the year 9999."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if 0 <= raw <= LATEST else None  # false for NaN, too


def parse_count(raw: Any) -> int | None:
    """Return a whole number from 0 to `MOST`, None for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return raw if 0 <= raw <= MOST else None


_PARSERS: Mapping[Any, Callable[[Any], Any]] = {
    int: parse_count,
    float: parse_moment,
    float | None: parse_moment,
    bool: lambda raw: raw if isinstance(raw, bool) else None,
    str: lambda raw: raw if isinstance(raw, str) else None,
}


def parse_fields(kind: type[StateT], raw: Any) -> StateT | None:
    """Return the dataclass of a stored object, or None if a field without a default is not valid.

    An int is a count, a float is a moment or a duration. A value of a wrong type gets the default
    of its field; fields of other types always do.
    """
    stored = raw if isinstance(raw, dict) else {}
    values = {}
    for field in fields(kind):
        parse = _PARSERS.get(field.type)
        value = None if parse is None else parse(stored.get(field.name))
        if value is not None:
            values[field.name] = value
        elif field.default is MISSING and field.default_factory is MISSING:
            return None
    return kind(**values)

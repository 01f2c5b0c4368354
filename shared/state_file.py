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
Content = type[dict[str, Any]] | type[list[Any]]

# The latest accepted time, at the end of the year 2999. Windows cannot format much later times.
LATEST = 32_503_679_999.0
# The largest accepted integer. Python cannot convert huge integers to floats.
MOST = 2**63 - 1
KEPT_FILES = 3


def write_state(path: str, state: Any) -> None:
    """Replace a state file atomically and durably. An `OSError` leaves the old file unchanged."""
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
    state: dict[str, Any] = KeptState(path, report).read(now)
    return state


class KeptState:
    """A JSON state file. A file that cannot be read counts as empty and is never overwritten."""

    def __init__(self, path: str, report: Report, kind: Content = dict) -> None:
        self._path = path
        self._report = report
        self._kind = kind
        self.is_unread = False

    def read(self, now: float) -> Any:
        try:
            state = self._load()
        except OSError as error:
            if not self.is_unread:
                file = os.path.basename(self._path)
                self._report(Event.STATE_UNREADABLE, file=file, error=error)
            self.is_unread = True
            return self._kind()
        except (ValueError, RecursionError) as error:
            self._quarantine(str(error), now)
            state = self._kind()
        self.is_unread = False
        return state

    def write(self, state: Any) -> bool:
        if self.is_unread and os.path.lexists(self._path):
            return False
        write_state(self._path, state)
        self.is_unread = False
        return True

    def _load(self) -> Any:
        if os.path.isdir(self._path):
            raise ValueError("it is a folder")
        try:
            with open(self._path, encoding="utf-8") as file:
                state = json.load(file)
        except FileNotFoundError:
            return self._kind()
        if isinstance(state, self._kind):
            return state
        wanted = "object" if self._kind is dict else "list"
        raise ValueError(f"a JSON {wanted} was expected, not {type(state).__name__}")

    def _quarantine(self, problem: str, now: float) -> None:
        folder, name = os.path.split(self._path)
        kept = f"{name}.corrupt-{int(now)}"
        with contextlib.suppress(OSError):
            replace_file(self._path, os.path.join(folder, kept))
        keep_newest(folder, rf"{re.escape(name)}\.corrupt-\d+", KEPT_FILES)
        self._report(Event.STATE_RESET, file=name, problem=problem, kept=kept)


def parse_moment(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if 0 <= raw <= LATEST else None


def parse_count(raw: Any) -> int | None:
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
    """Parse JSON to a dataclass. Return None if a value without a default is invalid or missing."""
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

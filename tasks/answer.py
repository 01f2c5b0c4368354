"""The answer of a task, and the error that ends a task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from plex.index_database import is_about_index


class TaskError(Exception):
    """A task failed. The message has the reason and the remedy."""


def unusable_database(error: Exception) -> str:
    """Return the message for a task that cannot use a database of the plugin."""
    doctor = "Run the task 'Doctor' for cause and remedy"
    if is_about_index(error):
        return f"Cannot use the path index (library.db): {error}. It contains no edits. {doctor}"
    return f"Cannot use the plugin's database: {error}. {doctor}"


class Level(Enum):
    """The seriousness of a finding or an answer, in ascending order."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a task."""

    text: str  # one line with the result and, after a fault, the remedy
    details: Sequence[str] = ()  # log lines before the text
    detail_levels: Sequence[Level] = ()  # level of each detail; empty if all are OK
    # The result for programs, documented in `docs/operations.md`.
    data: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.OK  # determines the exit code of the command line

    def lines(self) -> Iterator[tuple[Level, str]]:
        """Yield the log lines with their log levels: first the details, then the text."""
        levels = self.detail_levels or [Level.OK] * len(self.details)
        yield from zip(levels, self.details, strict=True)
        yield self.level, self.text

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level.value, "text": self.text, **self.data}


def shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

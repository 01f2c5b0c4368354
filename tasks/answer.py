"""The answer of a task, the error that ends a task, and how both put things into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from plex.index_database import is_about_index

LONGEST_MESSAGE = 300  # characters of an error that a list shows


class TaskError(Exception):
    """A task could not do its work; the text says why and what to do."""


def unusable_database(error: Exception) -> str:
    """Return what people are told when a database of the plugin cannot be used by a task."""
    doctor = "Run the task 'Doctor': it tells what is wrong with it, and what to do"
    if is_about_index(error):
        return (
            f"The index of Plex's files (library.db) cannot be used now ({error}). No edit is "
            f"in it. {doctor}"
        )
    return f"The plugin's database cannot be used now ({error}). {doctor}"


class Level(Enum):
    """Whether what a task has found is as it should be."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task has to say.

    Attributes:
        text: one line: what changed and, when something is wrong, what to do next.
        details: lines for the log that stand before it.
        data: the same for programs, as JSON knows it; documented in `docs/operations.md`.
        level: the exit code of the command line, and a word for programs.
    """

    text: str
    details: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.OK

    def as_json(self) -> dict[str, Any]:
        """Return the answer for a program."""
        return {"level": self.level.value, "text": self.text, **self.data}


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 job", "2,000 jobs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return the text, cut where it is longer than that many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"

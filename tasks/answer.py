"""What a task answers: a line for people, more lines where they help, and the same for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Any

from shared.frozen import frozen


class Level(Enum):
    """Whether what a task has found is as it should be."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@frozen
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

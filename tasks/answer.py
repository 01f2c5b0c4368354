from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from plex.index_database import is_about_index


class TaskError(Exception):
    """A task failed. The message has the reason and the remedy."""


def unusable_database(error: Exception) -> str:
    doctor = "Run the task 'Doctor' for cause and remedy"
    if is_about_index(error):
        problem = f"Cannot use the plugin's list of Plex's files (library.db): {error}"
        return f"{problem}. No edit is lost. {doctor}"
    return f"Cannot use the plugin's database: {error}. {doctor}"


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    details: Sequence[str] = ()
    detail_levels: Sequence[Level] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.OK

    def lines(self) -> Iterator[tuple[Level, str]]:
        levels = self.detail_levels or [Level.OK] * len(self.details)
        yield from zip(levels, self.details, strict=True)
        yield self.level, self.text

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level.value, "text": self.text, **self.data}


def shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

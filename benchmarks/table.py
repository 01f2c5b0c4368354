"""The rows of a run, as a table for people and as JSON for comparing two commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_HEADINGS = ("name", "figure", "unit", "goal", "note")
_RIGHT = 1  # the column of the figures


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        name: what was measured.
        figure: how much it was.
        unit: of what.
        goal: what it should be, for information; empty where there is none.
        note: what one has to know to judge the figure.
    """

    name: str
    figure: float
    unit: str
    goal: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)

    def cells(self) -> tuple[str, ...]:
        """The row as text, column by column."""
        return (self.name, short(self.figure), self.unit, self.goal, self.note)


def short(figure: float) -> str:
    """A figure with the digits that mean something, some three."""
    if figure == int(figure):
        return f"{figure:.0f}"
    size = abs(figure)
    return f"{figure:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3}f}"


def by_kind(requests: Mapping[str, int], scenes: int = 1) -> str:
    """Counts of requests as text, for one scene or for all, the most frequent kind first."""
    ranked = sorted(requests.items(), key=lambda one: -one[1])
    return ", ".join(f"{kind} {short(count / scenes)}" for kind, count in ranked) or "none"


def render(rows: Iterable[Row]) -> str:
    """All rows as one aligned Markdown table."""
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    widths[-1] = len(_HEADINGS[-1])  # the notes' length is their own
    rule = ["-" * width for width in widths]
    rule[_RIGHT] = rule[_RIGHT][:-1] + ":"
    return "\n".join(_line(cells, widths) for cells in (lines[0], rule, *lines[1:]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column == _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"

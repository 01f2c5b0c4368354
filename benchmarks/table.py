"""The rows of a run as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

_HEADINGS = ("name", "figure", "unit", "goal", "note")
_NUMBERS = frozenset({1})  # the column of the figures


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
    return table(_HEADINGS, [row.cells() for row in rows], _NUMBERS)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Set[int]) -> str:
    """A Markdown table, its columns aligned; the last is for notes, whose length is their own.

    Args:
        headings: of the columns.
        rows: as many cells each.
        numbers: the positions of the columns that are aligned to the right.
    """
    # Two at least: Markdown's rule of a column that is aligned to the right takes no less.
    widths = [max(2, *map(len, column)) for column in zip(headings, *rows, strict=True)]
    widths[-1] = len(headings[-1])
    rule = [
        "-" * (width - 1) + ":" if column in numbers else "-" * width
        for column, width in enumerate(widths)
    ]
    return "\n".join(_line(cells, widths, numbers) for cells in (headings, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Set[int]) -> str:
    padded = [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"

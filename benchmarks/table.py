from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from simulators.plex.request_log import Kind

_HEADINGS = ("name", "figure", "unit", "goal", "note")
_LEAST_DASHES = 2


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    figure: float
    unit: str
    goal: str = ""
    note: str = ""


def short(figure: float) -> str:
    if figure == int(figure):
        return f"{figure:.0f}"
    size = abs(figure)
    return f"{figure:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3}f}"


def by_kind(requests: Counter[Kind], scenes: int = 1) -> str:
    ranked = sorted(requests.items(), key=lambda kind: -kind[1])
    return ", ".join(f"{kind} {short(count / scenes)}" for kind, count in ranked) or "none"


def render(rows: Iterable[Row]) -> str:
    cells = [(row.name, short(row.figure), row.unit, row.goal, row.note) for row in rows]
    return table(_HEADINGS, cells, {1})


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Set[int]) -> str:
    widths = [max(_LEAST_DASHES, *map(len, column)) for column in zip(headings, *rows, strict=True)]
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

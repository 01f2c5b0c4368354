"""Two versions of the plugin by the same benchmarks, one after the other, A B A B.

Only the plugin's files differ. A ratio is taken of two runs that followed each other, so that what
else the machine does falls on both.
"""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.installed import Progress
from benchmarks.scale import Scale
from benchmarks.sections import Part
from benchmarks.table import Row, short, table
from benchmarks.workspace import Workspace

_HEADINGS = ("name", "A", "B", "A / B", "min to max", "unit", "goal", "note")
_NUMBERS = frozenset({1, 2, 3, 4})  # the columns of figures
_LONGEST_PROBLEM = 200  # characters


@dataclass(frozen=True, slots=True)
class Plan:
    """How two versions are compared.

    Attributes:
        place: where, and with which version A.
        other: the folder of version B.
        rounds: how many pairs of runs.
    """

    place: Workspace
    other: Path
    rounds: int
    scale: Scale
    progress: Progress


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both versions.

    Attributes:
        name: what was measured.
        unit: of what.
        goal: what it should be; empty where there is none.
        ours: the figures of A, round by round.
        theirs: those of B; None where it could not be measured.
        problem: why it could not.
    """

    name: str
    unit: str
    goal: str
    ours: tuple[float, ...]
    theirs: tuple[float | None, ...]
    problem: str = ""

    @property
    def ratios(self) -> list[float]:
        """A / B of each whole pair of runs."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [_ratio(a, b) for a, b in pairs if b is not None]

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)

    def cells(self) -> tuple[str, ...]:
        """The row as text, column by column."""
        ours = short(statistics.median(self.ours))
        ratios = self.ratios
        if not ratios:
            return (self.name, ours, "", "", "", self.unit, self.goal, self.problem)
        return (
            self.name,
            ours,
            short(statistics.median(b for b in self.theirs if b is not None)),
            f"{statistics.median(ratios):.3f}",
            f"{min(ratios):.3f} to {max(ratios):.3f}",
            self.unit,
            self.goal,
            self.problem,
        )


def compare(plan: Plan, part: Part) -> list[Compared]:
    """Measure a part with both versions in turn.

    The first round in which B cannot be measured is the last: an older version may lack what the
    part needs. The rows that it had until then are kept.
    """
    pairs: dict[str, list[tuple[Row, Row | None]]] = {}
    problem = ""
    for number in range(1, plan.rounds + 1):
        with _side(plan.place, "a", plan.place.plugin) as place:
            ours = list(part(place, plan.scale, _prefixed(plan, f"A {number}")))
        with _side(plan.place, "b", plan.other) as place:
            theirs, problem = _attempt(part, place, plan, f"B {number}")
        by_name = {row.name: row for row in theirs}
        for row in ours:
            pairs.setdefault(row.name, []).append((row, by_name.get(row.name)))
        if problem:
            plan.progress(f"skipped from here on: {problem}")
            break
    return [_compared(found, problem) for found in pairs.values()]


def render(rows: Sequence[Compared]) -> str:
    """All rows as one aligned Markdown table."""
    return table(_HEADINGS, [row.cells() for row in rows], _NUMBERS)


def _attempt(part: Part, place: Workspace, plan: Plan, name: str) -> tuple[list[Row], str]:
    """Return the rows of B as far as they came, and why they came no further."""
    rows: list[Row] = []
    try:
        rows.extend(part(place, plan.scale, _prefixed(plan, name)))
    except Exception as error:  # noqa: BLE001 - another version may fail in any way: that is told
        text = " ".join(f"B: {type(error).__name__}: {error}".split())
        return rows, text[:_LONGEST_PROBLEM]
    return rows, ""


def _compared(pairs: Sequence[tuple[Row, Row | None]], problem: str) -> Compared:
    first = pairs[0][0]
    theirs = tuple(None if other is None else other.figure for _, other in pairs)
    lacking = (problem or "B has no such row") if None in theirs else ""
    ours = tuple(row.figure for row, _ in pairs)
    return Compared(first.name, first.unit, first.goal, ours, theirs, lacking)


def _ratio(ours: float, theirs: float) -> float:
    if ours == theirs:
        return 1.0  # nothing against nothing, too
    return ours / theirs if theirs else math.inf


@contextmanager
def _side(place: Workspace, name: str, plugin: Path) -> Iterator[Workspace]:
    """A workspace for one run of one version, deleted at its end."""
    root = place.folder(name)
    try:
        yield replace(place, root=root, plugin=plugin)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _prefixed(plan: Plan, name: str) -> Progress:
    return lambda text: plan.progress(f"{name} of {plan.rounds}: {text}")

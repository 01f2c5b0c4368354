"""Two versions of the plugin by the same benchmarks, one after the other, A B A B.

Only the plugin's files differ. A ratio is taken of two runs that followed each other, so the load
of the machine falls on both.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.installed import Progress
from benchmarks.table import Row, short, table
from benchmarks.workspace import Workspace
from simulators.rig import REPOSITORY

Part = Callable[[Workspace, Progress], Iterator[Row]]
"""Measures some rows, from beginning to end, on a rig of its own."""

_HEADINGS = ("name", "A", "B", "A / B", "min to max", "unit", "goal", "note")
_NUMBERS = frozenset({1, 2, 3, 4})  # the columns of figures


class RevisionError(Exception):
    """There is no such revision, or no repository; the text is git's own."""


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
    progress: Progress


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of A with the figures of both versions, round by round."""

    row: Row
    ours: list[float]
    theirs: list[float]

    def cells(self) -> tuple[str, ...]:
        """The row as text, column by column."""
        name, _, unit, goal, _ = self.row.cells()
        ours = short(statistics.median(self.ours))
        pairs = zip(self.ours, self.theirs, strict=False)  # B may lack the last rounds
        ratios = [1.0 if a == b else a / b if b else float("inf") for a, b in pairs]
        if not ratios:
            return name, ours, "", "", "", unit, goal, "B could not be measured"
        span = f"{min(ratios):.3f} to {max(ratios):.3f}"
        median = f"{statistics.median(ratios):.3f}"
        return name, ours, short(statistics.median(self.theirs)), median, span, unit, goal, ""


def compare(plan: Plan, part: Part) -> list[Compared]:
    """Measure a part with both versions in turn.

    The first round in which B cannot be measured is the last: an older version may lack what the
    part needs.
    """
    found: dict[str, Compared] = {}
    for number in range(1, plan.rounds + 1):
        with _side(plan.place, "a", plan.place.plugin) as place:
            for row in part(place, _prefixed(plan, f"A {number}")):
                found.setdefault(row.name, Compared(row, [], [])).ours.append(row.figure)
        try:
            with _side(plan.place, "b", plan.other) as place:
                for row in part(place, _prefixed(plan, f"B {number}")):
                    if row.name in found:
                        found[row.name].theirs.append(row.figure)
        except Exception as error:  # noqa: BLE001 - another version may fail in any way
            plan.progress(f"skipped from here on: B: {type(error).__name__}: {error}")
            break
    return list(found.values())


def render(rows: Sequence[Compared]) -> str:
    """All rows as one aligned Markdown table."""
    return table(_HEADINGS, [row.cells() for row in rows], _NUMBERS)


def describe(revision: str = "") -> str:
    """The short hash and the subject of a commit; by default of the one that is checked out.

    Raises:
        RevisionError: there is none.
    """
    changed = "" if revision else _git("status", "--porcelain", "--untracked-files=no")
    return _commit(revision or "HEAD", "%h (%s)") + (" with changes" if changed else "")


def extract(revision: str, folder: Path) -> Path:
    """Write the files of a revision below a folder; return where they are.

    Raises:
        RevisionError: there is no such revision.
    """
    archive = folder / "revision.zip"
    _git("archive", "--format=zip", f"--output={archive}", _commit(revision, "%H"))
    target = folder / "revision"
    with zipfile.ZipFile(archive) as files:
        files.extractall(target)
    return target


def _commit(revision: str, form: str) -> str:
    return _git("log", "-1", f"--format={form}", "--end-of-options", f"{revision}^{{commit}}")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RevisionError(done.stderr.strip().partition("\n")[0])
    return done.stdout.strip()


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

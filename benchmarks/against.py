"""Measures two versions of the plugin alternately with the same benchmarks.

Each ratio compares two consecutive runs, so other load of the machine affects both.
"""

import shutil
import statistics
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.installed import Progress
from benchmarks.table import Row, short, table
from benchmarks.workspace import Workspace
from tools.release.contents import REPOSITORY, git

Part = Callable[[Workspace, Progress], Iterator[Row]]

_HEADINGS = ("name", "A", "B", "A / B", "min to max", "unit", "goal", "note")


@dataclass(frozen=True, slots=True)
class Compared:
    row: Row
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        name, unit, goal = self.row.name, self.row.unit, self.row.goal
        ours = short(statistics.median(self.ours))
        pairs = zip(self.ours, self.theirs, strict=False)
        ratios = [1.0 if a == b else a / b if b else float("inf") for a, b in pairs]
        if not ratios:
            return name, ours, "", "", "", unit, goal, "B could not be measured"
        span = f"{min(ratios):.3f} to {max(ratios):.3f}"
        median = f"{statistics.median(ratios):.3f}"
        return name, ours, short(statistics.median(self.theirs)), median, span, unit, goal, ""


def compare(
    place: Workspace, other: Path, rounds: int, part: Part, progress: Progress
) -> list[Compared]:
    found: dict[str, Compared] = {}
    for number in range(1, rounds + 1):
        for row in _measure(place, place.plugin, part, progress, f"A {number} of {rounds}"):
            found.setdefault(row.name, Compared(row)).ours.append(row.figure)
        try:
            for row in _measure(place, other, part, progress, f"B {number} of {rounds}"):
                if row.name in found:
                    found[row.name].theirs.append(row.figure)
        except Exception as error:  # noqa: BLE001 - another version may fail in any way
            progress(f"skipped from here on: B: {type(error).__name__}: {error}")
            break
    return list(found.values())


def _measure(
    place: Workspace, plugin: Path, part: Part, progress: Progress, name: str
) -> Iterator[Row]:
    root = place.folder("run")
    try:
        yield from part(
            replace(place, root=root, plugin=plugin), lambda text: progress(f"{name}: {text}")
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)


def render(rows: Sequence[Compared]) -> str:
    return table(_HEADINGS, [row.cells() for row in rows], {1, 2, 3, 4})


def describe(revision: str = "") -> str:
    changed = "" if revision else git(REPOSITORY, "status", "--porcelain", "--untracked-files=no")
    return _commit(revision or "HEAD", "%h (%s)") + (" with changes" if changed else "")


def extract(revision: str, folder: Path) -> Path:
    archive = folder / "revision.zip"
    git(REPOSITORY, "archive", "--format=zip", f"--output={archive}", _commit(revision, "%H"))
    target = folder / "revision"
    with zipfile.ZipFile(archive) as files:
        files.extractall(target)
    return target


def _commit(revision: str, form: str) -> str:
    name = f"{revision}^{{commit}}"
    return git(REPOSITORY, "log", "-1", f"--format={form}", "--end-of-options", name).strip()

"""The comparison of two versions tells the truth about both, also where one cannot be measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.against import Compared, Plan, compare, render
from benchmarks.installed import Progress
from benchmarks.revision import RevisionError, describe, extract
from benchmarks.scale import QUICK, Scale
from benchmarks.sections import Part
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from simulators.rig import REPOSITORY

OURS, THEIRS = Path("ours"), Path("theirs")


def part_of(figures: dict[Path, list[float]], runs: list[Path]) -> Part:
    """A part that notes whom it measures, and yields that version's next figure and then fails."""

    def part(place: Workspace, _scale: Scale, _progress: Progress) -> Iterator[Row]:
        runs.append(place.plugin)
        assert list(place.root.iterdir()) == []
        place.folder("rig")
        yield Row("start", 1.0, "s")
        left = figures[place.plugin]
        if not left:
            message = "an older layout\nhas none"
            raise LookupError(message)
        yield Row("time", left.pop(0), "s", "< 9")

    return part


def plan_in(folder: Path, rounds: int) -> Plan:
    place = Workspace(folder, OURS, Path(sys.executable), 0.0)
    return Plan(place, THEIRS, rounds, QUICK, lambda _text: None)


def test_both_versions_are_measured_in_turn_and_each_pair_has_its_ratio(tmp_path: Path) -> None:
    runs: list[Path] = []
    part = part_of({OURS: [2.0, 9.0, 4.0], THEIRS: [1.0, 3.0, 8.0]}, runs)

    rows = compare(plan_in(tmp_path, 3), part)

    assert runs == [OURS, THEIRS] * 3
    assert rows[1] == Compared("time", "s", "< 9", (2.0, 9.0, 4.0), (1.0, 3.0, 8.0))
    assert rows[1].cells() == ("time", "4", "3", "2.000", "0.500 to 3.000", "s", "< 9", "")
    assert list(tmp_path.iterdir()) == []


def test_what_the_other_version_lacks_is_left_out_with_a_note(tmp_path: Path) -> None:
    runs: list[Path] = []
    part = part_of({OURS: [2.0, 2.0, 2.0], THEIRS: [4.0]}, runs)

    start, time = compare(plan_in(tmp_path, 3), part)

    assert runs == [OURS, THEIRS] * 2  # no third round
    assert (start.theirs, start.problem) == ((1.0, 1.0), "")
    assert (time.theirs, time.ratios) == ((4.0, None), [0.5])
    assert time.problem == "B: LookupError: an older layout has none"


def test_a_version_that_cannot_be_measured_at_all_leaves_its_columns_empty(tmp_path: Path) -> None:
    _, time = compare(plan_in(tmp_path, 2), part_of({OURS: [2.0], THEIRS: []}, []))

    assert time.cells()[1:5] == ("2", "", "", "")
    assert "older layout" in render([time])
    assert "| -: |" in render([time])  # an empty column is one all the same


def test_our_own_failure_is_no_row(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="older layout"):
        compare(plan_in(tmp_path, 1), part_of({OURS: [], THEIRS: [1.0]}, []))


def test_nothing_against_nothing_is_the_same() -> None:
    assert Compared("uploads", "", "", (0.0, 3.0), (0.0, 0.0)).ratios == [1.0, float("inf")]


def test_a_revision_is_extracted_as_it_was_committed(tmp_path: Path) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("no repository, no revisions")

    folder = extract("HEAD", tmp_path)

    shown = subprocess.run(
        ["git", "-C", REPOSITORY, "show", "HEAD:Stash2Plex.py"], capture_output=True, check=True
    )
    assert (folder / "Stash2Plex.py").read_bytes() == shown.stdout


@pytest.mark.parametrize("revision", ["no-such-revision", "--output=x", ""])
def test_a_revision_that_there_is_not_is_told_in_one_line(revision: str, tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match=r"^fatal: [^\n]+$"):
        describe(revision)
    with pytest.raises(RevisionError, match=r"^fatal: [^\n]+$"):
        extract(revision, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
def test_the_command_compares_real_processes_of_both_versions(tmp_path: Path) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("no repository, no revisions")
    file = tmp_path / "rows.json"
    options = ["--quick", "--only", "edit", "--against", "HEAD", "--rounds", "1"]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--json", str(file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert len(rows) == 4
    assert [row["problem"] for row in rows] == [""] * 4
    assert all(row["theirs"][0] > 0 for row in rows)
    assert "| A / B |" in done.stdout

"""What killed processes leave behind goes; what living ones are writing stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.files import may_live, sweep_temporaries

NOW = 1_750_000_000.0


@pytest.fixture
def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def temporary(folder: Path, process: int, age: float) -> Path:
    path = folder / f"state.json.tmp-{process}"
    path.write_text("{")
    os.utime(path, (NOW - age, NOW - age))
    return path


@pytest.mark.parametrize(("age", "stays"), [(61, False), (59, True), (4000, False)])
def test_a_dead_process_leaves_no_file(tmp_path: Path, dead: int, age: float, stays: bool) -> None:
    path = temporary(tmp_path, dead, age)
    assert sweep_temporaries(str(tmp_path), NOW) == (not stays)
    assert path.exists() == stays


@pytest.mark.parametrize(("age", "stays"), [(3599, True), (3601, False)])
def test_files_of_the_living_go_after_an_hour(tmp_path: Path, age: float, stays: bool) -> None:
    path = temporary(tmp_path, os.getpid(), age)
    assert sweep_temporaries(str(tmp_path), NOW) == (not stays)
    assert path.exists() == stays


def test_a_number_that_no_process_can_have_may_be_another_systems(tmp_path: Path) -> None:
    path = temporary(tmp_path, 10**30, 3000)
    assert sweep_temporaries(str(tmp_path), NOW) == 0
    assert path.exists()


@pytest.mark.parametrize(
    "name", ["state.json", "a.tmp-", "a.tmp-12x", "data.db.corrupt-1", "tmp-5"]
)
def test_nothing_else_is_touched(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("{")
    os.utime(path, (0, 0))
    assert sweep_temporaries(str(tmp_path), NOW) == 0
    assert path.exists()


def test_no_signal_is_sent_on_windows(dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        windows.setattr(os, "kill", lambda *_arguments: pytest.fail("asked"))
        found = may_live(dead)

    assert found
    assert not may_live(dead)

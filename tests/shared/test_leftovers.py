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


@pytest.mark.parametrize(
    ("process", "longest"), [("dead", 60), ("living", 3600), ("of another system", 3600)]
)
def test_a_file_goes_after_a_time(tmp_path: Path, dead: int, process: str, longest: int) -> None:
    pid = {"dead": dead, "living": os.getpid(), "of another system": 10**30}[process]
    for age, stays in ((longest - 1, True), (longest + 1, False)):
        path = temporary(tmp_path, pid, age)
        sweep_temporaries(str(tmp_path), NOW)
        assert path.exists() == stays


@pytest.mark.parametrize(
    "name", ["state.json", "a.tmp-", "a.tmp-12x", "data.db.corrupt-1", "tmp-5"]
)
def test_nothing_else_is_touched(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("{")
    os.utime(path, (0, 0))
    sweep_temporaries(str(tmp_path), NOW)
    assert path.exists()


def test_no_signal_is_sent_on_windows(dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        windows.setattr(os, "kill", lambda *_arguments: pytest.fail("asked"))
        found = may_live(dead)

    assert found
    assert not may_live(dead)

"""State on disk: whole or not at all, and readable whatever it holds."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from shared.events import unreported
from shared.state_file import KeptState, parse_moment, read_state, write_state
from tests.reported import Reported, no_report
from tests.validation.strategies import ANY_TEXT, JSON

NOW = 1_750_000_000.9


@pytest.fixture
def reports() -> Reported:
    return Reported()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.json")


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    """A system's fault that passes: this process has too many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def names(tmp_path: Path) -> list[str]:
    return sorted(entry.name for entry in tmp_path.iterdir())


def test_written_state_is_read_again(path: str, tmp_path: Path, reports: Reported) -> None:
    write_state(path, {"count": 1})
    write_state(path, {"count": 2, "text": "ü\n\ud800"})
    assert read_state(path, reports, NOW) == {"count": 2, "text": "ü\n\ud800"}
    assert names(tmp_path) == ["state.json"]
    assert reports == []


@settings(max_examples=40)
@given(st.dictionaries(ANY_TEXT, JSON, max_size=4))
def test_any_json_object_comes_back(path: str, state: dict[str, Any]) -> None:
    write_state(path, state)
    assert read_state(path, no_report, NOW) == state


@pytest.mark.parametrize(
    "torn",
    [
        *(b"", b'{"count": 1', b"\x00" * 64, b"\xff\xfe{}", b'{"a": 1}{"a": 2}'),
        *(b"[1, 2]", b"5", b"null", b'"text"'),
    ],
)
def test_what_is_no_json_object_is_set_aside_and_reported_once(
    path: str, tmp_path: Path, reports: Reported, torn: bytes
) -> None:
    Path(path).write_bytes(torn)
    assert read_state(path, reports, NOW) == {}
    assert read_state(path, reports, NOW + 1) == {}
    assert reports == ["state_reset"]
    assert (tmp_path / "state.json.corrupt-1750000000").read_bytes() == torn
    assert names(tmp_path) == ["state.json.corrupt-1750000000"]


def test_a_folder_in_the_files_place_is_set_aside(path: str, reports: Reported) -> None:
    Path(path).mkdir()
    assert read_state(path, reports, NOW) == {}
    write_state(path, {"count": 1})
    assert read_state(path, reports, NOW) == {"count": 1}
    assert len(reports) == 1


def test_a_place_that_cannot_be_written_to_is_an_os_error(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("no folder")
    with pytest.raises(OSError, match="file"):
        write_state(str(blocker / "state.json"), {})
    with pytest.raises(OSError, match="missing"):
        write_state(str(tmp_path / "missing" / "state.json"), {})


REWRITE = """
import sys
from shared.state_file import write_state
number = 0
while True:
    number += 1
    write_state(sys.argv[1], {"number": number, "again": number, "padding": "x" * 50_000})
    if number == 3:
        print("going", flush=True)
"""


def test_a_killed_writer_never_leaves_half_a_state(path: str, reports: Reported) -> None:
    repository = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", REWRITE, path]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        seen = [read_state(path, reports, NOW) for _ in range(200)]
        writer.kill()
    seen.append(read_state(path, reports, NOW))
    assert reports == []
    assert all(state["number"] == state["again"] for state in seen)
    assert len(Path(path).read_bytes()) == len(json.dumps(seen[-1]))
    assert os.path.getsize(path) > 50_000


def test_of_files_that_could_not_be_read_the_newest_three_stay(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    (tmp_path / "state.json.corrupt-note.txt").write_text("somebody's own")
    for second in range(6):
        path.write_text(f"torn {second}")
        read_state(str(path), unreported, 1_750_000_000 + second)
    assert names(tmp_path) == [
        *(f"state.json.corrupt-{1_750_000_000 + second}" for second in (3, 4, 5)),
        "state.json.corrupt-note.txt",
    ]


def test_temporary_errors_quarantine_no_file(path: str, tmp_path: Path, reports: Reported) -> None:
    write_state(path, {"count": 1})
    with no_file_can_be_opened():
        assert read_state(path, reports, NOW) == {}
    assert reports == ["state_unreadable"]
    assert names(tmp_path) == ["state.json"]
    assert read_state(path, reports, NOW) == {"count": 1}


def test_a_state_that_was_not_read_is_not_written_over(path: str, reports: Reported) -> None:
    write_state(path, {"count": 1})
    file = KeptState(path, reports)
    with no_file_can_be_opened():
        assert [file.read(NOW), file.read(NOW + 1)] == [{}, {}]
    assert len(reports) == 1
    assert not file.write({"count": 0})
    assert read_state(path, reports, NOW) == {"count": 1}
    assert file.read(NOW) == {"count": 1}
    assert file.write({"count": 2})
    assert read_state(path, reports, NOW) == {"count": 2}


def test_a_time_that_windows_cannot_format_is_invalid() -> None:
    newest = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()

    assert [parse_moment(newest + more) for more in (0, 1)] == [newest, None]

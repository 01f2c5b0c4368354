"""Models and their files: read whatever is there, written when something changed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from shared.events import Report
from shared.state_file import parse_moment
from tests.reported import Reported, no_report
from tests.validation.strategies import JSON
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory
from worker.recovery import RecoveryScheduler
from worker.state_files import StateStore

NOW = 1_750_000_000.9


def breaker_at(path: Path, report: Report = no_report) -> StateStore[CircuitBreaker]:
    return StateStore(str(path), CircuitBreaker, report, NOW)


def recovery_at(path: Path) -> StateStore[RecoveryScheduler]:
    return StateStore(str(path), RecoveryScheduler, no_report, NOW)


def history_at(path: Path, report: Report = no_report) -> StateStore[OutageHistory]:
    return StateStore(str(path), OutageHistory, report, NOW, list)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def names(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))


def test_each_model_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("breaker.json", "recovery.json", "history.json")]
    breaker, recovery, history = breaker_at(paths[0]), recovery_at(paths[1]), history_at(paths[2])
    for _ in range(5):
        breaker.model.record_failure(NOW)
    recovery.model.record_check(NOW, healthy=False)
    history.model.begin(NOW)
    assert [store.save() for store in (breaker, recovery, history)] == [True] * 3
    assert breaker_at(paths[0]).model.state is CircuitState.OPEN
    assert recovery_at(paths[1]).model.state == recovery.model.state
    assert history_at(paths[2]).model.records == history.model.records


def test_nothing_is_written_while_nothing_changes(path: Path) -> None:
    store = breaker_at(path)
    store.model.record_success(NOW)
    assert not store.save()
    assert names(path) == []
    store.model.record_failure(NOW)
    assert [store.save(), store.save()] == [True, False]
    before = path.stat().st_ino
    again = breaker_at(path)
    assert not again.save()
    again.model.record_success(NOW)
    again.model.record_failure(NOW)
    assert not again.save()
    assert path.stat().st_ino == before


def test_a_write_that_failed_is_tried_again(path: Path) -> None:
    store = breaker_at(path)
    store.model.record_failure(NOW)
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        store.save()
    (path / "inside").unlink()
    path.rmdir()
    assert store.save()


def test_a_corrupt_file_is_set_aside_and_reported(path: Path) -> None:
    path.write_text("{torn")
    reports = Reported()
    store = breaker_at(path, reports)
    assert store.model.state is CircuitState.CLOSED
    assert len(reports) == 1
    assert not store.save()
    assert names(path) == ["state.json.corrupt-1750000000"]


@settings(max_examples=25)
@given(JSON)
def test_any_json_loads_and_saves(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
    reports = Reported()
    for store in (breaker_at(path, reports), history_at(path, reports)):
        store.save()
        assert not store.save()


@pytest.mark.parametrize(
    "raw", [None, True, "5", [], -1, 1e300, 10**400, float("nan"), float("inf")], ids=str
)
def test_what_is_no_moment(raw: Any) -> None:
    assert parse_moment(raw) is None


def test_a_file_that_could_not_be_read_outlives_what_happens_since(path: Path) -> None:
    path.symlink_to(path)
    reports = Reported()
    store = breaker_at(path, reports)
    store.model.record_failure(NOW)
    assert not store.save()
    assert path.is_symlink()
    assert len(reports) == 1

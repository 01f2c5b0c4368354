import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.reported import no_report
from tests.sync_queue.support import NOW, Clock
from tests.validation.strategies import JSON, json_object
from worker.stats import SyncStats

COUNTS = [
    "jobs_processed",
    "jobs_succeeded",
    "jobs_failed",
    "jobs_to_dlq",
    "high_confidence_matches",
    "low_confidence_matches",
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "stats.json")


def load(path: str) -> SyncStats:
    return SyncStats(path, no_report, Clock(NOW))


def stored(path: str) -> Any:
    return json.loads(Path(path).read_text())


def test_successes_and_failures_are_counted(path: str) -> None:
    stats = load(path)
    stats.succeeded(1.5, synced=True)
    stats.failed("PlexNotFound", dead=False)
    stats.failed("PlexNotFound", dead=True)
    stats.failed("KeyError", dead=True)
    assert stats.counts == {
        **dict.fromkeys(COUNTS, 0),
        "jobs_processed": 4,
        "jobs_succeeded": 1,
        "jobs_failed": 3,
        "jobs_to_dlq": 2,
    }
    assert stats.errors_by_type == {"PlexNotFound": 2, "KeyError": 1}
    assert stats.total_processing_time == 1.5


def test_counting_goes_on_after_a_restart(path: str) -> None:
    for total in (1, 2, 3):
        stats = load(path)
        stats.succeeded(0.5, synced=True)
        stats.failed("KeyError", dead=False)
        stats.save()
        assert stored(path)["jobs_succeeded"] == total
        assert stored(path)["errors_by_type"] == {"KeyError": total}
        assert stored(path)["total_processing_time"] == total * 0.5


def test_what_is_stored_has_the_known_names(path: str) -> None:
    load(path).save()
    assert set(stored(path)) == {
        *COUNTS,
        "total_processing_time",
        "session_start",
        "errors_by_type",
        "hours",
    }
    assert stored(path)["session_start"] == NOW


STATS_LIKE = json_object(
    **dict.fromkeys(COUNTS, st.integers(0, 10**6)),
    total_processing_time=st.floats(0, 1e6),
    errors_by_type=st.dictionaries(st.text(), st.integers(0, 99) | JSON, max_size=3),
)


@given(STATS_LIKE)
def test_any_object_in_the_file_is_read_as_counts(path: str, content: Any) -> None:
    Path(path).write_text(json.dumps(content))
    stats = load(path)
    counts = [*stats.counts.values(), *stats.errors_by_type.values()]
    assert min(counts) >= 0
    stats.failed("KeyError", dead=True)
    stats.save()
    assert load(path).counts == stats.counts
    assert load(path).errors_by_type == stats.errors_by_type


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "NaN", "-1", "true"])
def test_a_number_that_is_none_is_no_time(path: str, number: str) -> None:
    Path(path).write_text(f'{{"total_processing_time": {number}, "jobs_processed": {number}}}')
    stats = SyncStats(path, no_report, Clock())
    assert (stats.total_processing_time, stats.counts["jobs_processed"]) == (0.0, 0)

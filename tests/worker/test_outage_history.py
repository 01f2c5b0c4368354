"""The outage history: one record per outage, each with an end, and figures that follow from it."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import JSON, json_object
from worker.outage_history import (
    OutageHistory,
    OutageMetrics,
    OutageRecord,
    calculate_outage_metrics,
    format_duration,
)
from worker.recovery import RecoveryState

NOW = 1_750_000_000.0
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


def killed(history: OutageHistory) -> OutageHistory:
    return OutageHistory.from_state(json.loads(json.dumps(history.to_state())))


def signs(recovery: float, check: float) -> RecoveryState:
    return RecoveryState(last_recovery_time=recovery, last_check_time=check)


def entry(start: float, end: float | None = None, **more: Any) -> dict[str, Any]:
    duration = None if end is None else end - start
    return {"started_at": start, "ended_at": end, "duration": duration, "jobs_affected": 0, **more}


def spans(history: OutageHistory) -> list[tuple[float, float | None, bool]]:
    return [(one.started_at, one.ended_at, one.estimated) for one in history.records]


def test_an_outage_has_a_start_an_end_and_those_who_waited() -> None:
    history = OutageHistory()
    history.begin(NOW)
    for waiting in (3, 12, 7):
        history.note_waiting_jobs(waiting)
    assert history.ongoing == OutageRecord(NOW, jobs_affected=12)
    assert history.end(NOW + 125) == OutageRecord(NOW, NOW + 125, 12)
    assert killed(history).ongoing is None
    assert history.to_state() == [
        {"started_at": NOW, "ended_at": NOW + 125, "duration": 125.0, "jobs_affected": 12}
    ]


def test_a_re_opening_is_the_same_outage() -> None:
    history = OutageHistory()
    for minute in range(60):
        history.begin(NOW + 60 * minute)
    history.end(NOW + HOUR)
    assert spans(history) == [(NOW, NOW + HOUR, False)]
    assert calculate_outage_metrics(history.records).mttr == HOUR


def test_the_newest_30_are_kept() -> None:
    history = OutageHistory()
    for number in range(100):
        history.begin(NOW + 100 * number)
        history.end(NOW + 100 * number + 1)
    assert [one.started_at for one in history.records] == [NOW + 100 * n for n in range(70, 100)]
    assert len(killed(history).records) == 30


def test_an_outage_survives_a_kill() -> None:
    history = OutageHistory()
    history.begin(NOW)
    history.note_waiting_jobs(4)
    history = killed(history)
    history.reconcile(NOW + 50, NOW + 40, signs(0, NOW + 45))
    assert history.end(NOW + 60) == OutageRecord(NOW, NOW + 60, 4)


@pytest.mark.parametrize(
    ("recovery", "check", "end"),
    [
        (NOW + 300, NOW + 290, NOW + 300),
        (NOW - DAY, NOW + 290, NOW + 290),
        (NOW - DAY, NOW - DAY, NOW),
        (0.0, 0.0, NOW),
        (NOW + YEAR, NOW + 290, NOW + 290),
    ],
)
def test_an_open_record_ends_at_a_known_time(recovery: float, check: float, end: float) -> None:
    history = OutageHistory.from_state([entry(NOW)])
    history.reconcile(NOW + 2 * DAY, None, signs(recovery, check))
    assert spans(history) == [(NOW, end, True)]
    assert history.to_state()[0]["estimated"] is True
    assert spans(killed(history)) == spans(history)


def test_an_open_breaker_without_a_record_gets_one() -> None:
    history = OutageHistory.from_state([entry(NOW - DAY, NOW - DAY + 60)])
    history.reconcile(NOW, NOW - 100, signs(0, 0))
    assert spans(history)[1] == (NOW - 100, None, True)
    assert spans(killed(history)) == spans(history)


def test_the_last_opening_of_an_outage_brings_its_end() -> None:
    openings = [entry(NOW + 61 * n) for n in range(58)]
    history = OutageHistory.from_state([*openings, entry(NOW + 61 * 58, NOW + HOUR)])
    assert spans(history) == [(NOW, NOW + HOUR, False)]


def test_what_began_hours_later_was_another_outage() -> None:
    state = [entry(NOW), entry(NOW + 60), entry(NOW + DAY), entry(NOW + 2 * DAY, NOW + 2 * DAY + 9)]
    assert spans(OutageHistory.from_state(state)) == [
        (NOW, NOW + 60, True),
        (NOW + DAY, NOW + DAY, True),
        (NOW + 2 * DAY, NOW + 2 * DAY + 9, False),
    ]


def test_a_duration_that_is_missing_or_wrong_follows_from_the_times() -> None:
    state = [entry(NOW, NOW + 10), entry(NOW + 50, NOW + 70)]
    state[0]["duration"] = None
    state[1]["duration"] = "long"
    history = OutageHistory.from_state(state)
    assert [one.duration for one in history.records] == [10, 20]
    assert calculate_outage_metrics(history.records).mttr == 15


_MOMENT = st.none() | st.floats() | st.floats(NOW, NOW + DAY) | st.integers()
_RECORD = json_object(
    started_at=_MOMENT, ended_at=_MOMENT, duration=_MOMENT, jobs_affected=st.integers()
)


@given(st.one_of(JSON, st.lists(_RECORD, max_size=8)), st.booleans(), st.floats(0, 2 * NOW))
def test_whatever_a_file_holds_it_becomes_a_history(raw: Any, closed: bool, moment: float) -> None:
    history = OutageHistory.from_state(raw)
    opened_at = None if closed else moment
    history.reconcile(NOW, opened_at, signs(moment, moment))
    assert (history.ongoing is None) is closed
    assert all(one.ended_at is not None for one in history.records[:-1])
    assert all(one.duration is None or one.duration >= 0 for one in history.records)
    assert spans(killed(history)) == spans(history)
    metrics = calculate_outage_metrics(history.records)
    assert 0 <= metrics.availability <= 100
    assert metrics.mttr >= 0
    assert metrics.mtbf >= 0


@pytest.mark.parametrize("step", [-HOUR, -YEAR, -60.0, HOUR, YEAR])
def test_no_step_of_the_clock_makes_a_duration_negative(step: float) -> None:
    history = OutageHistory()
    history.begin(NOW)
    record = history.end(NOW + step)
    assert record is not None
    assert record.duration == max(0.0, step)
    assert record.ended_at == NOW + max(0.0, step)
    assert record.estimated is (step < 0)
    metrics = calculate_outage_metrics(history.records)
    assert metrics.mttr >= 0
    assert metrics.availability == 100


def test_the_time_between_failures_is_from_end_to_start() -> None:
    records = [
        OutageRecord(NOW, NOW + 100),
        OutageRecord(NOW + 1000, NOW + 1200),
        OutageRecord(NOW + 1800, NOW + 1800),
        OutageRecord(NOW + 5000),
    ]
    assert calculate_outage_metrics(records) == OutageMetrics(100, 750, 750 / 850 * 100, 300, 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (5.9, "5s"),
        (60, "1m 0s"),
        (125, "2m 5s"),
        (3599, "59m 59s"),
        (3900, "1h 5m"),
        (DAY, "1d 0h"),
        (2 * DAY + 3 * HOUR + 59 * 60, "2d 3h"),
        (400 * DAY, "400d 0h"),
    ],
)
def test_durations_read_in_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text

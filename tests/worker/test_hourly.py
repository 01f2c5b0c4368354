from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st

from tests.reported import no_report
from tests.sync_queue.support import Clock
from tests.validation.strategies import JSON
from worker.stats import HOUR, MOST_HOURS, HourlyRecords, HourRecord, SyncStats

NOON = 500_000 * HOUR


def test_what_ends_in_one_hour_is_one_record(tmp_path: Path) -> None:
    clock = Clock(NOON + 1)
    stats = SyncStats(str(tmp_path / "stats.json"), no_report, clock)
    stats.succeeded(2.0, synced=True)
    clock.now = NOON + HOUR - 1
    stats.succeeded(3.0, synced=True)
    stats.failed("KeyError", dead=False)
    clock.now = NOON + HOUR
    stats.succeeded(1.0, synced=True)

    hours = stats.hours.since(0)
    assert hours == (HourRecord(NOON, 2, 1, 5.0), HourRecord(NOON + HOUR, 1, 0, 1.0))


def test_the_way_from_edit_to_plex_has_its_sum_and_its_longest(tmp_path: Path) -> None:
    stats = SyncStats(str(tmp_path / "stats.json"), no_report, Clock(NOON))
    for waited in (2.0, 7.5, -1.0):  # the last by a clock that was set back
        stats.arrived(NOON - waited)

    assert stats.hours.since(0) == (HourRecord(NOON, arrived=3, waited=9.5, longest=7.5),)


def test_an_hour_counts_until_it_has_ended() -> None:
    hours = HourlyRecords((HourRecord(NOON, 1), HourRecord(NOON + HOUR, 2)))

    assert hours.since(NOON + HOUR - 1) == hours.since(0)
    assert hours.since(NOON + HOUR) == (HourRecord(NOON + HOUR, 2),)


def test_a_clock_that_was_set_back_takes_the_hours_with_it_that_have_not_come() -> None:
    hours = HourlyRecords()
    hours.at(NOON + 9 * HOUR).synced += 1
    hours.at(NOON).synced += 1

    assert hours.since(0) == (HourRecord(NOON, 1),)


@given(st.lists(st.floats(0, 400 * HOUR), max_size=200))
def test_there_are_never_more_than_two_days_and_always_in_their_order(moments: list[float]) -> None:
    hours = HourlyRecords()
    for now in moments:
        hours.at(now).seconds += 1.25

    found = [record.hour for record in hours.since(0)]
    assert found == sorted(set(found))
    assert len(found) <= MOST_HOURS
    assert HourlyRecords.from_state(hours.to_state()).to_state() == hours.to_state()


@given(JSON | st.lists(st.fixed_dictionaries({"hour": JSON, "synced": JSON, "seconds": JSON})))
def test_whatever_is_stored_gives_hours_that_can_be_counted_on(stored: Any) -> None:
    hours = HourlyRecords.from_state(stored)
    hours.at(NOON).synced += 1

    assert hours.since(0)[-1].synced >= 1

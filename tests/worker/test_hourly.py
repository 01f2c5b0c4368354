"""What was done in each of the last hours."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.validation.strategies import JSON
from worker.stats import HOUR, MOST_HOURS, HourlyRecords, HourRecord

NOON = 500_000 * HOUR


def test_what_ends_in_one_hour_is_one_record() -> None:
    hours = HourlyRecords()
    hours.synced(NOON + 1, 2.0)
    hours.synced(NOON + HOUR - 1, 3.0)
    hours.failed(NOON + 7)
    hours.synced(NOON + HOUR, 1.0)

    assert hours.since(0) == (HourRecord(NOON, 2, 1, 5.0), HourRecord(NOON + HOUR, 1, 0, 1.0))


def test_the_way_from_edit_to_plex_has_its_sum_and_its_longest() -> None:
    hours = HourlyRecords()
    for waited in (2.0, 7.5, -1.0):  # the last by a clock that was set back
        hours.arrived(NOON, waited)

    assert hours.since(0) == (HourRecord(NOON, arrived=3, waited=9.5, longest=7.5),)


def test_an_hour_counts_until_it_has_ended() -> None:
    hours = HourlyRecords((HourRecord(NOON, 1), HourRecord(NOON + HOUR, 2)))

    assert hours.since(NOON + HOUR - 1) == hours.since(0)
    assert hours.since(NOON + HOUR) == (HourRecord(NOON + HOUR, 2),)


def test_a_clock_that_was_set_back_takes_the_hours_with_it_that_have_not_come() -> None:
    hours = HourlyRecords()
    hours.synced(NOON + 9 * HOUR, 1.0)
    hours.synced(NOON, 1.0)

    assert hours.since(0) == (HourRecord(NOON, 1, 0, 1.0),)


EVENTS = st.tuples(st.floats(0, 400 * HOUR), st.sampled_from(("synced", "failed", "arrived")))


@given(st.lists(EVENTS, max_size=200))
def test_there_are_never_more_than_two_days_and_always_in_their_order(
    events: list[tuple[float, str]],
) -> None:
    hours = HourlyRecords()
    for now, event in events:
        getattr(hours, event)(now, *(() if event == "failed" else (1.25,)))

    found = [record.hour for record in hours.since(0)]
    assert found == sorted(set(found))
    assert len(found) <= MOST_HOURS
    assert HourlyRecords.from_state(hours.to_state()).to_state() == hours.to_state()


@given(JSON | st.lists(st.fixed_dictionaries({"hour": JSON, "synced": JSON, "seconds": JSON})))
def test_whatever_is_stored_gives_hours_that_can_be_counted_on(stored: Any) -> None:
    hours = HourlyRecords.from_state(stored)
    hours.synced(NOON, 1.0)

    assert hours.since(0)[-1].synced >= 1

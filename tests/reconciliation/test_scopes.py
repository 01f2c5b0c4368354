"""Which scenes a run looks at, whatever the offset of Stash's time stamps."""

import datetime

import pytest
from hypothesis import given, strategies as st

from reconciliation.state import Scope
from tests.sync_queue.support import NOW
from tests.validation.strategies import ANY_TEXT
from validation.scene_extractor import asked_since, is_since, moment_of

HOUR, DAY = 3600, 86_400
OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
SCOPES = [(Scope.RECENT, 1), (Scope.WEEK, 7)]


def created(moment: float, zone: datetime.tzinfo = datetime.UTC) -> str:
    return datetime.datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")


def since(scope: Scope) -> float:
    found = scope.since(NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(("scope", "days"), SCOPES)
def test_a_scope_ends_where_its_days_are_over(scope: Scope, days: int) -> None:
    assert is_since(created(NOW - days * DAY), since(scope))
    assert not is_since(created(NOW - days * DAY - 1), since(scope))
    assert is_since(created(NOW + DAY), since(scope))


@given(scope=st.sampled_from(SCOPES), age=st.integers(-DAY, 9 * DAY), zone=OFFSETS)
def test_stash_is_asked_for_all_that_the_scope_has_whatever_its_offset(
    scope: tuple[Scope, int], age: int, zone: datetime.timezone
) -> None:
    text, start = created(NOW - age, zone), since(scope[0])
    assert is_since(text, start) == (age <= scope[1] * DAY)
    if is_since(text, start):
        assert text > asked_since(start)  # as text, as Stash compares


def test_stash_is_not_asked_for_much_more_than_the_scope_has() -> None:
    assert created(NOW - 3 * DAY) < asked_since(since(Scope.RECENT))


@given(ANY_TEXT)
def test_a_scene_whose_time_cannot_be_read_is_in_every_scope(text: str) -> None:
    if moment_of(text) is None:
        assert is_since(text, since(Scope.RECENT))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-06-15T15:06:40Z", NOW),
        ("2025-06-15T17:06:40+02:00", NOW),
        ("2025-06-15T15:06:40", NOW),
        ("2025-06-15T15:06:40.5Z", NOW + 0.5),
        ("", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_a_time_stamp_is_read_with_its_offset(text: str, moment: float | None) -> None:
    assert moment_of(text) == moment

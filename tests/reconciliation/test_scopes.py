"""Which scenes a run looks at, whatever the offset of Stash's time stamps."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.run import Scope, window_of
from tests.sync_queue.support import NOW
from tests.validation.strategies import ANY_TEXT
from validation.scene_extractor import StashScene, moment_of

HOUR, DAY = 3600, 86_400
OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
SCOPES = [(Scope.RECENT, 1), (Scope.WEEK, 7)]


def created(moment: float, zone: datetime.tzinfo = datetime.UTC) -> StashScene:
    text = datetime.datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
    return StashScene(1, created_at=text)


@pytest.mark.parametrize(("scope", "days"), SCOPES)
def test_a_window_ends_where_its_days_are_over(scope: Scope, days: int) -> None:
    window = window_of(scope, NOW)
    assert window.has(created(NOW - days * DAY))
    assert not window.has(created(NOW - days * DAY - 1))
    assert window.has(created(NOW + DAY))


@given(
    scope=st.sampled_from([scope for scope, _ in SCOPES]),
    age=st.integers(-DAY, 9 * DAY),
    zone=OFFSETS,
)
def test_stash_is_asked_for_all_that_the_window_has_whatever_its_offset(
    scope: Scope, age: int, zone: datetime.timezone
) -> None:
    scene, window = created(NOW - age, zone), window_of(scope, NOW)
    assert window.has(scene) == (age <= (scope.days or 0) * DAY)
    if window.has(scene):
        assert scene.created_at > window.asked  # as text, as Stash compares


def test_stash_is_not_asked_for_much_more_than_the_window_has() -> None:
    window = window_of(Scope.RECENT, NOW)
    assert created(NOW - 3 * DAY).created_at < window.asked


@given(ANY_TEXT)
def test_a_scene_whose_time_cannot_be_read_is_in_every_window(text: str) -> None:
    if moment_of(text) is None:
        assert window_of(Scope.RECENT, NOW).has(StashScene(1, created_at=text))


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

"""When a library is asked for nothing, for what changed, and for everything."""

from dataclasses import replace

import pytest

from plex.items import Place
from plex.library import LISTING_AGE, LONGEST_LISTING_AGE, TRUST_CHANGE_MARK, Refresh, next_refresh
from plex.listing import LISTING_PAGE
from plex.path_index import Listing

NOW = 1_750_000_000.0
LAST = Listing(NOW, "1", NOW, "1", Place(2 * LISTING_PAGE + 1, 9000), 1_749_000_000)


def look(last: Listing | None, mark: str, after: float) -> Refresh:
    return next_refresh(last, mark, NOW + after, whole=False)


def test_a_library_that_was_never_listed_is_listed() -> None:
    assert look(None, "1", 0) is Refresh.WHOLE


@pytest.mark.parametrize(
    ("mark", "after", "expected"),
    [
        ("1", 0, Refresh.NOTHING),
        ("1", TRUST_CHANGE_MARK - 1, Refresh.NOTHING),
        ("1", TRUST_CHANGE_MARK, Refresh.CHANGES),
        ("1", LONGEST_LISTING_AGE - 1, Refresh.CHANGES),
        ("1", LONGEST_LISTING_AGE, Refresh.WHOLE),
        ("2", 0, Refresh.CHANGES),
        ("2", LISTING_AGE - 1, Refresh.CHANGES),
        ("2", LISTING_AGE, Refresh.WHOLE),
        ("1", -1, Refresh.WHOLE),
        ("2", -1, Refresh.WHOLE),
    ],
)
def test_a_large_library_is_asked_for_changes(mark: str, after: float, expected: Refresh) -> None:
    assert look(LAST, mark, after) is expected


def test_what_was_looked_at_is_not_looked_at_again_until_the_mark_moves_on() -> None:
    looked = replace(LAST, looked_at=NOW + 100, looked_mark="2")
    assert look(looked, "2", 110) is Refresh.NOTHING
    assert look(looked, "3", 110) is Refresh.CHANGES


@pytest.mark.parametrize(
    "place",
    [*(Place(items, 9000) for items in (0, 1, 2 * LISTING_PAGE)), Place(LAST.place.rows)],
    ids=["empty", "one item", "small", "not sorted by Plex"],
)
def test_a_small_or_unsorted_library_is_listed(place: Place) -> None:
    assert look(replace(LAST, place=place), "2", 1) is Refresh.WHOLE


@pytest.mark.parametrize(
    ("mark", "after", "expected"),
    [
        ("1", TRUST_CHANGE_MARK - 1, Refresh.NOTHING),
        ("1", TRUST_CHANGE_MARK, Refresh.WHOLE),
        ("2", 0, Refresh.WHOLE),
        ("1", -1, Refresh.WHOLE),
    ],
)
def test_removals_need_a_whole_listing(mark: str, after: float, expected: Refresh) -> None:
    looked = replace(LAST, looked_at=NOW, looked_mark=mark)
    assert next_refresh(looked, mark, NOW + after, whole=True) is expected

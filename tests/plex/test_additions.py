"""What comes into Plex for scenes that have an item already: noticed by the way, and cheaply."""

from collections.abc import Iterator

import pytest

from plex.library import REFRESH_INTERVAL, TRUST_CHANGE_MARK
from simulators.plex import FakePlex, Kind
from tests.plex.support import FOLDER, Lab
from tests.sync_queue.support import Clock

ITEMS = 12
SKEW = -7200.0  # seconds; Plex's clock is its own
DAY = 86_400


@pytest.fixture
def plex(clock: Clock) -> Iterator[FakePlex]:
    with FakePlex(clock=lambda: clock.now + SKEW) as server:
        yield server


@pytest.fixture
def lab(lab: Lab) -> Lab:
    for n in range(ITEMS):
        at = int(lab.clock.now + SKEW) - DAY + n
        lab.add(f"{n}.mp4", added_at=at, updated_at=at)
    lab.opened().prepare()
    lab.clock.now += 300
    lab.library.prepare()
    lab.library.poll_new_items()
    lab.clock.now += REFRESH_INTERVAL
    lab.plex.log.clear()
    return lab


def test_an_item_that_was_added_is_noticed_with_two_requests(lab: Lab) -> None:
    item = lab.add("new.mp4", added_at=1, updated_at=1)
    news = lab.library.listings
    lab.library.poll_new_items()
    assert lab.found("new.mp4") == [item.rating_key]
    assert dict(lab.plex.log.kinds()) == {"sections": 1, "listing": 1}
    assert lab.library.listings == news + 1


def test_a_worker_that_starts_asks_for_the_libraries_once_only(lab: Lab) -> None:
    item = lab.add("new.mp4")
    started = lab.opened()
    started.prepare()
    started.poll_new_items()
    assert lab.found("new.mp4") == [item.rating_key]
    assert lab.plex.log.count(kind="sections") == lab.plex.log.count(kind="listing") == 1


def test_however_often_it_is_called_plex_is_asked_once_per_interval(lab: Lab) -> None:
    for _ in range(3):
        for _ in range(20):
            lab.plex.edit(1, title=f"an edit of ours at {lab.clock.now}")
            lab.clock.now += REFRESH_INTERVAL / 20
            lab.library.poll_new_items()
    assert lab.plex.log.count(kind="sections") <= 4
    assert lab.plex.log.count(kind="listing") <= 4


def test_what_we_edit_ourselves_is_not_listed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_in: list[int] = []
    add = lab.index.add

    def counted(section: int, parts: list[object]) -> bool:
        taken_in.append(len(parts))
        return add(section, parts)  # type: ignore[arg-type]

    monkeypatch.setattr(lab.index, "add", counted)
    for key in range(1, ITEMS + 1):
        lab.plex.edit(key, title="ours")
    lab.library.poll_new_items()
    assert sum(taken_in) == 0
    assert lab.plex.log.count(kind="listing") == 1


def test_where_no_change_mark_has_moved_nothing_is_listed(lab: Lab) -> None:
    lab.library.poll_new_items()
    assert dict(lab.plex.log.kinds()) == {"sections": 1}


def test_a_change_mark_that_stands_still_is_believed_for_a_while_only(lab: Lab) -> None:
    mark = lab.section.content_changed_at
    item = lab.add("new.mp4")
    lab.section.content_changed_at = mark
    lab.library.poll_new_items()
    assert lab.found("new.mp4") == []
    lab.clock.now += TRUST_CHANGE_MARK
    lab.library.poll_new_items()
    assert lab.found("new.mp4") == [item.rating_key]


def test_each_time_only_what_came_after_the_last_time_is_asked_for(lab: Lab) -> None:
    for n in range(3):
        item = lab.add(f"new{n}.mp4")
        lab.plex.log.clear()
        lab.library.poll_new_items()
        assert lab.found(item.files[0]) == [item.rating_key]
        (asked,) = lab.plex.log.select(kind="listing")
        assert asked.headers["x-plex-container-start"] == str(ITEMS + n - 1)
        lab.clock.now += REFRESH_INTERVAL


def test_what_was_looked_at_otherwise_a_moment_ago_is_not_asked_for(lab: Lab) -> None:
    assert lab.library.refresh()
    lab.add("new.mp4")
    lab.plex.log.clear()
    lab.library.poll_new_items()
    assert lab.plex.log.since(0) == []


def test_a_library_that_is_new_or_was_empty_is_listed(lab: Lab) -> None:
    empty = lab.plex.add_section("Empty", [FOLDER])
    lab.library.poll_new_items()
    assert lab.index.last_listing(empty.key) is not None
    lab.clock.now += REFRESH_INTERVAL
    item = lab.plex.add_item(empty, f"{FOLDER}/1.mp4")
    lab.library.poll_new_items()
    assert item.rating_key in lab.found("1.mp4")


def test_a_server_that_does_not_sort_is_not_listed_for_it(lab: Lab) -> None:
    lab.switch(ignored_sorts=frozenset(("id",)))
    for n in range(5):
        lab.add(f"1{n}new.mp4")
        lab.library.poll_new_items()
        lab.clock.now += REFRESH_INTERVAL
    assert lab.plex.log.count(kind="listing") == 1
    assert lab.library.refresh()
    assert lab.found("14new.mp4") != []
    lab.switch(ignored_sorts=frozenset())
    lab.clock.now += REFRESH_INTERVAL
    lab.add("after.mp4")
    assert lab.library.refresh()
    lab.clock.now += REFRESH_INTERVAL
    lab.add("later.mp4")
    lab.library.poll_new_items()
    assert lab.found("later.mp4") != []


@pytest.mark.parametrize("kind", ["sections", "listing"])
def test_a_failed_poll_delays_nothing_and_is_repeated_later(lab: Lab, kind: Kind) -> None:
    item = lab.add("new.mp4")
    lab.plex.faults.status(500, kind=kind)
    lab.library.poll_new_items()
    lab.plex.faults.clear()
    lab.plex.log.clear()
    lab.library.poll_new_items()
    assert lab.plex.log.since(0) == []
    lab.clock.now += REFRESH_INTERVAL
    lab.library.poll_new_items()
    assert lab.found("new.mp4") == [item.rating_key]


def test_one_library_that_fails_hides_no_other(lab: Lab) -> None:
    other = lab.plex.add_section("Other", ["/other"])
    lab.plex.add_item(other, "/other/1.mp4")
    lab.library.poll_new_items()
    lab.clock.now += REFRESH_INTERVAL
    lab.add("new.mp4")
    item = lab.plex.add_item(other, "/other/new.mp4")
    lab.plex.faults.status(500, kind="listing", times=3)
    lab.library.poll_new_items()
    assert lab.found("/other/new.mp4") == [item.rating_key]


def test_a_clock_set_back_does_not_block_the_next_look(lab: Lab) -> None:
    lab.library.poll_new_items()
    item = lab.add("new.mp4")
    lab.clock.now -= DAY
    for _ in range(5):
        lab.library.poll_new_items()
    assert lab.found("new.mp4") == [item.rating_key]
    assert lab.plex.log.count(kind="sections") == 2

"""Files that the index does not have: found with few requests, and never given up for a filter."""

from collections.abc import Iterator
from typing import Any

import pytest

from plex import library as library_module, walk
from plex.exceptions import PlexServerDown, PlexTemporaryError
from plex.library import LIBRARIES_ASKED, LISTING_AGE, REFRESH_INTERVAL, SINGLE_LOOKS, Library
from simulators.plex import FakePlex
from simulators.traffic import Exchange, Fault
from tests.plex.support import FOLDER, Lab, client_of, keys_of
from tests.sync_queue.support import Clock

ITEMS = 300
SKEW = -7200.0  # seconds; Plex's clock is its own
YEAR = 365 * 86_400
MANY = [f"/elsewhere/missing{n}.mp4" for n in range(SINGLE_LOOKS + 1)]


@pytest.fixture
def plex(clock: Clock) -> Iterator[FakePlex]:
    with FakePlex(clock=lambda: clock.now + SKEW) as server:
        yield server


@pytest.fixture
def large(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(walk, "LISTING_PAGE", ITEMS // 3)
    monkeypatch.setattr(library_module, "SMALL", 2 * ITEMS // 3)
    return filled(lab, ITEMS)


def filled(lab: Lab, items: int) -> Lab:
    for n in range(items):
        at = long_ago(lab) + n
        lab.add(f"{n:05}.mp4", added_at=at, updated_at=at)
    lab.opened().prepare()
    lab.clock.now += 300
    lab.library.prepare()
    lab.plex.log.clear()
    return lab


def long_ago(lab: Lab) -> int:
    return int(lab.clock.now + SKEW) - YEAR


def copied(lab: Lab, name: str) -> int:
    return lab.add(name, added_at=long_ago(lab), updated_at=long_ago(lab)).rating_key


def test_a_library_of_thousands_costs_a_request_a_thousand_and_a_new_file_one(lab: Lab) -> None:
    library = filled(lab, 3000).library
    library.prepare()
    assert dict(lab.plex.log.kinds()) == {}
    items = [lab.add(f"new{n}.mp4") for n in range(5)]
    assert library.look_for([items[0].files[0]])
    assert dict(lab.plex.log.kinds()) == {"file_filter": 1}
    assert library.look_for([item.files[0] for item in items])
    assert dict(lab.plex.log.kinds()) == {"file_filter": 1, "sections": 1, "listing": 2}
    assert keys_of(lab.index) == set(range(1, 3006))
    lab.index.clear()
    lab.plex.log.clear()
    assert library.refresh()
    assert dict(lab.plex.log.kinds()) == {"sections": 1, "listing": 4}


CHANGES = {"sections": 1, "listing": 2}
NO_SORT = frozenset(("id", "updatedAt"))


@pytest.mark.parametrize(
    ("name", "switches", "asked"),
    [
        ("new, and with a comma.mp4", {}, {"file_filter": 1}),
        (",,,", {}, CHANGES),
        ("new.mp4", {"ignores_file_filter": True}, {"file_filter": 1, **CHANGES}),
        (
            "00000 new.mp4",
            {"ignores_file_filter": True, "ignored_sorts": NO_SORT},
            {"file_filter": 1, "sections": 1, "listing": 1 + 4},
        ),
    ],
)
def test_a_new_file_of_a_large_library_is_found_whatever_plex_filters_or_sorts(
    large: Lab, name: str, switches: dict[str, Any], asked: dict[str, int]
) -> None:
    large.switch(**switches)
    key = copied(large, name)
    news = large.library.listings
    assert large.library.look_for([f"{FOLDER}/{name}"])
    assert large.found(name) == [key]
    assert dict(large.plex.log.kinds()) == asked
    assert large.library.listings == news + 1


def test_a_file_is_found_though_plex_names_its_folder_differently(large: Lab) -> None:
    item = large.add("sub/new.mp4")
    assert large.library.look_for(["/stash/media/sub/new.mp4"])
    assert [part.rating_key for part in large.index.find_named("new.mp4")] == [item.rating_key]
    assert dict(large.plex.log.kinds()) == {"file_filter": 1}


def test_only_the_library_of_its_folder_is_asked_for_a_file(large: Lab) -> None:
    others = [large.plex.add_section(f"L{n}", [f"/l{n}", "/shared"]) for n in range(5)]
    library = large.opened()
    library.prepare()
    large.clock.now += REFRESH_INTERVAL
    item = large.plex.add_item(others[3], "/l3/new.mp4")
    large.plex.log.clear()
    assert library.look_for([item.files[0]])
    assert [one.path for one in large.plex.log.requests] == [
        f"/library/sections/{others[3].key}/all"
    ]
    assert large.found(item.files[0]) == [item.rating_key]


def test_a_file_of_two_libraries_is_found_in_both(lab: Lab) -> None:
    twin = lab.plex.add_section("Twin", lab.section.locations)
    library = lab.opened()
    library.prepare()
    lab.clock.now += REFRESH_INTERVAL
    keys = [lab.plex.add_item(one, f"{FOLDER}/new.mp4").rating_key for one in (lab.section, twin)]
    assert library.look_for([f"{FOLDER}/new.mp4"])
    assert lab.found("new.mp4") == keys


def test_a_file_outside_of_all_libraries_is_searched_in_a_few(lab: Lab) -> None:
    sections = [lab.plex.add_section(f"L{n}", [f"/l{n}"]) for n in range(LIBRARIES_ASKED + 1)]
    library = lab.opened()
    library.prepare()
    lab.clock.now += REFRESH_INTERVAL
    item = lab.plex.add_item(sections[-1], "/l3/new.mp4")
    lab.plex.log.clear()
    assert library.look_for(["/stash/new.mp4"])
    assert lab.plex.log.count(kind="file_filter") == LIBRARIES_ASKED
    assert lab.found("/l3/new.mp4") == [item.rating_key]


def test_a_file_that_plex_does_not_have_costs_one_request_and_is_no_news(large: Lab) -> None:
    news = large.library.listings
    assert large.library.look_for([f"{FOLDER}/missing.mp4"])
    assert dict(large.plex.log.kinds()) == {"file_filter": 1}
    assert large.library.listings == news


def test_a_renamed_file_is_found_and_its_old_name_forgotten(large: Lab) -> None:
    large.plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert large.library.look_for([f"{FOLDER}/seven.mp4"])
    assert large.found("seven.mp4") == [8]
    assert large.found("00007.mp4") == []


def test_a_name_with_two_spellings_is_also_searched_in_the_changes(large: Lab) -> None:
    item = large.add("Sce\u0300ne.mp4")
    assert large.library.look_for([f"{FOLDER}/Scène.mp4"])
    assert [part.rating_key for part in large.index.find_folded(f"{FOLDER}/Scène.mp4")] == [
        item.rating_key
    ]


def test_after_a_few_single_looks_it_is_the_libraries_turn_and_then_nobodys(large: Lab) -> None:
    asked = [large.library.look_for([f"{FOLDER}/missing{n}.mp4"]) for n in range(SINGLE_LOOKS + 9)]
    assert asked == [True] * (SINGLE_LOOKS + 1) + [False] * 8
    assert dict(large.plex.log.kinds()) == {"file_filter": SINGLE_LOOKS, "sections": 1}
    large.clock.now += REFRESH_INTERVAL
    large.plex.log.clear()
    assert large.library.look_for([f"{FOLDER}/missing.mp4"])
    assert dict(large.plex.log.kinds()) == {"file_filter": 1}


@pytest.mark.parametrize("count", [0, SINGLE_LOOKS + 1, 1000])
def test_many_files_are_looked_for_by_one_look_at_the_libraries(large: Lab, count: int) -> None:
    wanted = [f"{FOLDER}/missing{n}.mp4" for n in range(count)]
    assert [large.library.look_for(wanted) for _ in range(5)] == [True] + [False] * 4
    assert dict(large.plex.log.kinds()) == {"sections": 1}


def test_right_after_the_first_listing_nothing_is_looked_for(lab: Lab) -> None:
    lab.add("1.mp4")
    library = lab.opened()
    library.prepare()
    assert not library.look_for([f"{FOLDER}/2.mp4"])


def test_a_look_that_could_not_be_made_may_be_made_again_at_once(large: Lab) -> None:
    item = large.add("new.mp4")
    large.plex.maintenance()
    with pytest.raises(PlexServerDown):
        large.library.look_for([item.files[0]])
    large.plex.maintenance(False)
    assert large.library.look_for([item.files[0]])
    assert large.found(item.files[0]) == [item.rating_key]


def test_an_index_that_was_cleared_meanwhile_is_listed_anew(large: Lab) -> None:
    assert large.library.look_for(MANY)
    large.index.clear()
    assert large.library.look_for([f"{FOLDER}/00001.mp4"])
    assert len(keys_of(large.index)) == ITEMS


def test_what_is_new_in_a_large_library_is_listed_alone(large: Lab) -> None:
    items = [large.add(f"new{n}.mp4") for n in range(20)]
    large.plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert large.library.look_for(MANY)
    assert [large.found(item.files[0]) for item in items] == [[one.rating_key] for one in items]
    assert (large.found("seven.mp4"), large.found("00007.mp4")) == ([8], [])
    assert dict(large.plex.log.kinds()) == {"sections": 1, "listing": 2}


def test_each_look_asks_for_what_came_after_the_last_one_only(large: Lab) -> None:
    for n in range(3):
        large.clock.now += REFRESH_INTERVAL
        item = large.add(f"new{n}.mp4")
        large.plex.log.clear()
        assert large.library.look_for(MANY)
        assert large.found(item.files[0]) == [item.rating_key]
        added, updated = large.plex.log.select(kind="listing")
        assert added.headers["x-plex-container-start"] == str(ITEMS + n - 1)
        assert updated.param("sort") == "updatedAt:desc"


def test_ten_new_files_one_after_another_cost_no_whole_listing(lab: Lab) -> None:
    library = filled(lab, 5000).library
    for n in range(10):
        lab.clock.now += REFRESH_INTERVAL
        item = lab.add(f"new{n}.mp4")
        assert library.look_for([*MANY, item.files[0]])
        assert lab.found(item.files[0]) == [item.rating_key]
    # A whole listing of 5,000 items has at least five pages.
    assert dict(lab.plex.log.kinds()) == {"sections": 10, "listing": 20}
    # No filter by date is sent, so it does not matter which spelling of one the server knows.
    parameters = {key for request in lab.plex.log.requests for key, _ in request.query}
    assert not {key for key in parameters if key.startswith(("addedAt", "updatedAt"))}


def test_what_does_not_sort_by_update_is_listed_whole(large: Lab) -> None:
    large.switch(ignored_sorts=frozenset(("updatedAt",)))
    key = copied(large, "new.mp4")
    large.plex.remove_item(1)
    large.plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert large.library.look_for(MANY)
    assert large.found("new.mp4") == [key]
    assert large.found("seven.mp4") == [8]
    assert 1 not in keys_of(large.index)


def test_a_move_without_a_time_stamp_is_found_within_the_hour(large: Lab) -> None:
    begun, before = large.clock.now, large.plex.items()[6].updated_at
    large.plex.move_file(f"{FOLDER}/00006.mp4", f"{FOLDER}/moved.mp4")
    large.plex.items()[6].updated_at = before
    while not large.found("moved.mp4"):
        assert large.clock.now - begun < LISTING_AGE
        large.clock.now += REFRESH_INTERVAL
        large.plex.edit(1, title=f"edited at {large.clock.now}")
        large.library.look_for(MANY)
    assert large.plex.log.count(kind="listing") <= 2 * LISTING_AGE / REFRESH_INTERVAL + 4


def test_a_time_stamp_far_ahead_hides_nothing_that_comes_after_it(large: Lab) -> None:
    large.add("future.mp4", added_at=long_ago(large) + 2 * YEAR)
    assert large.library.look_for(MANY)
    large.clock.now += REFRESH_INTERVAL
    item = large.add("new.mp4")
    assert large.library.look_for(MANY)
    assert large.found(item.files[0]) == [item.rating_key]
    assert large.plex.log.count(kind="listing") == 4


def test_a_look_at_the_changes_that_breaks_off_is_made_again(large: Lab) -> None:
    item = large.add("new.mp4")
    large.plex.faults.status(500, kind="listing")
    with pytest.raises(PlexTemporaryError):
        large.library.look_for(MANY)
    large.plex.faults.clear()
    assert large.library.look_for(MANY)
    assert large.found(item.files[0]) == [item.rating_key]


def test_what_plex_lost_goes_with_a_refresh_though_the_changes_were_looked_at(large: Lab) -> None:
    large.plex.remove_item(1)
    assert large.library.look_for(MANY)
    assert 1 in keys_of(large.index)
    large.clock.now += REFRESH_INTERVAL
    assert large.library.refresh()
    assert 1 not in keys_of(large.index)


def test_a_refresh_does_not_go_by_a_look_at_the_changes_of_a_moment_ago(large: Lab) -> None:
    """A reconciliation that begins then must neither keep what Plex lost nor lack what it got."""
    assert large.library.look_for(MANY)
    large.clock.now += 1
    large.plex.remove_item(1)
    item = large.add("new.mp4")
    assert large.library.refresh()
    assert 1 not in keys_of(large.index)
    assert large.found(item.files[0]) == [item.rating_key]


def test_a_refresh_lists_nothing_where_nothing_changed_since_the_look(large: Lab) -> None:
    assert large.library.look_for(MANY)
    large.clock.now += 1
    large.plex.log.clear()
    assert [large.library.refresh() for _ in range(3)] == [True, False, False]
    assert dict(large.plex.log.kinds()) == {"sections": 1}


def test_after_a_refresh_nothing_is_looked_for_within_the_interval(large: Lab) -> None:
    assert large.library.refresh()
    assert not large.library.look_for(MANY)


def test_the_libraries_are_known_without_asking_again(lab: Lab) -> None:
    library = lab.opened()
    assert library.sections_known() == []
    library.prepare()
    for _ in range(3):
        assert [one.locations for one in library.sections_known()] == [lab.section.locations]
    assert lab.plex.log.count(kind="sections") == 1


def test_another_server_is_not_answered_from_what_the_first_one_held(large: Lab) -> None:
    large.plex.machine_identifier = "another" * 5
    client = client_of(large.plex)
    assert Library(client, large.index, "", large.clock).look_for([f"{FOLDER}/00001.mp4"])
    assert large.plex.log.count(kind="listing") == 3
    client.close()


def test_what_changes_behind_a_listing_is_found_by_the_look_after_it(large: Lab) -> None:
    """It belongs to a page that was read, and is older than what a later page shows."""

    def meanwhile(exchange: Exchange, _: Fault) -> bool:
        large.plex.move_file(f"{FOLDER}/00000.mp4", f"{FOLDER}/moved.mp4")
        large.clock.now += 40
        large.plex.edit(ITEMS, title="the last one")
        return exchange.answer(exchange.handle())

    large.index.clear()
    large.plex.faults.inject("meanwhile", meanwhile, kind="listing", after=1, times=1)
    assert large.library.refresh()
    assert large.found("moved.mp4") == []
    large.clock.now += REFRESH_INTERVAL
    mark = large.plex.log.mark()
    assert large.library.look_for(MANY)
    assert large.found("moved.mp4") != []
    assert large.plex.log.count(kind="listing", since=mark) == 2

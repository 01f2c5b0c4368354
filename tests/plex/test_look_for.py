"""Files that the index does not have: found with few requests, and never given up for a filter."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from plex import freshness, walk
from plex.client import PlexClient
from plex.exceptions import PlexServerDown, PlexTemporaryError
from plex.freshness import LISTING_AGE
from plex.library import LIBRARIES_ASKED, REFRESH_INTERVAL, SINGLE_LOOKS, Library
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Section
from simulators.plex.faults import Exchange, Fault
from tests.plex.support import client_of
from tests.sync_queue.support import Clock

FOLDER = "/plex/scenes"
ITEMS = 300
SKEW = -7200.0  # seconds; Plex's clock is its own
YEAR = 365 * 86_400
MANY = [f"/elsewhere/missing{n}.mp4" for n in range(SINGLE_LOOKS + 1)]


@pytest.fixture
def plex(clock: Clock) -> Iterator[FakePlex]:
    with FakePlex(clock=lambda: clock.now + SKEW) as server:
        yield server


@pytest.fixture
def library(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    index: PathIndex,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """A library that is large, as pages are small; listed some minutes ago by another process."""
    monkeypatch.setattr(walk, "LISTING_PAGE", ITEMS // 3)
    monkeypatch.setattr(freshness, "SMALL", 2 * ITEMS // 3)
    return filled(plex, section, client, index, clock, ITEMS)


def filled(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    index: PathIndex,
    clock: Clock,
    items: int,
) -> Library:
    for n in range(items):
        at = int(plex_time(clock)) - YEAR + n
        plex.add_item(section, f"{FOLDER}/{n:05}.mp4", added_at=at, updated_at=at)
    Library(client, index, "", clock).prepare()
    clock.now += 300
    listed = Library(client, index, "", clock)
    listed.prepare()
    plex.log.clear()
    return listed


def plex_time(clock: Clock) -> float:
    return clock.now + SKEW


def copied(plex: FakePlex, section: Section, clock: Clock, path: str) -> int:
    """A file that came with the time stamps of an old one."""
    old = int(plex_time(clock)) - YEAR
    return plex.add_item(section, path, added_at=old, updated_at=old).rating_key


def found(index: PathIndex, path: str) -> list[int]:
    return [part.rating_key for part in index.find_exact(path)]


def test_a_library_of_thousands_costs_a_request_a_thousand_and_a_new_file_one(
    plex: FakePlex, section: Section, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    library = filled(plex, section, client, index, clock, 3000)
    library.prepare()
    assert dict(plex.log.kinds()) == {}
    items = [plex.add_item(section, f"{FOLDER}/new{n}.mp4") for n in range(5)]
    assert library.look_for([items[0].files[0]])
    assert dict(plex.log.kinds()) == {"file_filter": 1}
    assert library.look_for([item.files[0] for item in items])
    assert dict(plex.log.kinds()) == {"file_filter": 1, "sections": 1, "listing": 2}
    assert index.rating_keys() == set(range(1, 3006))
    index.clear()
    plex.log.clear()
    assert library.refresh()
    assert dict(plex.log.kinds()) == {"sections": 1, "listing": 4}


def test_one_new_file_of_a_large_library_is_found_with_one_request(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new, and with a comma.mp4")
    news = library.listings
    assert library.look_for([item.files[0]])
    assert found(index, item.files[0]) == [item.rating_key]
    assert dict(plex.log.kinds()) == {"file_filter": 1}
    assert library.listings == news + 1


def test_a_file_is_found_though_plex_names_its_folder_differently(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/sub/new.mp4")
    assert library.look_for(["/stash/media/sub/new.mp4"])
    assert [part.rating_key for part in index.find_named("new.mp4")] == [item.rating_key]
    assert dict(plex.log.kinds()) == {"file_filter": 1}


def test_only_the_library_of_its_folder_is_asked_for_a_file(
    plex: FakePlex, client: PlexClient, library: Library, index: PathIndex, clock: Clock
) -> None:
    del library
    others = [plex.add_section(f"L{n}", [f"/l{n}", "/shared"]) for n in range(5)]
    library = Library(client, index, "", clock)
    library.prepare()
    clock.now += REFRESH_INTERVAL
    item = plex.add_item(others[3], "/l3/new.mp4")
    plex.log.clear()
    assert library.look_for([item.files[0]])
    assert [one.path for one in plex.log.requests] == [f"/library/sections/{others[3].key}/all"]
    assert found(index, item.files[0]) == [item.rating_key]


def test_a_file_of_two_libraries_is_found_in_both(
    plex: FakePlex, client: PlexClient, section: Section, index: PathIndex, clock: Clock
) -> None:
    twin = plex.add_section("Twin", section.locations)
    library = Library(client, index, "", clock)
    library.prepare()
    clock.now += REFRESH_INTERVAL
    keys = [plex.add_item(one, f"{FOLDER}/new.mp4").rating_key for one in (section, twin)]
    assert library.look_for([f"{FOLDER}/new.mp4"])
    assert found(index, f"{FOLDER}/new.mp4") == keys


def test_a_file_in_no_librarys_folder_is_asked_for_in_a_few_and_never_given_up_for_that(
    plex: FakePlex, client: PlexClient, section: Section, index: PathIndex, clock: Clock
) -> None:
    del section
    sections = [plex.add_section(f"L{n}", [f"/l{n}"]) for n in range(LIBRARIES_ASKED + 1)]
    library = Library(client, index, "", clock)
    library.prepare()
    clock.now += REFRESH_INTERVAL
    item = plex.add_item(sections[-1], "/l3/new.mp4")
    plex.log.clear()
    assert library.look_for(["/stash/new.mp4"])
    assert plex.log.count(kind="file_filter") == LIBRARIES_ASKED
    assert found(index, "/l3/new.mp4") == [item.rating_key]


def test_a_file_that_plex_does_not_have_costs_one_request_and_is_no_news(
    plex: FakePlex, library: Library
) -> None:
    news = library.listings
    assert library.look_for([f"{FOLDER}/missing.mp4"])
    assert dict(plex.log.kinds()) == {"file_filter": 1}
    assert library.listings == news


def test_a_renamed_file_is_found_and_its_old_name_forgotten(
    plex: FakePlex, library: Library, index: PathIndex
) -> None:
    plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert library.look_for([f"{FOLDER}/seven.mp4"])
    assert found(index, f"{FOLDER}/seven.mp4") == [8]
    assert found(index, f"{FOLDER}/00007.mp4") == []


def test_a_file_is_found_on_a_server_that_refuses_the_filter_by_file(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    plex.faults.status(500, kind="file_filter")
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    assert library.look_for([item.files[0]])
    assert found(index, item.files[0]) == [item.rating_key]


def test_a_file_is_found_on_a_server_that_ignores_every_filter(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.switches = replace(plex.switches, ignores_file_filter=True)
    key = copied(plex, section, clock, f"{FOLDER}/new.mp4")
    assert library.look_for([f"{FOLDER}/new.mp4"])
    assert found(index, f"{FOLDER}/new.mp4") == [key]
    assert dict(plex.log.kinds()) == {"file_filter": 1, "sections": 1, "listing": 2}


def test_a_file_is_found_on_a_server_that_neither_filters_nor_sorts(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.switches = replace(
        plex.switches, ignores_file_filter=True, ignored_sorts=frozenset(("id", "updatedAt"))
    )
    key = copied(plex, section, clock, f"{FOLDER}/00000 new.mp4")
    assert library.look_for([f"{FOLDER}/00000 new.mp4"])
    assert found(index, f"{FOLDER}/00000 new.mp4") == [key]
    assert dict(plex.log.kinds()) == {"file_filter": 1, "sections": 1, "listing": 1 + 4}


def test_letters_that_file_systems_write_in_two_ways_are_looked_for_among_the_changes_too(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/Sce\u0300ne.mp4")
    assert library.look_for([f"{FOLDER}/Scène.mp4"])
    assert [part.rating_key for part in index.find_folded(f"{FOLDER}/Scène.mp4")] == [
        item.rating_key
    ]


def test_a_name_without_anything_to_ask_for_is_looked_for_among_the_changes(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/,,,")
    assert library.look_for([f"{FOLDER}/,,,"])
    assert found(index, f"{FOLDER}/,,,") == [item.rating_key]
    assert plex.log.count(kind="file_filter") == 0


def test_after_a_few_single_looks_it_is_the_libraries_turn_and_then_nobodys(
    plex: FakePlex, library: Library, clock: Clock
) -> None:
    asked = [library.look_for([f"{FOLDER}/missing{n}.mp4"]) for n in range(SINGLE_LOOKS + 9)]
    assert asked == [True] * (SINGLE_LOOKS + 1) + [False] * 8
    assert dict(plex.log.kinds()) == {"file_filter": SINGLE_LOOKS, "sections": 1}
    clock.now += REFRESH_INTERVAL
    plex.log.clear()
    assert library.look_for([f"{FOLDER}/missing.mp4"])
    assert dict(plex.log.kinds()) == {"file_filter": 1}


@pytest.mark.parametrize("count", [0, SINGLE_LOOKS + 1, 1000])
def test_many_files_are_looked_for_by_one_look_at_the_libraries(
    plex: FakePlex, library: Library, count: int
) -> None:
    wanted = [f"{FOLDER}/missing{n}.mp4" for n in range(count)]
    assert [library.look_for(wanted) for _ in range(5)] == [True] + [False] * 4
    assert dict(plex.log.kinds()) == {"sections": 1}


def test_right_after_the_first_listing_nothing_is_looked_for(
    plex: FakePlex, section: Section, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    plex.add_item(section, f"{FOLDER}/1.mp4")
    library = Library(client, index, "", clock)
    library.prepare()
    assert not library.look_for([f"{FOLDER}/2.mp4"])


def test_a_look_that_could_not_be_made_may_be_made_again_at_once(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    plex.maintenance()
    with pytest.raises(PlexServerDown):
        library.look_for([item.files[0]])
    plex.maintenance(False)
    assert library.look_for([item.files[0]])
    assert found(index, item.files[0]) == [item.rating_key]


def test_an_index_that_was_cleared_meanwhile_is_listed_anew(
    library: Library, index: PathIndex
) -> None:
    assert library.look_for(MANY)
    index.clear()
    assert library.look_for([f"{FOLDER}/00001.mp4"])
    assert len(index.rating_keys()) == ITEMS


def test_what_is_new_in_a_large_library_is_listed_alone(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    items = [plex.add_item(section, f"{FOLDER}/new{n}.mp4") for n in range(20)]
    plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert library.look_for(MANY)
    assert [found(index, item.files[0]) for item in items] == [[one.rating_key] for one in items]
    assert (found(index, f"{FOLDER}/seven.mp4"), found(index, f"{FOLDER}/00007.mp4")) == ([8], [])
    assert dict(plex.log.kinds()) == {"sections": 1, "listing": 2}


def test_each_look_asks_for_what_came_after_the_last_one_only(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    for n in range(3):
        clock.now += REFRESH_INTERVAL
        item = plex.add_item(section, f"{FOLDER}/new{n}.mp4")
        plex.log.clear()
        assert library.look_for(MANY)
        assert found(index, item.files[0]) == [item.rating_key]
        added, updated = plex.log.select(kind="listing")
        assert added.headers["x-plex-container-start"] == str(ITEMS + n - 1)
        assert updated.param("sort") == "updatedAt:desc"


def test_ten_new_files_one_after_another_cost_no_whole_listing(
    plex: FakePlex, section: Section, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    library = filled(plex, section, client, index, clock, 5000)
    for n in range(10):
        clock.now += REFRESH_INTERVAL
        item = plex.add_item(section, f"{FOLDER}/new{n}.mp4")
        assert library.look_for([*MANY, item.files[0]])
        assert found(index, item.files[0]) == [item.rating_key]
    # A whole listing of 5,000 items has at least five pages.
    assert dict(plex.log.kinds()) == {"sections": 10, "listing": 20}
    # No filter by date is sent, so it does not matter which spelling of one the server knows.
    parameters = {key for request in plex.log.requests for key, _ in request.query}
    assert not {key for key in parameters if key.startswith(("addedAt", "updatedAt"))}


def test_what_does_not_sort_by_update_is_listed_whole(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.switches = replace(plex.switches, ignored_sorts=frozenset(("updatedAt",)))
    key = copied(plex, section, clock, f"{FOLDER}/new.mp4")
    plex.remove_item(1)
    plex.move_file(f"{FOLDER}/00007.mp4", f"{FOLDER}/seven.mp4")
    assert library.look_for(MANY)
    assert found(index, f"{FOLDER}/new.mp4") == [key]
    assert found(index, f"{FOLDER}/seven.mp4") == [8]
    assert 1 not in index.rating_keys()


def test_a_file_that_moves_without_a_time_stamp_is_found_among_many_within_the_hour(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    begun, before = clock.now, plex.items()[6].updated_at
    plex.move_file(f"{FOLDER}/00006.mp4", f"{FOLDER}/moved.mp4")
    plex.items()[6].updated_at = before
    while not found(index, f"{FOLDER}/moved.mp4"):
        assert clock.now - begun < LISTING_AGE
        clock.now += REFRESH_INTERVAL
        plex.edit(1, title=f"edited at {clock.now}")
        library.look_for(MANY)
    assert plex.log.count(kind="listing") <= 2 * LISTING_AGE / REFRESH_INTERVAL + 4


def test_a_time_stamp_far_ahead_hides_nothing_that_comes_after_it(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.add_item(section, f"{FOLDER}/future.mp4", added_at=int(plex_time(clock)) + YEAR)
    assert library.look_for(MANY)
    clock.now += REFRESH_INTERVAL
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    assert library.look_for(MANY)
    assert found(index, item.files[0]) == [item.rating_key]
    assert plex.log.count(kind="listing") == 4


def test_a_look_at_the_changes_that_breaks_off_is_made_again(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    plex.faults.status(500, kind="listing")
    with pytest.raises(PlexTemporaryError):
        library.look_for(MANY)
    plex.faults.clear()
    assert library.look_for(MANY)
    assert found(index, item.files[0]) == [item.rating_key]


def test_what_plex_lost_goes_with_a_refresh_though_the_changes_were_looked_at(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.remove_item(1)
    assert library.look_for(MANY)
    assert 1 in index.rating_keys()
    clock.now += REFRESH_INTERVAL
    assert library.refresh()
    assert 1 not in index.rating_keys()


def test_a_refresh_does_not_go_by_a_look_at_the_changes_of_a_moment_ago(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    """A reconciliation that begins then must neither keep what Plex lost nor lack what it got."""
    assert library.look_for(MANY)
    clock.now += 1
    plex.remove_item(1)
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    assert library.refresh()
    assert 1 not in index.rating_keys()
    assert found(index, item.files[0]) == [item.rating_key]


def test_a_refresh_lists_nothing_where_nothing_changed_since_the_look(
    plex: FakePlex, library: Library, clock: Clock
) -> None:
    assert library.look_for(MANY)
    clock.now += 1
    plex.log.clear()
    assert [library.refresh() for _ in range(3)] == [True, False, False]
    assert dict(plex.log.kinds()) == {"sections": 1}


def test_after_a_refresh_nothing_is_looked_for_within_the_interval(library: Library) -> None:
    assert library.refresh()
    assert not library.look_for(MANY)


def test_the_libraries_are_known_without_asking_again(
    plex: FakePlex, client: PlexClient, index: PathIndex, clock: Clock, section: Section
) -> None:
    library = Library(client, index, "", clock)
    assert library.sections_known() == []
    library.prepare()
    for _ in range(3):
        assert [one.locations for one in library.sections_known()] == [section.locations]
    assert plex.log.count(kind="sections") == 1


def test_another_server_is_not_answered_from_what_the_first_one_held(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    del library
    plex.machine_identifier = "another" * 5
    client = client_of(plex)
    other = Library(client, index, "", clock)
    plex.log.clear()
    assert other.look_for([f"{FOLDER}/00001.mp4"])
    assert plex.log.count(kind="listing") == 3
    client.close()


def test_what_changes_behind_a_listing_is_found_by_the_look_after_it(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    """It belongs to a page that was read, and is older than what a later page shows."""

    def meanwhile(exchange: Exchange, _: Fault) -> bool:
        plex.move_file(f"{FOLDER}/00000.mp4", f"{FOLDER}/moved.mp4")
        clock.now += 40
        plex.edit(ITEMS, title="the last one")
        return exchange.answer(exchange.handle())

    index.clear()
    plex.faults.inject("meanwhile", meanwhile, kind="listing", after=1, times=1)
    assert library.refresh()
    assert found(index, f"{FOLDER}/moved.mp4") == []
    clock.now += REFRESH_INTERVAL
    mark = plex.log.mark()
    assert library.look_for(MANY)
    assert found(index, f"{FOLDER}/moved.mp4") != []
    assert plex.log.count(kind="listing", since=mark) == 2

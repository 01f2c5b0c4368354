"""How fresh the path index is kept, and with how few listings."""

import pytest

from plex.client import PlexClient
from plex.exceptions import PlexError, PlexLibraryError, PlexReplaced, PlexServerDown
from plex.freshness import TRUST_CHANGE_MARK
from plex.library import IDENTITY_AGE, REFRESH_INTERVAL, Library
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Section
from tests.plex.support import client_of
from tests.sync_queue.support import Clock


@pytest.fixture
def library(
    plex: FakePlex, section: Section, client: PlexClient, index: PathIndex, clock: Clock
) -> Library:
    plex.add_item(section, "/plex/scenes/1.mp4")
    return Library(client, index, "", clock)


def test_the_first_use_lists_every_library_once(
    plex: FakePlex, library: Library, index: PathIndex
) -> None:
    plex.add_item(plex.add_section("More", ["/more"]), "/more/2.mp4")
    for _ in range(3):
        library.prepare()
    assert index.rating_keys() == {1, 2}
    assert plex.log.count(kind="listing") == 2
    assert plex.log.count(kind="sections") == 1


def test_after_a_restart_nothing_is_listed_that_was_listed_before(
    plex: FakePlex, library: Library, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    mark = plex.log.mark()
    Library(client, index, "", clock).prepare()
    assert plex.log.count(kind="listing", since=mark) == 0
    assert plex.log.count(kind="sections", since=mark) == 1


def test_a_refresh_within_the_interval_asks_nothing(
    plex: FakePlex, section: Section, library: Library, clock: Clock
) -> None:
    library.prepare()
    plex.add_item(section, "/plex/scenes/2.mp4")
    mark = plex.log.mark()
    clock.now += REFRESH_INTERVAL - 0.1
    assert [library.refresh() for _ in range(5)] == [False] * 5
    assert plex.log.since(mark) == []


def test_a_refresh_after_the_interval_lists_a_library_that_changed(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    plex.add_item(section, "/plex/scenes/2.mp4")
    clock.now += REFRESH_INTERVAL
    assert library.refresh()
    assert index.rating_keys() == {1, 2}
    assert not library.refresh()


def test_a_refresh_lists_no_library_whose_change_mark_stands_still(
    plex: FakePlex, library: Library, clock: Clock
) -> None:
    library.prepare()
    mark = plex.log.mark()
    clock.now += REFRESH_INTERVAL
    assert library.refresh()
    assert dict(plex.log.kinds(mark)) == {"sections": 1}


def test_a_change_mark_that_stands_still_is_believed_for_a_while_only(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    before = section.content_changed_at
    plex.add_item(section, "/plex/scenes/2.mp4")
    section.content_changed_at = before
    clock.now += TRUST_CHANGE_MARK - 1
    assert library.refresh()
    assert index.rating_keys() == {1}
    clock.now += REFRESH_INTERVAL
    assert library.refresh()
    assert index.rating_keys() == {1, 2}


def test_a_refresh_without_a_first_use_lists_too(library: Library, index: PathIndex) -> None:
    assert library.refresh()
    assert index.rating_keys() == {1}


def test_a_clock_set_back_does_not_block_the_next_look(library: Library, clock: Clock) -> None:
    library.prepare()
    clock.now -= 86_400
    assert library.refresh()
    assert not library.refresh()


def test_a_library_that_is_added_later_is_listed_at_the_next_refresh(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    plex.add_item(plex.add_section("Later", ["/later"]), "/later/2.mp4")
    clock.now += REFRESH_INTERVAL
    assert library.refresh()
    assert index.rating_keys() == {1, 2}


@pytest.mark.parametrize("name", ["Scenes", "scenes", "SCENES"])
def test_only_the_libraries_named_in_the_settings_are_listed_whatever_the_case(
    plex: FakePlex, library: Library, client: PlexClient, index: PathIndex, clock: Clock, name: str
) -> None:
    library.prepare()
    plex.add_item(plex.add_section("Films", ["/films"]), "/films/2.mp4")
    Library(client, index, name, clock).prepare()
    assert index.rating_keys() == {1}


def test_a_library_that_is_no_longer_named_is_forgotten(
    plex: FakePlex, library: Library, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    plex.add_item(plex.add_section("Films", ["/films"]), "/films/2.mp4")
    library.prepare()
    assert index.rating_keys() == {1, 2}
    Library(client, index, "Films", clock).prepare()
    assert index.rating_keys() == {2}


def test_of_two_libraries_of_the_same_name_the_number_chooses_one(
    plex: FakePlex, library: Library, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    other = plex.add_section("Scenes", ["/more"])
    plex.add_item(other, "/more/2.mp4")
    with pytest.raises(PlexLibraryError, match=r"may mean 'Scenes' \(1\), 'Scenes' \(2\)"):
        Library(client, index, "Scenes", clock).prepare()
    Library(client, index, str(other.key), clock).prepare()
    assert index.rating_keys() == {2}
    del library


def test_when_plex_has_none_of_the_named_libraries_the_error_tells_both_sides(
    library: Library, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    misspelt = Library(client, index, "Scnes, Other", clock)
    with pytest.raises(PlexError, match=r"no video library 'Scnes', 'Other'; it has 'Scenes'"):
        misspelt.prepare()
    assert index.rating_keys() == {1}


def test_one_misspelt_name_of_several_is_told(
    plex: FakePlex, library: Library, client: PlexClient, index: PathIndex, clock: Clock
) -> None:
    del library
    plex.add_section("Films", ["/films"])
    with pytest.raises(PlexError, match="Flims"):
        Library(client, index, "Scenes, Flims", clock).prepare()


def test_a_listing_that_breaks_off_is_an_error_and_is_taken_up_again(
    plex: FakePlex, library: Library, index: PathIndex
) -> None:
    plex.faults.status(500, kind="listing")
    with pytest.raises(PlexError):
        library.prepare()
    plex.faults.clear()
    assert index.rating_keys() == set()
    library.prepare()
    assert index.rating_keys() == {1}


def test_a_refresh_that_could_not_be_made_may_be_tried_again_at_once(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    plex.add_item(section, "/plex/scenes/2.mp4")
    clock.now += REFRESH_INTERVAL
    plex.maintenance()
    with pytest.raises(PlexServerDown):
        library.refresh()
    plex.maintenance(False)
    assert library.refresh()
    assert index.rating_keys() == {1, 2}


def test_another_server_behind_the_same_address_starts_with_an_empty_index(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    assert library.server_id == plex.machine_identifier
    plex.machine_identifier = "another" * 5
    plex.remove_item(1)
    plex.add_item(section, "/plex/scenes/2.mp4")
    client = client_of(plex)
    other = Library(client, index, "", clock)
    other.prepare()
    client.close()
    assert other.server_id == "another" * 5
    assert index.rating_keys() == {2}


def test_once_a_minute_it_is_asked_whether_it_is_the_same_server(
    plex: FakePlex, library: Library, clock: Clock
) -> None:
    library.prepare()
    mark = plex.log.mark()
    for _ in range(5):
        clock.now += IDENTITY_AGE / 2
        library.prepare()
    assert plex.log.count(kind="identity", since=mark) == len(plex.log.since(mark)) == 2


def test_another_server_at_the_address_is_found_out_before_anything_is_done(
    plex: FakePlex, library: Library, client: PlexClient, clock: Clock
) -> None:
    library.prepare()
    plex.machine_identifier = "f" * 40
    clock.now += IDENTITY_AGE
    for _ in range(2):
        with pytest.raises(PlexReplaced, match="Another Plex server answers at plex_url"):
            library.prepare()
    assert client.is_replaced


def test_another_server_that_a_health_check_met_is_not_taken_for_the_one_of_a_moment_ago(
    plex: FakePlex, library: Library, client: PlexClient
) -> None:
    library.prepare()
    plex.machine_identifier = "f" * 40
    client.identity()
    with pytest.raises(PlexReplaced):
        library.prepare()

import pytest

from plex.exceptions import PlexError, PlexLibraryError, PlexReplaced, PlexServerDown
from plex.library import REFRESH_INTERVAL, TRUST_CHANGE_MARK, Library
from tests.plex.support import Lab, client_of, keys_of


@pytest.fixture
def lab(lab: Lab) -> Lab:
    lab.add("1.mp4")
    return lab


def test_the_first_use_lists_every_library_once(lab: Lab) -> None:
    lab.plex.add_item(lab.plex.add_section("More", ["/more"]), "/more/2.mp4")
    for _ in range(3):
        lab.library.prepare()
    assert keys_of(lab.index) == {1, 2}
    assert lab.plex.log.count(kind="listing") == 2
    assert lab.plex.log.count(kind="sections") == 1


def test_after_a_restart_nothing_is_listed_that_was_listed_before(lab: Lab) -> None:
    lab.library.prepare()
    mark = lab.plex.log.mark()
    lab.opened().prepare()
    assert lab.plex.log.count(kind="listing", since=mark) == 0
    assert lab.plex.log.count(kind="sections", since=mark) == 1


def test_a_refresh_within_the_interval_asks_nothing(lab: Lab) -> None:
    lab.library.prepare()
    lab.add("2.mp4")
    mark = lab.plex.log.mark()
    lab.clock.now += REFRESH_INTERVAL - 0.1
    assert [lab.library.refresh() for _ in range(5)] == [False] * 5
    assert lab.plex.log.since(mark) == []


def test_a_refresh_after_the_interval_lists_a_library_that_changed(lab: Lab) -> None:
    lab.library.prepare()
    lab.add("2.mp4")
    lab.clock.now += REFRESH_INTERVAL
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1, 2}
    assert not lab.library.refresh()


def test_a_refresh_lists_no_library_whose_change_mark_stands_still(lab: Lab) -> None:
    lab.library.prepare()
    mark = lab.plex.log.mark()
    lab.clock.now += REFRESH_INTERVAL
    assert lab.library.refresh()
    assert dict(lab.plex.log.kinds(mark)) == {"sections": 1}


def test_a_change_mark_that_stands_still_is_believed_for_a_while_only(lab: Lab) -> None:
    lab.library.prepare()
    before = lab.section.content_changed_at
    lab.add("2.mp4")
    lab.section.content_changed_at = before
    lab.clock.now += TRUST_CHANGE_MARK - 1
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1}
    lab.clock.now += REFRESH_INTERVAL
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1, 2}


def test_a_refresh_without_a_first_use_lists_too(lab: Lab) -> None:
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1}


def test_a_clock_set_back_does_not_block_the_next_look(lab: Lab) -> None:
    lab.library.prepare()
    lab.clock.now -= 86_400
    assert lab.library.refresh()
    assert not lab.library.refresh()


def test_a_library_that_is_added_later_is_listed_at_the_next_refresh(lab: Lab) -> None:
    lab.library.prepare()
    lab.plex.add_item(lab.plex.add_section("Later", ["/later"]), "/later/2.mp4")
    lab.clock.now += REFRESH_INTERVAL
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1, 2}


def test_a_library_that_is_no_longer_named_is_forgotten(lab: Lab) -> None:
    lab.plex.add_item(lab.plex.add_section("Films", ["/films"]), "/films/2.mp4")
    lab.library.prepare()
    assert keys_of(lab.index) == {1, 2}
    lab.opened("Films").prepare()
    assert keys_of(lab.index) == {2}


def test_when_plex_has_none_of_the_named_libraries_the_error_tells_both_sides(lab: Lab) -> None:
    lab.library.prepare()
    misspelt = lab.opened("Scnes, Other")
    with pytest.raises(
        PlexLibraryError, match=r"'Scnes', 'Other'. Plex's .*: 'Scenes' \(number 1\)"
    ):
        misspelt.prepare()
    assert keys_of(lab.index) == {1}


def test_a_listing_that_breaks_off_is_an_error_and_is_taken_up_again(lab: Lab) -> None:
    lab.plex.faults.status(500, kind="listing")
    with pytest.raises(PlexError):
        lab.library.prepare()
    lab.plex.faults.clear()
    assert keys_of(lab.index) == set()
    lab.library.prepare()
    assert keys_of(lab.index) == {1}


def test_a_refresh_that_could_not_be_made_may_be_tried_again_at_once(lab: Lab) -> None:
    lab.library.prepare()
    lab.add("2.mp4")
    lab.clock.now += REFRESH_INTERVAL
    lab.plex.maintenance()
    with pytest.raises(PlexServerDown):
        lab.library.refresh()
    lab.plex.maintenance(False)
    assert lab.library.refresh()
    assert keys_of(lab.index) == {1, 2}


def test_another_server_behind_the_same_address_starts_with_an_empty_index(lab: Lab) -> None:
    lab.library.prepare()
    assert lab.library.server_id == lab.plex.machine_identifier
    lab.plex.machine_identifier = "another" * 5
    lab.plex.remove_item(1)
    lab.add("2.mp4")
    client = client_of(lab.plex)
    other = Library(client, lab.index, "", lab.clock)
    other.prepare()
    client.close()
    assert other.server_id == "another" * 5
    assert keys_of(lab.index) == {2}


def test_once_a_minute_it_is_asked_whether_it_is_the_same_server(lab: Lab) -> None:
    lab.library.prepare()
    mark = lab.plex.log.mark()
    for _ in range(5):
        lab.clock.now += REFRESH_INTERVAL / 2
        lab.library.prepare()
    assert lab.plex.log.count(kind="identity", since=mark) == len(lab.plex.log.since(mark)) == 2


def test_another_server_at_the_address_is_found_out_before_anything_is_done(lab: Lab) -> None:
    lab.library.prepare()
    lab.plex.machine_identifier = "f" * 40
    lab.clock.now += REFRESH_INTERVAL
    for _ in range(2):
        with pytest.raises(PlexReplaced, match="plex_url now leads to another server"):
            lab.library.prepare()
    assert lab.client.is_replaced


def test_a_health_check_that_meets_another_server_is_noticed(lab: Lab) -> None:
    lab.library.prepare()
    lab.plex.machine_identifier = "f" * 40
    lab.client.identity()
    with pytest.raises(PlexReplaced):
        lab.library.prepare()

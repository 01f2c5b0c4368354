"""Items at which Plex fails: found, named once, read by themselves, and no other item suffers."""

import pytest

from plex import library as library_module, walk
from plex.client import READ_BATCH
from plex.exceptions import PlexTemporaryError
from plex.library import REFRESH_INTERVAL
from plex.unreadable import HOLE_AGE
from tests.plex.support import FOLDER, Lab, keys_of

ITEMS = 500
BAD = 250


@pytest.fixture
def large(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(walk, "LISTING_PAGE", ITEMS // 5)
    monkeypatch.setattr(walk, "SMALLEST_PAGE", ITEMS // 20)
    monkeypatch.setattr(library_module, "SMALL", ITEMS // 5)
    for n in range(1, ITEMS + 1):
        lab.add(f"{n}.mp4")
    lab.plex.remove_item(BAD - 1)
    lab.plex.remove_item(BAD + 1)
    lab.plex.log.clear()
    return lab


def breaks(lab: Lab, *keys: int) -> None:
    lab.switch(unreadable=frozenset(keys))


def requests(lab: Lab) -> int:
    kinds = lab.plex.log.kinds()
    lab.plex.log.clear()
    return kinds["listing"] + kinds["metadata"]


def list_again(lab: Lab) -> int:
    lab.clock.now += REFRESH_INTERVAL
    lab.section.content_changed_at += 1
    assert lab.library.refresh()
    return requests(lab)


def test_an_unreadable_item_is_named_and_others_are_listed(large: Lab) -> None:
    breaks(large, BAD)
    large.library.prepare()
    assert requests(large) <= 5 + 30
    assert len(keys_of(large.index)) == ITEMS - 3
    assert [fields["item"] for fields in large.reports.fields] == [BAD]
    for _ in range(3):
        assert list_again(large) <= 5
    large.clock.now += HOLE_AGE
    assert list_again(large) <= 5 + 30
    assert len(large.reports) == 1


def test_what_becomes_unreadable_stays_in_the_index_until_it_can_be_read(large: Lab) -> None:
    large.library.prepare()
    breaks(large, BAD)
    large.plex.log.clear()
    assert list_again(large) <= 5 + 30
    assert large.index.files_of(BAD) == [f"{FOLDER}/{BAD}.mp4"]
    assert [fields["item"] for fields in large.reports.fields] == [BAD]

    read = large.library.read_items([BAD - 3, BAD, BAD + 3])
    assert (set(read.found), set(read.failed)) == ({BAD - 3, BAD + 3}, {BAD})
    assert requests(large) == 2

    breaks(large)
    assert set(large.library.read_items([BAD]).found) == {BAD}
    large.plex.log.clear()
    assert set(large.library.read_items([BAD - 3, BAD]).found) == {BAD - 3, BAD}
    assert requests(large) == 1


def test_new_files_are_found_although_an_item_is_unreadable(large: Lab) -> None:
    large.library.prepare()
    breaks(large, ITEMS)  # the newest so far
    list_again(large)
    spent = []
    for n in range(5):
        large.clock.now += REFRESH_INTERVAL
        path = large.add(f"new{n}.mp4").files[0]
        assert large.library.look_for([f"/missing{m}.mp4" for m in range(9)])
        assert large.index.find_exact(path)
        spent.append(requests(large))
    assert max(spent) <= 30
    assert spent[2:] == [1, 1, 1]


def test_the_file_of_an_item_that_was_never_listed_is_found_out(large: Lab) -> None:
    breaks(large, BAD)
    large.library.prepare()
    large.clock.now += REFRESH_INTERVAL
    assert large.library.look_for([f"{FOLDER}/missing {BAD}.mp4"])
    assert large.index.files_of(BAD) == []
    large.clock.now += REFRESH_INTERVAL
    assert large.library.look_for([f"{FOLDER}/{BAD}.mp4"])
    assert large.index.files_of(BAD) == [f"{FOLDER}/{BAD}.mp4"]


@pytest.mark.parametrize("batch", [READ_BATCH, 5 * READ_BATCH])
@pytest.mark.parametrize("bad", [(1,), (40,), (ITEMS,), (3, 4, 77)])
def test_a_batch_is_read_around_bad_items(large: Lab, batch: int, bad: tuple[int, ...]) -> None:
    keys = [item.rating_key for item in large.plex.items()]
    breaks(large, *bad)
    read = large.client.read_each(keys, batch)
    assert set(read.failed) == set(bad)
    assert set(read.found) == set(keys) - set(bad)
    assert requests(large) <= len(keys) // batch + 1 + 32 * len(bad)
    large.library.read_items(keys, batch)
    requests(large)
    large.library.read_items(keys, batch)
    assert requests(large) <= len(keys) // batch + 1 + len(bad)


def test_a_server_that_fails_at_everything_is_not_searched_for_an_item_at_fault(large: Lab) -> None:
    large.plex.faults.status(500, kind="metadata")
    for keys in (range(1, 51), [7]):
        with pytest.raises(PlexTemporaryError):
            large.client.read_items(list(keys))
    assert requests(large) <= 5


def test_a_listing_that_fails_beside_an_unreadable_item_is_an_error_of_plex(large: Lab) -> None:
    breaks(large, BAD)
    large.library.prepare()
    large.clock.now += REFRESH_INTERVAL
    path = large.add("new.mp4").files[0]
    missing = [f"/missing{m}.mp4" for m in range(9)]
    fault = large.plex.faults.status(500, kind="listing")
    with pytest.raises(PlexTemporaryError):
        large.library.look_for(missing)
    fault.clear()
    assert large.library.look_for(missing)
    assert large.index.find_exact(path)


def test_an_item_at_which_plex_closes_the_connection_is_found_as_well(lab: Lab) -> None:
    keys = lab.fill(60)
    bad = keys[7]
    lab.plex.faults.close(
        kind="metadata", predicate=lambda request: str(bad) in request.item_ids.split(",")
    )

    found, failed = lab.client.read_each(keys)

    assert list(failed) == [bad]
    assert len(found) == 59

"""Items at which Plex fails: found, named once, read by themselves, and no other item suffers."""

from dataclasses import replace

import pytest

from plex import freshness, walk
from plex.client import PlexClient
from plex.exceptions import PlexTemporaryError
from plex.item_reader import READ_BATCH
from plex.library import REFRESH_INTERVAL, Library
from plex.path_index import PathIndex
from plex.unreadable import HOLE_AGE
from simulators.plex import FakePlex, Section
from tests.reported import Reported
from tests.sync_queue.support import Clock

FOLDER = "/plex/scenes"
ITEMS = 500
BAD = 250


@pytest.fixture
def warnings() -> Reported:
    return Reported()


@pytest.fixture
def library(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    index: PathIndex,
    clock: Clock,
    warnings: Reported,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """A library that takes five pages, in which the keys have gaps, not listed yet."""
    monkeypatch.setattr(walk, "LISTING_PAGE", ITEMS // 5)
    monkeypatch.setattr(walk, "SMALLEST_PAGE", ITEMS // 20)
    monkeypatch.setattr(freshness, "SMALL", ITEMS // 5)
    for n in range(1, ITEMS + 1):
        plex.add_item(section, f"{FOLDER}/{n}.mp4")
    plex.remove_item(BAD - 1)
    plex.remove_item(BAD + 1)
    plex.log.clear()
    return Library(client, index, "", clock, warnings)


def breaks(plex: FakePlex, *keys: int) -> None:
    plex.switches = replace(plex.switches, unreadable=frozenset(keys))


def requests(plex: FakePlex) -> int:
    kinds = plex.log.kinds()
    plex.log.clear()
    return kinds["listing"] + kinds["metadata"]


def list_again(plex: FakePlex, section: Section, library: Library, clock: Clock) -> int:
    """List the library whole because it changed; return how many requests that took."""
    clock.now += REFRESH_INTERVAL
    section.content_changed_at += 1
    assert library.refresh()
    return requests(plex)


def test_an_item_that_is_unreadable_from_the_start_is_named_and_all_others_are_listed(
    plex: FakePlex,
    section: Section,
    library: Library,
    index: PathIndex,
    clock: Clock,
    warnings: Reported,
) -> None:
    breaks(plex, BAD)
    library.prepare()
    assert requests(plex) <= 5 + 30
    assert len(index.rating_keys()) == ITEMS - 3
    assert [fields["item"] for fields in warnings.fields] == [BAD]
    for _ in range(3):
        assert list_again(plex, section, library, clock) <= 5
    clock.now += HOLE_AGE
    assert list_again(plex, section, library, clock) <= 5 + 30
    assert len(warnings) == 1


def test_what_becomes_unreadable_stays_in_the_index_until_it_can_be_read(
    plex: FakePlex,
    section: Section,
    library: Library,
    index: PathIndex,
    clock: Clock,
    warnings: Reported,
) -> None:
    library.prepare()
    breaks(plex, BAD)
    plex.log.clear()
    assert list_again(plex, section, library, clock) <= 5 + 30
    assert index.files_of(BAD) == [f"{FOLDER}/{BAD}.mp4"]
    assert [fields["item"] for fields in warnings.fields] == [BAD]

    read = library.read_items([BAD - 3, BAD, BAD + 3])
    assert (set(read.found), set(read.failed)) == ({BAD - 3, BAD + 3}, {BAD})
    assert requests(plex) == 2

    breaks(plex)
    assert set(library.read_items([BAD]).found) == {BAD}
    plex.log.clear()
    assert set(library.read_items([BAD - 3, BAD]).found) == {BAD - 3, BAD}
    assert requests(plex) == 1


def test_new_files_are_found_although_an_item_is_unreadable(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.prepare()
    breaks(plex, ITEMS)  # the newest so far
    list_again(plex, section, library, clock)
    spent = []
    for n in range(5):
        clock.now += REFRESH_INTERVAL
        path = plex.add_item(section, f"{FOLDER}/new{n}.mp4").files[0]
        assert library.look_for([f"/missing{m}.mp4" for m in range(9)])
        assert index.find_exact(path)
        spent.append(requests(plex))
    assert max(spent) <= 30
    assert spent[2:] == [1, 1, 1]


def test_the_file_of_an_item_that_was_never_listed_is_found_out(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    breaks(plex, BAD)
    library.prepare()
    clock.now += REFRESH_INTERVAL
    assert library.look_for([f"{FOLDER}/missing {BAD}.mp4"])
    assert index.files_of(BAD) == []
    clock.now += REFRESH_INTERVAL
    assert library.look_for([f"{FOLDER}/{BAD}.mp4"])
    assert index.files_of(BAD) == [f"{FOLDER}/{BAD}.mp4"]


@pytest.mark.parametrize("batch", [READ_BATCH, 5 * READ_BATCH])
@pytest.mark.parametrize("bad", [(1,), (40,), (ITEMS,), (3, 4, 77)])
def test_a_batch_is_read_around_what_is_unreadable(
    plex: FakePlex, library: Library, client: PlexClient, batch: int, bad: tuple[int, ...]
) -> None:
    keys = [item.rating_key for item in plex.items()]
    breaks(plex, *bad)
    read = client.read_each(keys, batch)
    assert set(read.failed) == set(bad)
    assert set(read.found) == set(keys) - set(bad)
    assert requests(plex) <= len(keys) // batch + 1 + 32 * len(bad)
    library.read_items(keys, batch)
    requests(plex)
    library.read_items(keys, batch)
    assert requests(plex) <= len(keys) // batch + 1 + len(bad)


def test_a_server_that_fails_at_everything_is_not_searched_for_an_item_at_fault(
    plex: FakePlex, library: Library, client: PlexClient
) -> None:
    del library
    plex.faults.status(500, kind="metadata")
    for keys in (range(1, 51), [7]):
        with pytest.raises(PlexTemporaryError):
            client.read_items(list(keys))
    assert requests(plex) <= 5


def test_an_item_at_which_plex_closes_the_connection_is_found_as_well(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    keys = [plex.add_item(section, f"{FOLDER}/{n}.mp4").rating_key for n in range(60)]
    bad = keys[7]
    plex.faults.close(
        kind="metadata", predicate=lambda request: str(bad) in request.item_ids.split(",")
    )

    found, failed = client.read_each(keys)

    assert list(failed) == [bad]
    assert len(found) == 59

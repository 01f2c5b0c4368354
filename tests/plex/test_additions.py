"""What comes into Plex for scenes that have an item already: noticed by the way, and cheaply."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from plex.client import PlexClient
from plex.freshness import TRUST_CHANGE_MARK
from plex.library import REFRESH_INTERVAL, Library
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Kind, Section
from tests.sync_queue.support import Clock

FOLDER = "/plex/scenes"
ITEMS = 12
SKEW = -7200.0  # seconds; Plex's clock is its own
DAY = 86_400


@pytest.fixture
def plex(clock: Clock) -> Iterator[FakePlex]:
    with FakePlex(clock=lambda: clock.now + SKEW) as server:
        yield server


@pytest.fixture
def library(
    plex: FakePlex, section: Section, client: PlexClient, index: PathIndex, clock: Clock
) -> Library:
    """Listed a while ago by another process, and looked at since its start an interval ago."""
    for n in range(ITEMS):
        at = int(clock.now + SKEW) - DAY + n
        plex.add_item(section, f"{FOLDER}/{n}.mp4", added_at=at, updated_at=at)
    Library(client, index, "", clock).prepare()
    clock.now += 300
    listed = Library(client, index, "", clock)
    listed.prepare()
    listed.notice_additions()
    clock.now += REFRESH_INTERVAL
    plex.log.clear()
    return listed


def found(index: PathIndex, path: str) -> list[int]:
    return [part.rating_key for part in index.find_exact(path)]


def test_an_item_that_was_added_is_noticed_with_two_requests(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    news = library.listings
    library.notice_additions()
    assert found(index, f"{FOLDER}/new.mp4") == [item.rating_key]
    assert dict(plex.log.kinds()) == {"sections": 1, "listing": 1}
    assert library.listings == news + 1


def test_a_worker_that_starts_asks_for_the_libraries_once_only(
    plex: FakePlex, section: Section, library: Library, client: PlexClient, clock: Clock
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    started = Library(client, library.index, "", clock)
    started.prepare()
    started.notice_additions()
    assert found(library.index, f"{FOLDER}/new.mp4") == [item.rating_key]
    assert plex.log.count(kind="sections") == plex.log.count(kind="listing") == 1


def test_however_often_it_is_called_plex_is_asked_once_per_interval(
    plex: FakePlex, library: Library, clock: Clock
) -> None:
    for _ in range(3):
        for _ in range(20):
            plex.edit(1, title=f"an edit of ours at {clock.now}")
            clock.now += REFRESH_INTERVAL / 20
            library.notice_additions()
    assert plex.log.count(kind="sections") <= 4
    assert plex.log.count(kind="listing") <= 4


def test_what_we_edit_ourselves_is_not_listed(
    plex: FakePlex, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_in: list[int] = []
    add = library.index.add

    def counted(section: int, parts: list[object]) -> bool:
        taken_in.append(len(parts))
        return add(section, parts)  # type: ignore[arg-type]

    monkeypatch.setattr(library.index, "add", counted)
    for key in range(1, ITEMS + 1):
        plex.edit(key, title="ours")
    library.notice_additions()
    assert sum(taken_in) == 0
    assert plex.log.count(kind="listing") == 1


def test_where_no_change_mark_has_moved_nothing_is_listed(plex: FakePlex, library: Library) -> None:
    library.notice_additions()
    assert dict(plex.log.kinds()) == {"sections": 1}


def test_a_change_mark_that_stands_still_is_believed_for_a_while_only(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    mark = section.content_changed_at
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    section.content_changed_at = mark
    library.notice_additions()
    assert found(index, f"{FOLDER}/new.mp4") == []
    clock.now += TRUST_CHANGE_MARK
    library.notice_additions()
    assert found(index, f"{FOLDER}/new.mp4") == [item.rating_key]


def test_each_time_only_what_came_after_the_last_time_is_asked_for(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    for n in range(3):
        item = plex.add_item(section, f"{FOLDER}/new{n}.mp4")
        plex.log.clear()
        library.notice_additions()
        assert found(index, item.files[0]) == [item.rating_key]
        (asked,) = plex.log.select(kind="listing")
        assert asked.headers["x-plex-container-start"] == str(ITEMS + n - 1)
        clock.now += REFRESH_INTERVAL


def test_what_was_looked_at_otherwise_a_moment_ago_is_not_asked_for(
    plex: FakePlex, section: Section, library: Library
) -> None:
    assert library.refresh()
    plex.add_item(section, f"{FOLDER}/new.mp4")
    plex.log.clear()
    library.notice_additions()
    assert plex.log.since(0) == []


def test_a_library_that_is_new_or_was_empty_is_listed(
    plex: FakePlex, library: Library, index: PathIndex, clock: Clock
) -> None:
    empty = plex.add_section("Empty", [FOLDER])
    library.notice_additions()
    assert index.last_listing(empty.key) is not None
    clock.now += REFRESH_INTERVAL
    item = plex.add_item(empty, f"{FOLDER}/1.mp4")
    library.notice_additions()
    assert item.rating_key in found(index, f"{FOLDER}/1.mp4")


def test_a_server_that_does_not_sort_is_not_listed_for_it(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    plex.switches = replace(plex.switches, ignored_sorts=frozenset(("id",)))
    for n in range(5):
        plex.add_item(section, f"{FOLDER}/1{n}new.mp4")
        library.notice_additions()
        clock.now += REFRESH_INTERVAL
    assert plex.log.count(kind="listing") == 1
    assert library.refresh()
    assert found(index, f"{FOLDER}/14new.mp4") != []
    plex.switches = replace(plex.switches, ignored_sorts=frozenset())
    clock.now += REFRESH_INTERVAL
    plex.add_item(section, f"{FOLDER}/after.mp4")
    assert library.refresh()
    clock.now += REFRESH_INTERVAL
    plex.add_item(section, f"{FOLDER}/later.mp4")
    library.notice_additions()
    assert found(index, f"{FOLDER}/later.mp4") != []


def test_an_item_that_was_added_with_an_old_time_stamp_is_noticed(
    plex: FakePlex, section: Section, library: Library, index: PathIndex
) -> None:
    plex.add_item(section, f"{FOLDER}/copied.mp4", added_at=1, updated_at=1)
    library.notice_additions()
    assert found(index, f"{FOLDER}/copied.mp4") != []


@pytest.mark.parametrize("kind", ["sections", "listing"])
def test_a_plex_that_fails_at_it_holds_nothing_up_and_is_asked_again_after_the_interval(
    plex: FakePlex,
    section: Section,
    library: Library,
    index: PathIndex,
    clock: Clock,
    kind: Kind,
) -> None:
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    plex.faults.status(500, kind=kind)
    library.notice_additions()
    plex.faults.clear()
    plex.log.clear()
    library.notice_additions()
    assert plex.log.since(0) == []
    clock.now += REFRESH_INTERVAL
    library.notice_additions()
    assert found(index, f"{FOLDER}/new.mp4") == [item.rating_key]


def test_one_library_that_fails_hides_no_other(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    other = plex.add_section("Other", ["/other"])
    plex.add_item(other, "/other/1.mp4")
    library.notice_additions()
    clock.now += REFRESH_INTERVAL
    plex.add_item(section, f"{FOLDER}/new.mp4")
    item = plex.add_item(other, "/other/new.mp4")
    plex.faults.status(500, kind="listing", times=3)
    library.notice_additions()
    assert found(index, "/other/new.mp4") == [item.rating_key]


def test_a_clock_set_back_does_not_block_the_next_look(
    plex: FakePlex, section: Section, library: Library, index: PathIndex, clock: Clock
) -> None:
    library.notice_additions()
    item = plex.add_item(section, f"{FOLDER}/new.mp4")
    clock.now -= DAY
    for _ in range(5):
        library.notice_additions()
    assert found(index, f"{FOLDER}/new.mp4") == [item.rating_key]
    assert plex.log.count(kind="sections") == 2

"""Several processes over one path index: none removes what another one has just seen."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from plex.exceptions import PlexTemporaryError
from plex.items import LibraryPart
from plex.path_index import PathIndex
from tests.plex.support import keys_of

NOW = 1_750_000_000.0
SERVER, SECTION = "server", 1
PATIENCE = 20.0  # seconds; only a defect makes anybody wait so long
ITEMS, PER_PAGE, VERSIONS = 3, 1, 2
PAGES = ITEMS // PER_PAGE

Page = list[LibraryPart]


def opened(path: str) -> PathIndex:
    index = PathIndex(path)
    index.use_server(SERVER)
    return index


class SlowListing:
    def __init__(self, path: str) -> None:
        self._index = opened(path)
        self._pages: SimpleQueue[Page | PlexTemporaryError | None] = SimpleQueue()
        self._ready: SimpleQueue[None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.get(timeout=PATIENCE)

    def take_in(self, page: Page) -> None:
        self._pages.put(page)
        self._ready.get(timeout=PATIENCE)

    def end(self, error: PlexTemporaryError | None = None) -> None:
        self._pages.put(error)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._index.close()

    def _run(self) -> None:
        try:
            self._index.replace_section(SECTION, self._given(), "mark", NOW)
        except PlexTemporaryError:
            return

    def _given(self) -> Iterator[Page]:
        while True:
            self._ready.put(None)
            page = self._pages.get()
            if isinstance(page, PlexTemporaryError):
                raise page
            if page is None:
                return
            yield page


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "library.db")


@pytest.fixture
def index(path: str) -> Iterator[PathIndex]:
    one = opened(path)
    yield one
    one.close()


def pages_of(count: int) -> list[Page]:
    return [[LibraryPart(f"/m/{key}.mp4", key, 5)] for key in range(1, count + 1)]


def test_two_listings_keep_what_both_have_seen(path: str, index: PathIndex) -> None:
    pages = pages_of(4)
    slow = SlowListing(path)
    slow.take_in(pages[0])
    quick = SlowListing(path)
    for page in pages:
        quick.take_in(page)
    for page in pages[1:]:
        slow.take_in(page)
    slow.end()
    quick.end()
    assert keys_of(index) == {1, 2, 3, 4}


def test_two_listings_keep_what_one_of_them_has_seen(path: str, index: PathIndex) -> None:
    """It came when one of them was past its page."""
    index.replace_section(SECTION, pages_of(2), "", NOW)
    one, other = SlowListing(path), SlowListing(path)
    for page in pages_of(2):
        other.take_in(page)
    for page in pages_of(3):
        one.take_in(page)
    one.end()
    other.end()
    assert keys_of(index) == {1, 2, 3}


def test_a_single_read_outlives_a_listing_that_is_past_it(path: str, index: PathIndex) -> None:
    pages = pages_of(4)
    index.replace_section(SECTION, pages, "", NOW)
    listing = SlowListing(path)
    listing.take_in(pages[0])
    index.add(SECTION, [LibraryPart("/m/1-new.mp4", 1, 6)])
    for page in pages[1:]:
        listing.take_in(page)
    listing.end()
    assert index.find_exact("/m/1-new.mp4") == [LibraryPart("/m/1-new.mp4", 1, 6)]
    assert index.find_exact("/m/1.mp4") == []


def test_a_single_read_without_changes_keeps_its_item(path: str, index: PathIndex) -> None:
    """Its disk was away when the listing passed it, and is back."""
    pages = pages_of(3)
    index.replace_section(SECTION, pages, "", NOW)
    listing = SlowListing(path)
    for page in pages[:2]:
        listing.take_in(page)
    assert not index.add(SECTION, pages[2])
    listing.end()
    assert keys_of(index) == {1, 2, 3}


def test_a_listing_from_before_a_reset_removes_nothing(path: str, index: PathIndex) -> None:
    for _ in range(3):
        index.replace_section(SECTION, pages_of(4), "", NOW)
    listing = SlowListing(path)
    index.clear()
    index.replace_section(SECTION, pages_of(4), "", NOW)
    listing.end()
    assert keys_of(index) == {1, 2, 3, 4}


def test_a_reset_during_a_listing_makes_it_incomplete(path: str, index: PathIndex) -> None:
    first, second = pages_of(2)
    listing = SlowListing(path)
    listing.take_in(first)
    index.clear()
    listing.take_in(second)
    listing.end()
    assert index.last_listing(SECTION) is None
    assert not index.has_listing()
    index.replace_section(SECTION, pages_of(2), "", NOW)
    assert keys_of(index) == {1, 2}
    assert index.has_listing()


def test_an_older_database_still_loses_what_plex_lost(path: str, index: PathIndex) -> None:
    for _ in range(3):
        index.replace_section(SECTION, pages_of(4), "", NOW)
    index.close()
    earlier = sqlite3.connect(path)
    earlier.execute("DROP TABLE numbers_drawn")
    earlier.close()
    again = opened(path)
    again.add(SECTION, [LibraryPart("/m/new.mp4", 9)])
    assert keys_of(again) == {1, 2, 3, 4, 9}
    again.replace_section(SECTION, pages_of(2), "", NOW)
    assert keys_of(again) == {1, 2}
    again.close()


class IndexMachine(RuleBasedStateMachine):
    """A Plex that changes, two processes that list it, and a third that asks for single items.

    An item has its place on a page for good; which of several names its file has changes.
    """

    listing = st.sampled_from([0, 1])
    key = st.integers(1, ITEMS)

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "library.db")
        self.index = opened(self.path)
        self.moment = 0
        self.plex: dict[int, LibraryPart] = {}
        self.came: dict[LibraryPart, int] = {}
        self.asked: dict[LibraryPart, int] = {}  # when Plex was last asked, and showed it
        self.noted: dict[LibraryPart, int] = {}  # when that reached the index
        self.listings: list[SlowListing | None] = [None, None]
        self.begun = [0, 0]
        self.answer: list[tuple[int, Page] | None] = [None, None]  # Plex's, still on its way
        self.next_page = [0, 0]

    def teardown(self) -> None:
        if not hasattr(self, "listings"):
            return
        for listing in self.listings:
            if listing is not None:
                listing.end()
        self.index.close()
        self.folder.cleanup()

    def _next(self) -> int:
        self.moment += 1
        return self.moment

    def _rows(self) -> set[LibraryPart]:
        return {
            part
            for key in range(1, ITEMS + 1)
            for version in range(VERSIONS)
            for part in self.index.find_exact(f"/m/{key}-{version}.mp4")
        }

    def _note(self, asked_at: int, parts: Page) -> None:
        for part in parts:
            self.asked[part] = max(asked_at, self.asked.get(part, 0))
            self.noted[part] = self._next()

    def _nothing_that_was_seen_is_lost(self) -> None:
        seen = {part for part in self.plex.values() if self.asked.get(part, 0) > self.came[part]}
        assert seen <= self._rows()

    # Plex

    @rule(key=key, version=st.integers(0, VERSIONS - 1))
    def plex_gets_a_file_or_another_one(self, key: int, version: int) -> None:
        part = LibraryPart(f"/m/{key}-{version}.mp4", key, 5)
        if self.plex.get(key) != part:
            self.plex[key] = part
            self.came[part] = self._next()

    @rule(key=key)
    def plex_loses_an_item_for_a_while(self, key: int) -> None:
        self.plex.pop(key, None)

    # the processes

    def _begin(self, n: int) -> None:
        self.begun[n] = self._next()
        self.listings[n] = SlowListing(self.path)
        self.next_page[n] = 0

    def _answer(self, n: int) -> None:
        first = 1 + self.next_page[n] * PER_PAGE
        keys = range(first, first + PER_PAGE)
        self.answer[n] = (self._next(), [self.plex[key] for key in keys if key in self.plex])
        self.next_page[n] += 1

    def _take_in(self, n: int, listing: SlowListing) -> None:
        asked_at, page = self.answer[n] or (0, [])
        self.answer[n] = None
        listing.take_in(page)
        self._note(asked_at, page)

    @rule(n=listing, late=st.booleans())
    def a_listing_goes_on(self, n: int, late: bool) -> None:
        listing = self.listings[n]
        if listing is None:
            self._begin(n)
        elif self.answer[n] is not None:
            self._take_in(n, listing)
        elif self.next_page[n] < PAGES:
            self._answer(n)
            if not late:
                self._take_in(n, listing)
        else:
            self._end(n, listing)
        self._nothing_that_was_seen_is_lost()

    def _end(self, n: int, listing: SlowListing) -> None:
        listing.end()
        self.listings[n] = None
        assert all(self.noted[part] > self.begun[n] for part in self._rows())

    @rule(n=listing)
    def a_listing_breaks_off(self, n: int) -> None:
        listing = self.listings[n]
        if listing is not None:
            before = self._rows()
            listing.end(PlexTemporaryError("it ended half-way"))
            self.listings[n] = None
            self.answer[n] = None
            assert self._rows() == before

    @rule(key=key)
    def an_item_is_asked_for_by_itself(self, key: int) -> None:
        if key in self.plex:
            self.index.add(SECTION, [self.plex[key]])
            self._note(self._next(), [self.plex[key]])
            assert [part for part in self._rows() if part.rating_key == key] == [self.plex[key]]
            self._nothing_that_was_seen_is_lost()

    @precondition(lambda self: self.listings == [None, None])
    @rule()
    def a_listing_alone_makes_it_the_truth(self) -> None:
        self.a_listing_goes_on(0, late=False)
        while self.listings[0] is not None:
            self.a_listing_goes_on(0, late=False)
        assert self._rows() == set(self.plex.values())


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(
    max_examples=100 if "SOAK" in os.environ else 50, stateful_step_count=50
)

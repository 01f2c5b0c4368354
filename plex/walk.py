"""A walk through a library page by page, which no row is lost to and no broken item ends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from plex.culprit import find_culprit
from plex.exceptions import PlexTemporaryError
from plex.items import LARGEST_NUMBER, LibraryPart, Place, Section, parse_parts, whole_number
from plex.listing import BY_KEY, LISTING_PAGE, Get, OrderIgnored, address, container

SMALLEST_PAGE = 250  # a server that is too slow for this one has another trouble than its size
MOST_HOLES = 20  # items at which Plex may fail in one library before Plex itself is at fault


START = Place()


@dataclass(frozen=True, slots=True)
class Hole:
    """An item that a listing does not show, because Plex fails at it.

    Attributes:
        row: the item's position in the library.
        after_key: the rating key of the last item before it that is shown; 0 for none.
        before_key: the rating key of the first item behind it that is shown; 0 for none.
        found_at: when an earlier walk found it, in seconds since the epoch; 0 for just now.
    """

    row: int
    after_key: int
    before_key: int = 0
    found_at: float = 0.0


class _Page(NamedTuple):
    """Some rows of a listing.

    Attributes:
        total: how many rows the whole listing has.
        fails_at: the position of the row at which Plex fails, behind these; None without one.
    """

    rows: list[Element]
    total: int
    fails_at: int | None = None


class Walk:
    """A listing of one library in the order of the rating keys; yields the files of each page.

    Each page begins with the last row of the page before. A page that does not was moved by items
    that vanished meanwhile, and is asked for again from further ahead.

    Args:
        get: reads from the server.
        section: the library.
        after: where an earlier walk ended: this one begins with the last row before that place.
        holes: what an earlier walk could not show; left out while their neighbours are the same.

    Attributes:
        holes: what this walk could not show.

    Raises (while it yields):
        OrderIgnored: it goes on from another walk, and the rows are not sorted.
        PlexTemporaryError: the listing ended before the number of rows that it announced, so
            nothing may be concluded from what it did not show; or Plex fails at too many items.
        PlexError: Plex could not be asked.
    """

    def __init__(
        self, get: Get, section: Section, after: Place = START, holes: Iterable[Hole] = ()
    ) -> None:
        self._get = get
        self._address = address(section, BY_KEY)
        self._doing = f"listing the library '{section.title}'"
        self._after = after
        self._known = {hole.row: hole for hole in holes}
        # Pages that end before a hole are short; the others make up for them.
        self._usual_size = LISTING_PAGE + (LISTING_PAGE // 4 if self._known else 0)
        self._size = self._usual_size
        self._rows, self._last_key = after.rows, after.last_key
        self._keys: set[int] = set()
        self._expected = 0
        self._new_rows = 0
        self._is_sorted = True
        self._has_read = False
        self.holes: list[Hole] = []

    @property
    def place(self) -> Place:
        """Where the walk has come to, for another one to go on from."""
        return Place(self._rows, self._last_key if self._is_sorted else 0)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The rating keys between which lies what this walk could not show."""
        if not self._is_sorted:
            return [(0, LARGEST_NUMBER)] if self.holes else []
        return [(hole.after_key, hole.before_key or LARGEST_NUMBER) for hole in self.holes]

    def __iter__(self) -> Iterator[list[LibraryPart]]:
        """Yield the files of each page."""
        first = self._rows or self._skip_holes(0, LARGEST_NUMBER)
        start, back = self._begin_at(first), 2
        while True:
            page = self._page(start)
            if not self._joins(page, start):
                self._forget_known_holes()
                start, back = max(0, min(self._rows - back, page.total - 1)), 2 * back
                continue
            back = 2
            rows = self._take(page, start)
            yield [part for video in rows for part in parse_parts(video)]
            if page.fails_at is not None:
                self._add_hole(page.fails_at)
            unread = self._rows if page.fails_at is None else page.fails_at + 1
            unread = self._skip_holes(unread, page.total)
            if unread >= page.total:
                break
            start = self._begin_at(unread)
        self._check_order(page.total)

    # -- which rows -------------------------------------------------------------------------------

    def _begin_at(self, unread: int) -> int:
        """Return where the next page begins: with the row before, unless that is a hole."""
        return max(0, unread - 1) if unread == self._rows else unread

    def _joins(self, page: _Page, start: int) -> bool:
        """Tell whether no row is missing between this page and the one before."""
        if start == 0:
            return True
        first = whole_number(page.rows[0].get("ratingKey")) if page.rows else 0
        if start >= self._rows:  # it begins behind a hole
            return self._expected in (0, first)
        return bool(page.rows) and (
            first <= self._last_key if self._is_sorted else first in self._keys
        )

    def _take(self, page: _Page, start: int) -> list[Element]:
        """Note which rows a page shows; return those that no page showed before."""
        keys = [whole_number(row.get("ratingKey")) for row in page.rows]
        known = [key for key in keys if key]
        if any(key >= later for key, later in pairwise(known)):
            self._is_sorted = False
        new = [key for key in known if key > self._last_key]
        rows = page.rows
        if self._is_sorted:
            rows = [row for row, key in zip(rows, keys, strict=True) if key > self._last_key]
        if new:
            self.holes = [
                hole if hole.before_key else replace(hole, before_key=new[0]) for hole in self.holes
            ]
        self._keys = set(known)
        self._new_rows += len(new)
        self._last_key = max(new, default=self._last_key)
        # A server that does not page shows more rows than there are behind the start.
        self._rows = min(start + len(page.rows), page.total)
        self._expected = 0
        return rows

    def _check_order(self, total: int) -> None:
        """Raise unless the rows behind the place of an earlier walk are those that are new."""
        if not self._after.last_key:
            return
        behind = sum(hole.row >= self._after.rows for hole in self.holes)
        if not self._is_sorted or self._new_rows + behind < total - self._after.rows:
            raise OrderIgnored

    # -- holes ------------------------------------------------------------------------------------

    def _skip_holes(self, unread: int, total: int) -> int:
        """Return the next row that is no known hole.

        A hole is known by the items around it; behind one at the end of the library there is none.
        """
        while hole := self._known.get(unread):
            at_end = all(row in self._known for row in range(unread, total))
            if hole.after_key != self._last_key or not (hole.before_key or at_end):
                del self._known[unread]
                break
            self.holes.append(hole)
            self._expected = hole.before_key
            unread += 1
        return unread

    def _forget_known_holes(self) -> None:
        self._known.clear()
        self._expected = 0
        self.holes = [hole for hole in self.holes if hole.row < self._rows]

    def _add_hole(self, row: int) -> None:
        self._known.clear()
        self.holes = [hole for hole in self.holes if hole.row < row]
        self.holes.append(Hole(row, self._last_key))
        if len(self.holes) > MOST_HOLES:
            message = f"{self._doing}: Plex fails at more than {MOST_HOLES} of its items"
            raise PlexTemporaryError(message)

    # -- requests ---------------------------------------------------------------------------------

    def _page(self, start: int) -> _Page:
        """Read a page; one that Plex fails to give is asked for in half the size.

        When that does not help either, an item is at fault: the page ends before it.
        """
        while True:
            size = self._size + (start > 0)  # with the last row of the page before
            hole = min((row for row in self._known if row > start), default=None)
            if hole is not None:
                size = min(size, hole - start)
            try:
                return self._request(start, size)
            except PlexTemporaryError as error:
                if error.retry_after is not None:
                    raise
                if self._size > SMALLEST_PAGE:
                    self._size //= 2
                elif error.may_be_one_item:
                    return self._before_the_culprit(start, size)
                else:
                    raise

    def _before_the_culprit(self, start: int, size: int) -> _Page:
        """Read a page at which Plex fails, up to the item that is at fault."""
        total = self._count() or start + size
        rows: list[Element] = []

        def read(low: int, high: int) -> None:
            rows.extend(self._request(low, high - low).rows)

        culprit = find_culprit(read, start, min(start + size, total))
        if culprit is not None:
            self._check_that_plex_shows_any(total)
            self._size = self._usual_size
        return _Page(rows, total, culprit)

    def _check_that_plex_shows_any(self, total: int) -> None:
        """Raise when Plex shows no item at all: then no single one is at fault."""
        for row in (total - 1, total // 2, total // 3):
            if self._has_read or total == 1:
                return
            try:
                self._request(row, 1)
            except PlexTemporaryError as error:
                failure = error
        if not self._has_read:
            raise failure

    def _count(self) -> int:
        """Return how many rows there are; raise when Plex does not even tell that."""
        answer = self._get(self._address, self._doing, container(0, 0))
        return whole_number(answer.get("totalSize"))

    def _request(self, start: int, size: int) -> _Page:
        answer = self._get(self._address, self._doing, container(start, size))
        rows = answer.findall("Video")
        # Without a total, a full page may not be the last one.
        total = whole_number(answer.get("totalSize")) or start + len(rows) + (len(rows) == size)
        if not rows and start < total:
            message = f"{self._doing}: it ended at {start} of {total} videos"
            raise PlexTemporaryError(message)
        self._has_read = self._has_read or bool(rows)
        return _Page(rows, total)

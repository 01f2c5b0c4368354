"""Lists a library page by page, and skips items that Plex cannot return.

Each page begins with the last item of the previous page. If this item is missing, Plex has removed
items in the meantime.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from plex.client import first_unreadable
from plex.connection import paging
from plex.exceptions import PlexTemporaryError
from plex.items import LibraryPart, Place, Section, parse_parts
from plex.listing import BY_KEY, LISTING_PAGE, Get, OrderIgnored, address
from validation.values import LARGEST_NUMBER, whole_number

# If a page of 250 videos fails, the cause is probably a single unreadable video.
SMALLEST_PAGE = 250
# If more than 20 items of a library are unreadable, the cause is Plex, not the items.
MOST_HOLES = 20
START = Place()


@dataclass(frozen=True, slots=True)
class Hole:
    """An unreadable item, with the rating keys of the readable items around it, or 0 if none."""

    row: int
    after_key: int
    before_key: int = 0
    found_at: float = 0.0


class _Page(NamedTuple):
    rows: list[Element]
    total: int
    fails_at: int | None = None


class Walk:
    def __init__(
        self, get: Get, section: Section, after: Place = START, holes: Iterable[Hole] = ()
    ) -> None:
        self._get = get
        self._address = address(section, BY_KEY)
        self._doing = f"listing the library '{section.title}'"
        self._after = after
        self._known = {hole.row: hole for hole in holes}
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
        return Place(self._rows, self._last_key if self._is_sorted else 0)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        if not self._is_sorted:
            return [(0, LARGEST_NUMBER)] if self.holes else []
        return [(hole.after_key, hole.before_key or LARGEST_NUMBER) for hole in self.holes]

    def __iter__(self) -> Iterator[list[LibraryPart]]:
        first = self._rows or self._skip_holes(0, LARGEST_NUMBER)
        start, back = self._begin_at(first), 2
        while True:
            page = self._page(start)
            if not self._joins(page, start):
                self._known.clear()
                self._expected = 0
                self.holes = [hole for hole in self.holes if hole.row < self._rows]
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
        behind = sum(hole.row >= self._after.rows for hole in self.holes)
        is_complete = self._new_rows + behind >= page.total - self._after.rows
        if self._after.last_key and not (self._is_sorted and is_complete):
            raise OrderIgnored

    def _begin_at(self, unread: int) -> int:
        return max(0, unread - 1) if unread == self._rows else unread

    def _joins(self, page: _Page, start: int) -> bool:
        if start == 0:
            return True
        first = whole_number(page.rows[0].get("ratingKey")) if page.rows else 0
        if start >= self._rows:
            return self._expected in (0, first)
        return bool(page.rows) and (
            first <= self._last_key if self._is_sorted else first in self._keys
        )

    def _take(self, page: _Page, start: int) -> list[Element]:
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
        # A server that ignores paging returns all rows of the library at once.
        self._rows = min(start + len(page.rows), page.total)
        self._expected = 0
        return rows

    def _skip_holes(self, unread: int, total: int) -> int:
        while hole := self._known.get(unread):
            at_end = all(row in self._known for row in range(unread, total))
            if hole.after_key != self._last_key or not (hole.before_key or at_end):
                del self._known[unread]
                break
            self.holes.append(hole)
            self._expected = hole.before_key
            unread += 1
        return unread

    def _add_hole(self, row: int) -> None:
        self._known.clear()
        self.holes = [hole for hole in self.holes if hole.row < row]
        self.holes.append(Hole(row, self._last_key))
        if len(self.holes) > MOST_HOLES:
            raise PlexTemporaryError(
                f"Plex returned errors for over {MOST_HOLES} items", doing=self._doing
            )

    def _page(self, start: int) -> _Page:
        while True:
            before_holes = [row - start for row in self._known if row > start]
            size = min([self._size + (start > 0), *before_holes])
            try:
                return self._request(start, size)
            except PlexTemporaryError as error:
                if self._size > SMALLEST_PAGE and error.retry_after is None:
                    self._size //= 2
                elif error.may_be_one_item:
                    return self._page_before_failing(start, size)
                else:
                    raise

    def _page_before_failing(self, start: int, size: int) -> _Page:
        answer = self._get(self._address, self._doing, paging(0, 0))
        total = whole_number(answer.get("totalSize")) or start + size
        rows: list[Element] = []

        def read(low: int, high: int) -> None:
            rows.extend(self._request(low, high - low).rows)

        failing = first_unreadable(read, start, min(start + size, total))
        if failing is not None:
            self._check_that_plex_shows_any(total)
            self._size = self._usual_size
        return _Page(rows, total, failing)

    def _check_that_plex_shows_any(self, total: int) -> None:
        rows = (total - 1, total // 2, total // 3)
        for row in () if self._has_read or total == 1 else rows:
            try:
                self._request(row, 1)
            except PlexTemporaryError:
                if row == rows[-1]:
                    raise
            else:
                return

    def _request(self, start: int, size: int) -> _Page:
        answer = self._get(self._address, self._doing, paging(start, size))
        rows = answer.findall("Video")
        total = whole_number(answer.get("totalSize")) or start + len(rows) + (len(rows) == size)
        if not rows and start < total:
            raise PlexTemporaryError(
                f"Plex returned only {start} of {total} videos", doing=self._doing
            )
        self._has_read = self._has_read or bool(rows)
        return _Page(rows, total)

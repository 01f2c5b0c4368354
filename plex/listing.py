"""Lists the updated files of a library, and searches a library for files by name.

A Plex server may silently ignore a sort order or a filter, so each response is checked.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from plex.connection import paging
from plex.exceptions import (
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
)
from plex.items import LARGEST_NUMBER, LibraryPart, Section, parse_parts, whole_number
from validation.paths import components, folded

LISTING_PAGE = 1000
NEWEST_PAGE = 100
# A time stamp more than a day in the future was set by a user, and is ignored.
_AHEAD = 86_400.0
# A search with more than 50 results is too unspecific.
LOOK_UP_ROWS = 50
# Plex gives a new item the highest rating key, and never changes a rating key. In a listing sorted
# by key, new items therefore come last, and an edit moves no item.
BY_KEY, NEWEST_FIRST = "id", "updatedAt:desc"
_SLIM = urlencode(
    {
        # If the type is missing, Plex answers a filter by file with status 500.
        "type": "1",
        "includeGuids": "0",
        "includeCollections": "0",
        "excludeElements": "Genre,Country,Guid,Rating,Collection,Director,Writer,Role,Producer,"
        "Similar,Image,UltraBlurColors",
        "excludeFields": "summary,tagline",
    }
)
# A search must not contain these characters. A comma means "or" in Plex's filters. Network file
# systems replace characters that Windows forbids. The other characters are not allowed in a URL.
_UNSEARCHABLE = re.compile(r'[,"*:<>?|\x00-\x1f\x7f\ud800-\udfff\uf001-\uf07c]')

_REFUSED = (PlexNotFound, PlexPermanentError, PlexPermissionError)

Get = Callable[[str, str, Mapping[str, str]], Element]


class CannotTell(Exception):  # noqa: N818 - a trait of the server, not an error
    """The changes of a library cannot be listed, so a complete listing is necessary."""


class OrderIgnored(CannotTell):
    pass


def list_updated(
    get: Get, section: Section, since: int, at_most: int
) -> Iterator[list[LibraryPart]]:
    """Yield the files of the items that were updated at or after `since`, newest first.

    The time `since` is a time of Plex's clock. Raise `CannotTell` if no item or more than `at_most`
    items were updated, or if items moved between two pages.
    """
    doing = f"listing what changed in the library '{section.title}'"
    start, size, last, listed = 0, NEWEST_PAGE, LARGEST_NUMBER, 0
    keys: set[str | None] = set()
    while True:
        answer = get(address(section, NEWEST_FIRST), doing, paging(start, size))
        rows = answer.findall("Video")
        stamps = [whole_number(row.get("updatedAt")) for row in rows]
        known = [stamp for stamp in stamps if stamp]
        if known != sorted(known, reverse=True) or max(known, default=0) > last:
            raise OrderIgnored
        if not known or (known[0] < since if not start else rows[0].get("ratingKey") not in keys):
            raise CannotTell
        updated = [row for row, stamp in zip(rows, stamps, strict=True) if stamp >= since]
        listed += len(updated)
        if listed > at_most:
            raise CannotTell
        yield [part for video in updated for part in parse_parts(video)]
        if known[-1] < since or start + len(rows) >= whole_number(answer.get("totalSize")):
            return
        keys = {row.get("ratingKey") for row in rows}
        # The next page starts at the last item of this page. If it starts elsewhere, items were
        # missed.
        start, size, last = start + len(rows) - 1, LISTING_PAGE, known[-1]


def count_videos(get: Get, section: Section) -> int:
    doing = f"counting the videos of the library '{section.title}'"
    return whole_number(get(address(section, BY_KEY), doing, paging(0, 1)).get("totalSize"))


def find_named(get: Get, section: Section, chunk: str) -> list[LibraryPart] | None:
    """Return the files of the videos whose path contains `chunk`.

    None means that Plex refused or ignored the search, or that too many videos match.
    """
    try:
        answer = _search(get, section, chunk)
    except _REFUSED:
        # A proxy before Plex may have refused the request because of a word in the file name.
        return None
    except PlexTemporaryError as error:
        if error.retry_after is not None:
            raise
        return None
    rows = answer.findall("Video")
    total = whole_number(answer.get("totalSize")) or len(rows)
    if total > LOOK_UP_ROWS or len(rows) < total:
        return None
    for video in rows:
        if not any(folded(chunk) in folded(part.get("file") or "") for part in video.iter("Part")):
            return None
    return [part for video in rows for part in parse_parts(video)]


def fails_at_file(get: Get, section: Section, path: str) -> bool:
    """Search twice for the full path of a file. Return whether Plex fails both times.

    Plex fails at a search that would return an unreadable item.
    """
    if "," in path:
        return False
    for _ in range(2):
        try:
            _search(get, section, path)
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
        except _REFUSED:
            return False
        else:
            return False
    return True


def _search(get: Get, section: Section, text: str) -> Element:
    return get(
        f"{address(section, BY_KEY)}&file={quote(text, safe='')}",
        f"looking for a file in the library '{section.title}'",
        paging(0, LOOK_UP_ROWS),
    )


def address(section: Section, order: str) -> str:
    return f"/library/sections/{section.key}/all?{_SLIM}&sort={quote(order)}"


def searchable_part(path: str) -> str:
    """Return the longest part of a file name that Plex can search for. The result may be empty."""
    name = re.split(r"[/\\]", path)[-1]
    return max((piece.strip() for piece in _UNSEARCHABLE.split(name)), key=len)


def libraries_containing(path: str, sections: Sequence[Section]) -> list[Section]:
    """Return the libraries whose folder contains a path. The innermost of nested folders counts."""
    names = components(path)
    containing: dict[int, list[Section]] = {0: []}
    for section in sections:
        folders = [components(location) for location in section.locations if location]
        around = [folder for folder in folders if names[: len(folder)] == folder]
        depth = max((1 + len(folder) for folder in around), default=0)
        containing.setdefault(depth, []).append(section)
    deepest = max(containing)
    return containing[deepest] if deepest else []


class UpdateCursor:
    """Computes the cursor: the time of Plex's clock from which the next listing requests updates.

    A listing may miss items that are updated while the plugin reads it. The time that the plugin
    needs to read the listing is therefore subtracted from the newest time stamp.
    """

    def __init__(self, clock: Callable[[], float], at_least: int = 0) -> None:
        self._clock = clock
        self._at_least = self._newest = at_least
        self._took = 0.0
        self.begun = clock()

    @property
    def cursor(self) -> int:
        return max(self._at_least, self._newest - math.ceil(self._took))

    def of(self, pages: Iterable[list[LibraryPart]]) -> Iterator[list[LibraryPart]]:
        latest = self.begun + _AHEAD
        for page in pages:
            stamps = (part.changed_at for part in page if part.changed_at <= latest)
            self._newest = max(self._newest, max(stamps, default=0))
            yield page
        self._took = max(0.0, self._clock() - self.begun)

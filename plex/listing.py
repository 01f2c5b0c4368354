import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from plex.connection import paging
from plex.exceptions import REFUSALS, PlexError, PlexTemporaryError
from plex.items import LibraryPart, Section, parse_parts
from validation.paths import components, folded
from validation.values import LARGEST_NUMBER, whole_number

LISTING_PAGE = 1000
NEWEST_PAGE = 100
# An update time more than a day in the future is wrong and ignored. Otherwise, it would hide later
# updates.
_LARGEST_CLOCK_ERROR = 86_400.0
LOOK_UP_ROWS = 50
# Sorting by rating key puts new items at the end of the list, where the next listing continues.
BY_KEY, NEWEST_FIRST = "id", "updatedAt:desc"
_SLIM = urlencode(
    {
        # Without the parameter `type`, Plex answers a search for a file with status 500.
        "type": "1",
        "includeGuids": "0",
        "includeCollections": "0",
        "excludeElements": "Genre,Country,Guid,Rating,Collection,Director,Writer,Role,Producer,"
        "Similar,Image,UltraBlurColors",
        "excludeFields": "summary,tagline",
    }
)
# Searches leave out commas, which mean "or" in Plex, and characters that file servers replace.
_UNSEARCHABLE = re.compile(r'[,"*:<>?|\x00-\x1f\x7f\ud800-\udfff\uf001-\uf07c]')

Get = Callable[[str, str, Mapping[str, str]], Element]


class CannotTell(Exception):  # noqa: N818 - a trait of the server, not an error
    """Plex cannot list the changes of a library, so the complete library must be listed."""


class OrderIgnored(CannotTell):
    pass


def list_updated(
    get: Get, section: Section, since: int, at_most: int
) -> Iterator[list[LibraryPart]]:
    """Yield the files of items that Plex updated after `since`, a time of Plex's clock."""
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
        start, size, last = start + len(rows) - 1, LISTING_PAGE, known[-1]


def count_videos(get: Get, section: Section) -> int:
    doing = f"counting the videos of the library '{section.title}'"
    return whole_number(get(address(section, BY_KEY), doing, paging(0, 1)).get("totalSize"))


def find_named(get: Get, section: Section, chunk: str) -> list[LibraryPart] | None:
    """Return the files whose path contains `chunk`, or None if Plex's answer is unusable."""
    try:
        answer = _search(get, section, chunk)
    except REFUSALS:
        # A proxy may refuse the search because of a word in the file name.
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
    if "," in path:
        return False
    for _ in range(2):
        try:
            _search(get, section, path)
        except PlexError as error:
            if error.may_be_one_item:
                continue
            if not isinstance(error, REFUSALS):
                raise
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
    name = re.split(r"[/\\]", path)[-1]
    return max((piece.strip() for piece in _UNSEARCHABLE.split(name)), key=len)


def locations_containing(path: str, sections: Sequence[Section]) -> list[tuple[Section, str]]:
    """Return the deepest library folders that contain a path, each with its library.

    There are several results if several libraries share the deepest folder.
    """
    names = components(path)
    found = [
        (len(folder), (section, location))
        for section in sections
        for location in section.locations
        if location and names[: len(folder := components(location))] == folder
    ]
    deepest = max((depth for depth, _ in found), default=0)
    return [pair for depth, pair in found if depth == deepest]


@dataclass
class UpdateCursor:
    clock: Callable[[], float]
    cursor: int = 0

    def __post_init__(self) -> None:
        self.begun = self.clock()

    def of(self, pages: Iterable[list[LibraryPart]]) -> Iterator[list[LibraryPart]]:
        newest, latest = self.cursor, self.begun + _LARGEST_CLOCK_ERROR
        for page in pages:
            stamps = (part.changed_at for part in page if part.changed_at <= latest)
            newest = max(newest, max(stamps, default=0))
            yield page
        # Start the next listing a little earlier, because an item may change after its page was
        # read.
        duration = max(0.0, self.clock() - self.begun)
        self.cursor = max(self.cursor, newest - math.ceil(duration))

"""The files of a library as Plex lists them: all, those that are new, and those of one name.

A sort order and a filter are requests that a server may ignore without a word. So each answer is
checked, and one that was not sorted or not filtered concludes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from plex.exceptions import (
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
)
from plex.items import LARGEST_NUMBER, LibraryPart, Section, parse_parts, whole_number

LISTING_PAGE = 1000  # videos; Plex lists so many slim rows without effort
NEWEST_PAGE = 100  # videos; within a minute fewer change, as a rule
LOOK_UP_ROWS = 50  # videos that one file name may have in common before it says nothing
# A rating key never changes and a new item has a higher one, so new rows come last. In the order
# of `addedAt` many items share a second, and edits move rows.
BY_KEY, NEWEST_FIRST = "id", "updatedAt:desc"
_SLIM = urlencode(
    {
        "type": "1",  # without it a filter by file is answered with 500
        "includeGuids": "0",
        "includeCollections": "0",
        "excludeElements": "Genre,Country,Guid,Rating,Collection,Director,Writer,Role,Producer,"
        "Similar,Image,UltraBlurColors",
        "excludeFields": "summary,tagline",
    }
)

Get = Callable[[str, str, Mapping[str, str]], Element]
"""Reads a path of the server: the path, what is being done (for people), headers."""


class CannotTell(Exception):  # noqa: N818 - a way of the server, not an error of the program
    """Only a complete listing tells what is new in this library."""


class OrderIgnored(CannotTell):
    """Plex did not sort the rows as it was asked to."""


def list_updated(
    get: Get, section: Section, since: int, at_most: int
) -> Iterator[list[LibraryPart]]:
    """Yield the files of the items that were updated at a moment or later, the newest first.

    Args:
        get: reads from the server.
        section: the library; an item of it was updated at that moment or later.
        since: the moment, in seconds since the epoch by Plex's own clock.
        at_most: how many items there may be.

    Raises:
        CannotTell: there are more, the item of that moment is gone, or rows moved meanwhile.
        OrderIgnored: the rows were not sorted.
        PlexError: Plex could not be asked.
    """
    start, size, last, listed = 0, NEWEST_PAGE, LARGEST_NUMBER, 0
    keys: set[str | None] = set()
    while True:
        page = get(
            address(section, NEWEST_FIRST),
            f"listing what changed in the library '{section.title}'",
            container(start, size),
        )
        rows = page.findall("Video")
        stamps = [whole_number(row.get("updatedAt")) for row in rows]
        known = [stamp for stamp in stamps if stamp]
        if known != sorted(known, reverse=True) or max(known, default=0) > last:
            raise OrderIgnored
        if not known or (known[0] < since if not start else rows[0].get("ratingKey") not in keys):
            raise CannotTell
        news = [row for row, stamp in zip(rows, stamps, strict=True) if stamp >= since]
        listed += len(news)
        if listed > at_most:
            raise CannotTell
        yield [part for video in news for part in parse_parts(video)]
        if known[-1] < since or start + len(rows) >= whole_number(page.get("totalSize")):
            return
        keys = {row.get("ratingKey") for row in rows}
        # The last row comes again, as proof that no row moved up and was missed.
        start, size, last = start + len(rows) - 1, LISTING_PAGE, known[-1]


def find_named(get: Get, section: Section, chunk: str) -> list[LibraryPart] | None:
    """Return the files of the videos of which a path contains this text, with one request.

    Args:
        get: reads from the server.
        section: the library.
        chunk: a piece of a file's name without a comma, which means "or" to Plex.

    Returns:
        None when that is no answer: the filter was ignored, refused, or let too much pass.

    Raises:
        PlexError: Plex is away, refuses the token, or says when to ask again.
    """
    try:
        answer = get(
            f"{address(section, BY_KEY)}&file={quote(chunk, safe='')}",
            f"looking for a file in the library '{section.title}'",
            container(0, LOOK_UP_ROWS),
        )
    except (PlexNotFound, PlexPermanentError, PlexPermissionError):
        return None  # a proxy may block a word in the name, whatever the token may do
    except PlexTemporaryError as error:
        if error.retry_after is not None:
            raise
        return None
    rows = answer.findall("Video")
    total = whole_number(answer.get("totalSize")) or len(rows)
    if total > LOOK_UP_ROWS or len(rows) < total:
        return None
    if not all(_contains(video, chunk.casefold()) for video in rows):
        return None
    return [part for video in rows for part in parse_parts(video)]


def fails_at_file(get: Get, section: Section, path: str) -> bool:
    """Tell whether Plex fails, not for a moment only, at a search for a file's whole path."""
    if "," in path:
        return False  # it means "or" to Plex
    for _ in range(2):
        try:
            get(
                f"{address(section, BY_KEY)}&file={quote(path, safe='')}",
                f"looking for a file in the library '{section.title}'",
                container(0, LOOK_UP_ROWS),
            )
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
        except (PlexNotFound, PlexPermanentError, PlexPermissionError):
            return False
        else:
            return False
    return True


def address(section: Section, order: str) -> str:
    """Return the path and query that list a library in an order."""
    return f"/library/sections/{section.key}/all?{_SLIM}&sort={quote(order)}"


def container(start: int, size: int) -> dict[str, str]:
    """Return the headers that ask for one page of a list."""
    return {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}


def _contains(video: Element, text: str) -> bool:
    return any(text in (part.get("file") or "").casefold() for part in video.iter("Part"))

"""The files of a library as Plex lists them: all, those that changed, and those of one name.

Filters are requests that a server may ignore in silence (plex-protocol.md §2.2, §2.5): an answer
that was not filtered is told apart here, and concludes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from plex.exceptions import (
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
)
from plex.items import LibraryPart, Section, parse_parts, whole_number

LISTING_PAGE = 1000  # videos; plex-protocol.md §2.4: 500 to 1000 slim rows
SMALLEST_PAGE = 250  # a server that is too slow for this one has another trouble than its size
LOOK_UP_ROWS = 50  # videos that one file name may have in common before it says nothing
ADDED = "addedAt"
CHANGE_STAMPS = (ADDED, "updatedAt")
_SLIM = urlencode(
    {
        "type": "1",  # without it a filter by file is answered with 500
        "sort": "addedAt:asc",  # a stable order: rows shift while a scan runs
        "includeGuids": "0",
        "includeCollections": "0",
        "excludeElements": "Genre,Country,Guid,Rating,Collection,Director,Writer,Role,Producer,"
        "Similar,Image,UltraBlurColors",
        "excludeFields": "summary,tagline",
    }
)

Get = Callable[[str, str, Mapping[str, str]], Element]
"""Reads a path of the server: the path, what is being done (for people), headers."""


class FilterIgnored(Exception):  # noqa: N818 - a way of the server, not an error of the program
    """Plex did not filter by time: only a complete listing tells what is new."""


def list_all(get: Get, section: Section) -> Iterator[list[LibraryPart]]:
    """Yield all files of a library, page by page; a row that moved between pages comes twice.

    Raises:
        PlexTemporaryError: the listing ended before the number of rows that it announced, so
            nothing may be concluded from what it did not show.
        PlexError: Plex could not be asked.
    """
    for rows, _ in _pages(get, section, ""):
        yield [part for video in rows for part in parse_parts(video)]


def list_since(
    get: Get,
    section: Section,
    since: int,
    at_most: int,
    stamps: Sequence[str] = CHANGE_STAMPS,
) -> Iterator[list[LibraryPart]]:
    """Yield the files of the videos that were added or changed after a moment, page by page.

    Args:
        get: reads from the server.
        section: the library.
        since: the moment, in seconds since the epoch by Plex's own clock.
        at_most: how many videos there may be; more are no answer to this question.
        stamps: which of a video's time stamps are asked for, one after the other.

    Raises:
        FilterIgnored: there are more, or older ones among them.
        PlexError: as `list_all`.
    """
    for stamp in stamps:
        for rows, total in _pages(get, section, f"&{stamp}%3E%3E={since}"):
            if total > at_most or any(whole_number(row.get(stamp)) <= since for row in rows):
                raise FilterIgnored
            yield [part for video in rows for part in parse_parts(video)]


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
            f"{_address(section)}&file={quote(chunk, safe='')}",
            f"looking for a file in the library '{section.title}'",
            _container(0, LOOK_UP_ROWS),
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


def _pages(get: Get, section: Section, query: str) -> Iterator[tuple[list[Element], int]]:
    """Yield the rows of each page, and how many there are in all.

    A page that Plex fails to give is asked for again in half the size, down to the smallest.
    """
    doing = f"listing the library '{section.title}'"
    start, total, size = 0, 1, LISTING_PAGE
    fewest: int | None = None
    while start < total:
        try:
            page = get(_address(section) + query, doing, _container(start, size))
        except PlexTemporaryError as error:
            if size <= SMALLEST_PAGE or error.retry_after is not None:
                raise
            size //= 2
            continue
        rows = page.findall("Video")
        total = whole_number(page.get("totalSize")) or start + len(rows)
        if not rows and start < total:
            message = f"{doing}: it ended at {start} of {total} videos"
            raise PlexTemporaryError(message)
        yield rows, total
        # Rows that vanished meanwhile have moved later ones up, to before where this page began.
        gone = 0 if fewest is None else max(0, fewest - total)
        fewest = total if fewest is None else min(fewest, total)
        start = max(0, start - gone) if gone else start + len(rows)


def _address(section: Section) -> str:
    return f"/library/sections/{section.key}/all?{_SLIM}"


def _container(start: int, size: int) -> dict[str, str]:
    return {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}


def _contains(video: Element, text: str) -> bool:
    return any(text in (part.get("file") or "").casefold() for part in video.iter("Part"))

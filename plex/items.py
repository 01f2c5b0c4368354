"""Plex's XML, read by one tolerant parser into typed values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

LARGEST_NUMBER = 2**63 - 1  # SQLite stores no larger integer
_MOST_DIGITS = len(str(LARGEST_NUMBER))
MOVIE, SHOW, PHOTO = "movie", "show", "photo"  # kinds of libraries
_OPTIMIZED = "42"  # `Media.proxyType` of a version that Plex made itself (plex-protocol.md §6)


@dataclass(frozen=True, slots=True)
class Version:
    """One `<Media>` of an item: a file, or the parts of one film in several files.

    Attributes:
        files: the paths of its parts, as Plex sees them.
        duration: in milliseconds; 0 where Plex does not know it.
    """

    files: tuple[str, ...]
    duration: int = 0


@dataclass(frozen=True, slots=True)
class PlexItem:
    """A video as `/library/metadata` describes it, with complete lists.

    Attributes:
        locked: Plex's names of the locked fields (`title`, `actor`, `thumb`, …).
        versions: what Plex holds as the same video.
        files: the paths of all parts of all versions, as Plex sees them.
        sort_title: empty where it is the title.
        thumb: the path of the poster that is shown; a time stamp in it changes with the image.
        art: the same for the background.
        has_roles: whether an actor plays somebody: an edit of the list loses that.
    """

    rating_key: int
    section_key: int
    title: str = ""
    studio: str = ""
    summary: str = ""
    date: str = ""
    performers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    locked: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()
    sort_title: str = ""
    thumb: str = field(default="", compare=False)
    art: str = field(default="", compare=False)
    has_roles: bool = field(default=False, compare=False)

    def __hash__(self) -> int:
        # The key tells items apart; hashing all of one's lists costs more than comparing it.
        return self.rating_key


@dataclass(frozen=True, slots=True)
class LibraryPart:
    """A file in a listing.

    Attributes:
        path: as Plex sees it.
        rating_key: of its item.
        size: in bytes; 0 where Plex does not know it.
        section: key of the library, 0 where nobody asked for it; two are the same file without it.
        changed_at: its item's `updatedAt`, in seconds since the epoch by Plex's clock; 0 where it
            has none, and not kept.
        in_trash: Plex did not find the file at its last scan; it shows the file until the trash is
            emptied.
    """

    path: str
    rating_key: int
    size: int = 0
    section: int = field(default=0, compare=False)
    changed_at: int = field(default=0, compare=False)
    in_trash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a library whose items are sorted by their rating keys.

    Attributes:
        rows: how many items lie before it.
        last_key: the rating key of the last of these; 0 for none, or when Plex does not sort.
    """

    rows: int = 0
    last_key: int = 0


@dataclass(frozen=True, slots=True)
class PlexImage:
    """An image that an item has to choose from.

    Attributes:
        key: Plex's name of it; of an upload `upload://posters/<SHA-1 of its bytes>`.
        selected: whether it is the one that is shown.
    """

    key: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A library.

    Attributes:
        kind: `movie` holds single videos; `show` and `photo` may hold videos that are not synced.
        scanner: Plex's name of what looks for its files.
    """

    key: int
    title: str
    locations: tuple[str, ...] = ()
    change_mark: str = ""
    kind: str = MOVIE
    scanner: str = ""


def parse_item(video: Element) -> PlexItem | None:
    """Read one `<Video>`; None when it lacks its keys."""
    rating_key = whole_number(video.get("ratingKey"))
    section_key = whole_number(video.get("librarySectionID"))
    if not rating_key or not section_key:
        return None
    return PlexItem(
        rating_key=rating_key,
        section_key=section_key,
        title=video.get("title") or "",
        studio=video.get("studio") or "",
        summary=video.get("summary") or "",
        date=(video.get("originallyAvailableAt") or "")[:10],
        performers=_names(video, "Role"),
        tags=_names(video, "Genre"),
        collections=_names(video, "Collection"),
        labels=_names(video, "Label"),
        locked=frozenset(
            field.get("name") or ""
            for field in video.findall("Field")
            if field.get("locked") in ("1", "true")
        ),
        files=tuple(part.path for part in parse_parts(video)),
        versions=tuple(_versions(video)),
        sort_title=video.get("titleSort") or "",
        thumb=video.get("thumb") or "",
        art=video.get("art") or "",
        has_roles=any(role.get("role") for role in video.findall("Role")),
    )


def parse_parts(video: Element) -> Iterator[LibraryPart]:
    """Yield the files of one `<Video>`, without those that Plex made itself; trash comes last."""
    rating_key = whole_number(video.get("ratingKey"))
    if not rating_key:
        return
    changed_at = whole_number(video.get("updatedAt"))
    for media in _own_media(video):
        for part in media.findall("Part"):
            path = part.get("file")
            if path:
                size = whole_number(part.get("size"))
                in_trash = any(_is_in_trash(one) for one in (video, media, part))
                yield LibraryPart(path, rating_key, size, 0, changed_at, in_trash)


def _own_media(video: Element) -> list[Element]:
    """Return the versions that Plex did not make itself, those in the trash last."""
    media = [one for one in video.findall("Media") if one.get("proxyType") != _OPTIMIZED]
    return sorted(media, key=_is_in_trash)


def _is_in_trash(element: Element) -> bool:
    """Tell whether Plex misses what an element stands for, on its disk."""
    return element.get("deletedAt", "0") not in ("", "0")


def _versions(video: Element) -> Iterator[Version]:
    """Yield the versions of one `<Video>`, without those that Plex made itself."""
    for media in _own_media(video):
        files = tuple(path for part in media.findall("Part") if (path := part.get("file")))
        if files:
            yield Version(files, whole_number(media.get("duration")))


def parse_image(photo: Element) -> PlexImage:
    """Read one `<Photo>`."""
    return PlexImage(photo.get("ratingKey") or "", photo.get("selected") in ("1", "true"))


def parse_section(directory: Element) -> Section | None:
    """Read one `<Directory>` of the list of libraries; None when it can hold no videos."""
    key = whole_number(directory.get("key"))
    kind = directory.get("type") or ""
    if not key or kind not in (MOVIE, SHOW, PHOTO):
        return None
    return Section(
        key=key,
        title=directory.get("title") or "",
        locations=tuple(one.get("path") or "" for one in directory.findall("Location")),
        change_mark="/".join(
            directory.get(name) or "" for name in ("contentChangedAt", "scannedAt", "updatedAt")
        ),
        kind=kind,
        scanner=directory.get("scanner") or "",
    )


def whole_number(text: str | None) -> int:
    """Return the number in an attribute; 0 for none, a negative one, or one too large to store."""
    digits = (text or "").lstrip("0")
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MOST_DIGITS:
        return 0
    number = int(digits)
    return number if number <= LARGEST_NUMBER else 0


def _names(video: Element, element: str) -> tuple[str, ...]:
    return tuple(tag for one in video.findall(element) if (tag := one.get("tag")))

"""Typed values for Plex's XML. The parsers tolerate missing and malformed attributes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from validation.metadata import FIELDS, Field

LARGEST_NUMBER = 2**63 - 1  # SQLite stores no larger integer
MOVIE, SHOW, PHOTO = "movie", "show", "photo"  # kinds of libraries
_OPTIMIZED = "42"  # `proxyType` of a `<Media>` that Plex converted from another version


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a video (`<Media>`), which has one file or several."""

    files: tuple[str, ...]  # paths in Plex
    duration: int = 0  # milliseconds; 0 for unknown


@dataclass(frozen=True, slots=True)
class PlexItem:
    """A video as `/library/metadata` returns it, with complete lists of tags and actors."""

    rating_key: int
    section_key: int
    # The attributes of synced fields have the names in `FIELDS`.
    title: str = ""
    studio: str = ""
    summary: str = ""
    date: str = ""
    performers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    locked: frozenset[str] = frozenset()  # Plex's names of locked fields (`title`, `actor`, …)
    files: tuple[str, ...] = ()  # paths in Plex of the files of all versions
    versions: tuple[Version, ...] = ()
    sort_title: str = ""  # empty if it equals the title
    # Plex's paths of the current poster and background. A new image gets a new path.
    thumb: str = field(default="", compare=False)
    art: str = field(default="", compare=False)
    # Whether an actor has a role. An edit of the list of actors would delete the role.
    has_roles: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class LibraryPart:
    """A file in Plex, as a listing of its library or the path index returns it."""

    path: str  # path in Plex
    rating_key: int
    size: int = 0  # bytes; 0 for unknown
    section: int = field(default=0, compare=False)  # key of the library; 0 for unknown
    # The time of the item's last update, in seconds since 1970 by Plex's clock; 0 for unknown.
    changed_at: int = field(default=0, compare=False)
    # Whether the file is in Plex's trash, because the last scan did not find it.
    in_trash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the listing of a library by rating key."""

    rows: int = 0  # number of items before the position
    last_key: int = 0  # rating key of the item before the position; 0 if Plex does not sort


POSTER, ART = "poster", "art"  # the poster and the background of an item
IMAGE_LOCKS = {POSTER: "thumb", ART: "art"}  # kind of image → Plex's name of its lock


@dataclass(frozen=True, slots=True)
class PlexImage:
    """An available poster or background of an item."""

    key: str  # Plex's name of the image; for an upload `upload://posters/<SHA-1 of the bytes>`
    selected: bool  # whether the image is the current poster or background


@dataclass(frozen=True, slots=True)
class Section:
    """A library in Plex."""

    key: int
    title: str
    locations: tuple[str, ...] = ()
    change_mark: str = ""
    kind: str = MOVIE  # only movie libraries, which contain single videos, are synced
    scanner: str = ""  # Plex's name of the scanner, which finds the library's files


def parse_item(video: Element) -> PlexItem | None:
    """Parse a `<Video>`. None if its rating key or library key is missing."""
    rating_key = whole_number(video.get("ratingKey"))
    section_key = whole_number(video.get("librarySectionID"))
    if not rating_key or not section_key:
        return None
    versions = [
        Version(
            tuple(path for part in media.findall("Part") if (path := part.get("file"))),
            whole_number(media.get("duration")),
        )
        for media in _own_media(video)
    ]
    return PlexItem(
        rating_key=rating_key,
        section_key=section_key,
        **{name: _value(video, declared) for name, declared in FIELDS.items()},
        labels=_names(video, "Label"),
        locked=frozenset(
            field.get("name") or "" for field in video.findall("Field") if _is_true(field, "locked")
        ),
        files=tuple(part.path for part in parse_parts(video)),
        versions=tuple(version for version in versions if version.files),
        sort_title=video.get("titleSort") or "",
        thumb=video.get("thumb") or "",
        art=video.get("art") or "",
        has_roles=any(role.get("role") for role in video.findall("Role")),
    )


def parse_parts(video: Element) -> Iterator[LibraryPart]:
    """Yield the files of a `<Video>`. Files in Plex's trash come last."""
    rating_key = whole_number(video.get("ratingKey"))
    if not rating_key:
        return
    changed_at = whole_number(video.get("updatedAt"))
    for media in _own_media(video):
        for part in media.findall("Part"):
            path = part.get("file")
            if path:
                size = whole_number(part.get("size"))
                in_trash = any(_is_in_trash(element) for element in (video, media, part))
                yield LibraryPart(path, rating_key, size, 0, changed_at, in_trash)


def _own_media(video: Element) -> list[Element]:
    """Return the versions that Plex did not convert itself. Versions in its trash come last."""
    media = [
        version for version in video.findall("Media") if version.get("proxyType") != _OPTIMIZED
    ]
    return sorted(media, key=_is_in_trash)


def _is_in_trash(element: Element) -> bool:
    return element.get("deletedAt", "0") not in ("", "0")


def _is_true(element: Element, attribute: str) -> bool:
    return element.get(attribute) in ("1", "true")


def parse_image(photo: Element) -> PlexImage:
    return PlexImage(photo.get("ratingKey") or "", _is_true(photo, "selected"))


def parse_section(directory: Element) -> Section | None:
    """Parse a `<Directory>` of the list of libraries. None if it is for music or has no key."""
    key = whole_number(directory.get("key"))
    kind = directory.get("type") or ""
    if not key or kind not in (MOVIE, SHOW, PHOTO):
        return None
    return Section(
        key=key,
        title=directory.get("title") or "",
        locations=tuple(location.get("path") or "" for location in directory.findall("Location")),
        change_mark="/".join(
            directory.get(name) or "" for name in ("contentChangedAt", "scannedAt", "updatedAt")
        ),
        kind=kind,
        scanner=directory.get("scanner") or "",
    )


def whole_number(text: str | None) -> int:
    """Convert a text to a number. 0 if SQLite cannot store the text as a positive integer."""
    digits = (text or "").lstrip("0")
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(LARGEST_NUMBER)):
        return 0
    number = int(digits)
    return number if number <= LARGEST_NUMBER else 0


def _value(video: Element, declared: Field) -> Any:
    if declared.element:
        return _names(video, declared.element)
    text = video.get(declared.plex) or ""
    return text[:10] if declared is FIELDS["date"] else text  # drop the time of day


def _names(video: Element, element: str) -> tuple[str, ...]:
    return tuple(tag for child in video.findall(element) if (tag := child.get("tag")))

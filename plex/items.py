"""Typed values of Plex's XML; the parser tolerates missing and malformed attributes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from validation.metadata import FIELDS, Field

LARGEST_NUMBER = 2**63 - 1  # SQLite stores no larger integer
MOVIE, SHOW, PHOTO = "movie", "show", "photo"  # kinds of libraries
_OPTIMIZED = "42"  # `Media.proxyType` of a version that Plex made of another version


@dataclass(frozen=True, slots=True)
class Version:
    """A `<Media>` of an item: a film in one file, or in several."""

    files: tuple[str, ...]  # Plex's paths
    duration: int = 0  # milliseconds; 0 for unknown


@dataclass(frozen=True, slots=True)
class PlexItem:
    """A video from `/library/metadata`, with complete lists."""

    rating_key: int
    section_key: int
    # The synced fields have the names of `FIELDS`.
    title: str = ""
    studio: str = ""
    summary: str = ""
    date: str = ""
    performers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    locked: frozenset[str] = frozenset()  # Plex's names of fields (`title`, `actor`, `thumb`, …)
    files: tuple[str, ...] = ()  # Plex's paths of the files of all versions
    versions: tuple[Version, ...] = ()
    sort_title: str = ""  # empty if it equals the title
    # The paths of the poster and the background that Plex shows. A path changes with its image.
    thumb: str = field(default="", compare=False)
    art: str = field(default="", compare=False)
    # Whether an actor has a role; an edit of the list of actors would delete the role.
    has_roles: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class LibraryPart:
    """A file in a listing."""

    path: str  # Plex's path
    rating_key: int
    size: int = 0  # bytes; 0 for unknown
    section: int = field(default=0, compare=False)  # key of the library; 0 for unknown
    # The item's `updatedAt`, in seconds since 1970 by Plex's clock; 0 for unknown.
    changed_at: int = field(default=0, compare=False)
    # Plex's last scan did not find the file, and its trash was not emptied since.
    in_trash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a library whose items are sorted by rating key."""

    rows: int = 0  # number of items before the position
    last_key: int = 0  # rating key of the last of these items; 0 if Plex does not sort the items


POSTER, ART = "poster", "art"  # kinds of an item's image
IMAGE_LOCKS = {POSTER: "thumb", ART: "art"}  # kind → Plex's name of its lock


@dataclass(frozen=True, slots=True)
class PlexImage:
    """An image that an item can show."""

    key: str  # Plex's name; for an upload `upload://posters/<SHA-1 of the bytes>`
    selected: bool  # whether Plex shows the image


@dataclass(frozen=True, slots=True)
class Section:
    """A library."""

    key: int
    title: str
    locations: tuple[str, ...] = ()
    change_mark: str = ""
    kind: str = MOVIE  # a movie library contains single videos; shows and photos are not synced
    scanner: str = ""  # Plex's name of the program that finds the files


def parse_item(video: Element) -> PlexItem | None:
    """Read a `<Video>`; None if its keys are missing."""
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
    """Yield the files of a `<Video>`; files in Plex's trash come last."""
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
    """Return the versions that Plex did not make itself; versions in its trash come last."""
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
    """Read a `<Directory>` of the list of libraries; None for music and invalid keys."""
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
    """Return the number that a text contains; 0 if SQLite cannot store it as a positive integer."""
    digits = (text or "").lstrip("0")
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(LARGEST_NUMBER)):
        return 0
    number = int(digits)
    return number if number <= LARGEST_NUMBER else 0


def _value(video: Element, declared: Field) -> Any:
    if declared.element:
        return _names(video, declared.element)
    text = video.get(declared.plex) or ""
    return text[:10] if declared is FIELDS["date"] else text  # without the time of day


def _names(video: Element, element: str) -> tuple[str, ...]:
    return tuple(tag for child in video.findall(element) if (tag := child.get("tag")))

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from validation.metadata import FIELDS, Field, OptionalFields
from validation.values import whole_number

MOVIE, SHOW, PHOTO = "movie", "show", "photo"
# A `<Media>` with this `proxyType` is a copy that Plex converted from another version.
_OPTIMIZED = "42"


@dataclass(frozen=True, slots=True)
class Version:
    files: tuple[str, ...]
    # The duration in milliseconds, or 0 if Plex does not know the duration.
    duration: int = 0


@dataclass(frozen=True, slots=True)
class PlexItem(OptionalFields):
    rating_key: int
    section_key: int
    title: str = ""
    studio: str = ""
    summary: str = ""
    date: str = ""
    performers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    locked: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()
    thumb: str = field(default="", compare=False)
    art: str = field(default="", compare=False)
    has_roles: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class LibraryPart:
    path: str
    rating_key: int
    size: int = 0
    section: int = field(default=0, compare=False)
    # The time of the item's last update by Plex's clock, or 0 if unknown.
    changed_at: int = field(default=0, compare=False)
    in_trash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    rows: int = 0
    # The rating key after which the next listing continues, or 0 to start at the beginning.
    last_key: int = 0


POSTER, ART = "poster", "art"
IMAGE_LOCKS = {POSTER: "thumb", ART: "art"}


@dataclass(frozen=True, slots=True)
class PlexImage:
    # The key of an uploaded image is `upload://posters/<SHA-1 of the image>`.
    key: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Section:
    key: int
    title: str
    locations: tuple[str, ...] = ()
    change_mark: str = ""
    kind: str = MOVIE
    scanner: str = ""


def parse_item(video: Element) -> PlexItem | None:
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
        locked=frozenset(
            field.get("name") or "" for field in video.findall("Field") if _is_true(field, "locked")
        ),
        files=tuple(part.path for part in parse_parts(video)),
        versions=tuple(version for version in versions if version.files),
        thumb=video.get("thumb") or "",
        art=video.get("art") or "",
        has_roles=any(role.get("role") for role in video.findall("Role")),
    )


def parse_parts(video: Element) -> Iterator[LibraryPart]:
    rating_key = whole_number(video.get("ratingKey"))
    if not rating_key:
        return
    changed_at = whole_number(video.get("updatedAt"))
    for media in _own_media(video):
        for part in media.findall("Part"):
            if path := part.get("file"):
                size = whole_number(part.get("size"))
                in_trash = any(_is_in_trash(element) for element in (video, media, part))
                yield LibraryPart(path, rating_key, size, 0, changed_at, in_trash)


def _own_media(video: Element) -> list[Element]:
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


def _value(video: Element, declared: Field) -> Any:
    if declared.element:
        return tuple(tag for child in video.findall(declared.element) if (tag := child.get("tag")))
    return declared.read(video.get(declared.plex) or "")

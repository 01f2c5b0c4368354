"""The data of a Plex server: sections, items, tags and images.

Tests change an item only by assignments to its attributes, because an assignment discards the
cached XML of the item.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal, TypeAlias, TypedDict

MOVIE_TYPE = 1

TAG_ATTRIBUTES = {
    "genre": "genres",
    "collection": "collections",
    "label": "labels",
    "director": "directors",
    "writer": "writers",
    "producer": "producers",
    "country": "countries",
}

_UNSHOWN = frozenset({"_revision", "_row"})
_assign = object.__setattr__

IMAGE_LOCKS = frozenset({"thumb", "art", "theme", "logo", "squareArt"})

# An actor is a name, or a tuple of a name, a role and the address of a thumbnail.
ActorLike: TypeAlias = str | tuple[str, str] | tuple[str, str, str]


class ItemFields(TypedDict, total=False):
    title: str
    title_sort: str
    original_title: str
    studio: str
    summary: str
    tagline: str
    originally_available_at: str
    content_rating: str
    edition_title: str
    user_rating: float | None
    rating: float | None
    audience_rating: float | None
    added_at: int
    genres: Sequence[str]
    collections: Sequence[str]
    labels: Sequence[str]
    directors: Sequence[str]
    writers: Sequence[str]
    producers: Sequence[str]
    countries: Sequence[str]
    actors: Sequence[ActorLike]
    poster: bytes
    art: bytes


class Revision:
    __slots__ = ("files", "value")

    def __init__(self) -> None:
        self.value = 0
        self.files = 0


@dataclass(slots=True)
class Tag:
    id: int
    kind: str
    name: str
    thumb: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    tag: Tag
    role: str = ""

    @property
    def name(self) -> str:
        return self.tag.name

    @property
    def thumb(self) -> str:
        return self.tag.thumb


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an item. Its duration is in milliseconds."""

    file: str
    size: int = 1_000_000
    duration: int | None = 60_000
    id: int = 0
    deleted_at: int | None = None

    @property
    def container(self) -> str:
        _, dot, suffix = self.file.rpartition(".")
        return suffix.lower() if dot else ""


@dataclass(frozen=True, slots=True)
class Media:
    parts: tuple[Part, ...]
    proxy_type: int | None = None
    width: int = 1920
    height: int = 1080
    bitrate: int = 4000
    id: int = 0
    deleted_at: int | None = None

    @property
    def duration(self) -> int:
        return sum(part.duration or 0 for part in self.parts)


@dataclass(frozen=True, slots=True)
class Image:
    key: str
    sha1: str
    data: bytes = field(repr=False)
    selected: bool = False
    provider: str | None = None


@dataclass(slots=True, eq=False)
class Section:
    key: int
    title: str
    locations: tuple[str, ...]
    agent: str
    scanner: str
    type: str
    uuid: str
    created_at: int
    updated_at: int
    scanned_at: int
    content_changed_at: int = 1
    refreshing: bool = False


Scalar: TypeAlias = str | float | None
Kind: TypeAlias = Literal["text", "date", "number"]


@dataclass(frozen=True, slots=True)
class ScalarField:
    attribute: str
    kind: Kind


def _scalar(plex: str, kind: Kind = "text") -> Any:
    default: Scalar = None if kind == "number" else ""
    return field(default=default, metadata={"plex": plex, "kind": kind})


@dataclass(slots=True, eq=False)
class Item:
    """A video. `own_date` is the release date without any edit."""

    _revision: Revision = field(repr=False)
    _row: tuple[object, bytes] | None = field(default=None, init=False, repr=False)
    rating_key: int
    section: Section = field(repr=False)
    guid: str
    media: tuple[Media, ...]
    added_at: int
    updated_at: int
    own_date: str = ""
    title: str = _scalar("title")
    title_sort: str = _scalar("titleSort")
    original_title: str = _scalar("originalTitle")
    studio: str = _scalar("studio")
    summary: str = _scalar("summary")
    tagline: str = _scalar("tagline")
    originally_available_at: str = _scalar("originallyAvailableAt", "date")
    content_rating: str = _scalar("contentRating")
    edition_title: str = _scalar("editionTitle")
    user_rating: float | None = _scalar("userRating", "number")
    rating: float | None = None
    audience_rating: float | None = None
    genres: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    actors: tuple[Actor, ...] = ()
    locks: frozenset[str] = frozenset()
    posters: tuple[Image, ...] = field(default=(), repr=False)
    arts: tuple[Image, ...] = field(default=(), repr=False)
    posters_at: int = 0
    arts_at: int = 0
    deleted_at: int | None = None

    def __setattr__(self, name: str, value: object) -> None:
        _assign(self, name, value)
        if name in _UNSHOWN:
            return
        if self._row is not None:
            _assign(self, "_row", None)
        self._revision.value += 1
        self._revision.files += name == "media"

    @property
    def year(self) -> int | None:
        return int(self.originally_available_at[:4]) if self.originally_available_at else None

    @property
    def parts(self) -> list[Part]:
        return [part for media in self.media for part in media.parts]

    @property
    def files(self) -> list[str]:
        return [part.file for media in self.media for part in media.parts]

    @property
    def duration(self) -> int:
        return self.media[0].duration if self.media else 0

    @property
    def poster(self) -> bytes | None:
        return selected_bytes(self.posters)

    @property
    def art(self) -> bytes | None:
        return selected_bytes(self.arts)

    @property
    def unmatched(self) -> bool:
        return self.guid.startswith(("local://", "com.plexapp.agents.none://"))


SCALARS: dict[str, ScalarField] = {
    declared.metadata["plex"]: ScalarField(declared.name, declared.metadata["kind"])
    for declared in fields(Item)
    if "plex" in declared.metadata
}
"""The fields with one value that an edit can change, by their name in requests and in XML."""


def selected_bytes(images: tuple[Image, ...]) -> bytes | None:
    return next((image.data for image in images if image.selected), None)


def stem(path: str) -> str:
    windows = "\\" in path and "/" not in path
    return (PureWindowsPath(path) if windows else PurePosixPath(path)).stem


def below(path: str, folder: str) -> bool:
    trimmed = folder.rstrip("/\\")
    return path == trimmed or path.startswith((trimmed + "/", trimmed + "\\"))

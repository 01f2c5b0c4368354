"""The records of a Stash. A record is immutable, so an edit replaces the record.

An attribute has the name of its field in the GraphQL schema.
"""

from dataclasses import dataclass


class StashError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    id: int
    name: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer(Named):
    disambiguation: str = ""
    gender: str | None = None
    tag_ids: tuple[int, ...] = ()


class Group(Named):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio(Named):
    parent_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Named):
    parent_ids: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    favorite: bool = False


@dataclass(frozen=True, slots=True)
class VideoFile:
    path: str
    size: int = 1_000_000
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    id: int
    created_at: str
    updated_at: str
    title: str = ""
    code: str = ""
    details: str = ""
    director: str = ""
    urls: tuple[str, ...] = ()
    date: str | None = None
    rating100: int | None = None
    organized: bool = False
    play_duration: float = 0.0
    files: tuple[VideoFile, ...] = ()
    studio_id: int | None = None
    performer_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    group_ids: tuple[int, ...] = ()
    cover: bytes | None = None

    @property
    def path(self) -> str | None:
        return self.files[0].path if self.files else None

"""The records of a Stash: immutable, replaced as a whole when something changes.

Attribute names are those of the GraphQL schema wherever a field is plain data.
"""

from dataclasses import dataclass


class StashError(Exception):
    """A refusal, in the words of a real Stash, that a client gets as an error's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The common part of performers, studios and tags."""

    id: int
    name: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer(Named):
    disambiguation: str = ""


class Studio(Named):
    """A studio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Named):
    aliases: tuple[str, ...] = ()
    favorite: bool = False


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file of a scene. Without an id it is a description; the library gives it one."""

    path: str
    size: int = 1_000_000
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A scene: its own data, and the ids of the records it refers to."""

    id: int
    created_at: str
    updated_at: str
    title: str = ""
    details: str = ""
    urls: tuple[str, ...] = ()
    date: str | None = None
    rating100: int | None = None
    organized: bool = False
    play_duration: float = 0.0
    files: tuple[VideoFile, ...] = ()
    studio_id: int | None = None
    performer_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    cover: bytes | None = None

    @property
    def path(self) -> str | None:
        """Path of the primary file; None when the scene has no file."""
        return self.files[0].path if self.files else None

"""The records of a Stash. Records are immutable; a change replaces a record.

An attribute has the name of the field in the GraphQL schema if the field is plain data.
"""

from dataclasses import dataclass


class StashError(Exception):
    """An error with the same message as in a real Stash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The common attributes of performers, studios and tags."""

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
    """A video file of a scene; the library assigns the id of the file."""

    path: str
    size: int = 1_000_000
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A scene, with the ids of its studio, performers, tags and groups."""

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
    cover: bytes | None = None

    @property
    def path(self) -> str | None:
        """The path of the primary file; None if the scene has no file."""
        return self.files[0].path if self.files else None

"""What a Stash holds: immutable records, replaced as a whole when something changes.

Attribute names are those of the GraphQL schema wherever a field is plain data.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash of a file: `oshash`, `md5` or `phash`."""

    type: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What performers, studios, tags and groups have in common."""

    id: int
    name: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer(Named):
    """A performer."""

    disambiguation: str = ""
    urls: tuple[str, ...] = ()
    birthdate: str | None = None
    alias_list: tuple[str, ...] = ()
    favorite: bool = False
    rating100: int | None = None
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio(Named):
    """A studio, perhaps part of another one."""

    parent_id: int | None = None
    urls: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    favorite: bool = False
    rating100: int | None = None
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Named):
    """A tag."""

    sort_name: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    favorite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Named):
    """A group, formerly a movie."""

    aliases: str = ""
    date: str | None = None
    rating100: int | None = None
    director: str = ""
    synopsis: str = ""
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SceneGroup:
    """A scene's place in a group."""

    group_id: int
    scene_index: int | None = None


@dataclass(frozen=True, slots=True)
class StashID:
    """A scene's identity in a stash-box."""

    endpoint: str
    stash_id: str
    updated_at: str = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file of a scene.

    Without an id it is a description; the state gives it an id and its missing time stamps.
    """

    path: str
    size: int = 1_000_000
    duration: float = 600.0
    width: int = 1920
    height: int = 1080
    format: str = "mp4"
    video_codec: str = "h264"
    audio_codec: str = "aac"
    frame_rate: float = 25.0
    bit_rate: int = 4_000_000
    fingerprints: tuple[Fingerprint, ...] = ()
    mod_time: str = ""
    created_at: str = ""
    updated_at: str = ""
    id: int = 0

    @property
    def basename(self) -> str:
        """The file's name without its folder."""
        return posixpath.basename(self.path.replace("\\", "/"))

    def fingerprint(self, kind: str) -> str | None:
        """The hash of that kind, if there is one."""
        return next((print_.value for print_ in self.fingerprints if print_.type == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A scene: its own data, and the ids of what it refers to."""

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
    o_counter: int = 0
    interactive: bool = False
    interactive_speed: int | None = None
    last_played_at: str | None = None
    resume_time: float = 0.0
    play_duration: float = 0.0
    play_count: int = 0
    play_history: tuple[str, ...] = ()
    o_history: tuple[str, ...] = ()
    files: tuple[VideoFile, ...] = ()
    studio_id: int | None = None
    performer_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    groups: tuple[SceneGroup, ...] = ()
    stash_ids: tuple[StashID, ...] = ()
    cover: bytes | None = None

    @property
    def path(self) -> str | None:
        """Path of the primary file; None when the scene has no file."""
        return self.files[0].path if self.files else None

import hashlib
from dataclasses import dataclass

from stash.connection import StashConnection
from stash.exceptions import StashFileError, StashUnavailable

# Plex rejects uploads over about 10 MB (docs/reference/plex.md).
MAX_BYTES = 10_000_000
_NOT_MODIFIED, _NOT_FOUND = 304, 404


@dataclass(frozen=True, slots=True)
class Cover:
    data: bytes
    sha1: str
    tag: str


class UnusableCoverError(Exception):
    def __init__(self, message: str, tag: str | None) -> None:
        super().__init__(message)
        self.tag = tag


def read_cover(
    connection: StashConnection, scene_id: int, known_tag: str | None = None
) -> Cover | None:
    """Return a scene's cover, or None if there is no cover or the ETag is still `known_tag`."""
    headers = {"If-None-Match": known_tag} if known_tag else {}
    try:
        answer = connection.get(f"/scene/{scene_id}/screenshot", headers, MAX_BYTES)
    except StashFileError as error:
        raise StashFileError(
            f"Stash did not return the cover ({error}); all other fields are synced"
        ) from None
    if answer.status in (_NOT_MODIFIED, _NOT_FOUND):
        return None
    data, tag = answer.data, answer.headers.get("ETag", "")
    if not is_picture(data):
        # For a scene without a cover, Stash returns an SVG drawing with status 200.
        drawing = data.lstrip().startswith((b"<svg", b"<?xml"))
        if drawing or "svg" in answer.headers.get("Content-Type", ""):
            return None
        if "html" in answer.headers.get("Content-Type", ""):
            raise StashUnavailable("Stash returned a web page instead of the cover")
        raise UnusableCoverError("it is no JPEG, PNG, WebP or GIF", tag or None)
    if len(data) > MAX_BYTES:
        raise UnusableCoverError(
            f"it is larger than the {MAX_BYTES / 1e6:.0f} MB that Plex accepts", tag or None
        )
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    return Cover(data, sha1, tag)


def is_picture(data: bytes) -> bool:
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")):
        return True
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"

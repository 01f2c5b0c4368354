"""Reads and checks the cover of a scene."""

import hashlib
from dataclasses import dataclass

from stash.connection import StashConnection
from stash.exceptions import StashFileError, StashUnavailable

MAX_BYTES = 10_000_000  # Plex rejects uploads over about 10 MB (docs/reference/plex.md)
_NOT_MODIFIED, _NOT_FOUND = 304, 404


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover's bytes, their SHA-1, and Stash's ETag."""

    data: bytes
    sha1: str
    tag: str


class UnusableCoverError(Exception):
    """Stash has a cover that Plex cannot show.

    Attributes:
        tag: Stash's ETag of the cover; None without one.
    """

    def __init__(self, message: str, tag: str | None) -> None:
        super().__init__(message)
        self.tag = tag


class StashImages:
    """The covers of one Stash server."""

    def __init__(self, connection: StashConnection) -> None:
        self._connection = connection

    def cover(self, scene_id: int, known_tag: str | None = None) -> Cover | None:
        """Return the scene's cover; None if there is none or its ETag is still `known_tag`.

        An `UnusableCoverError` means that the cover is too large, or no image that Plex knows.
        """
        headers = {"If-None-Match": known_tag} if known_tag else {}
        try:
            answer = self._connection.get(f"/scene/{scene_id}/screenshot", headers, MAX_BYTES)
        except StashFileError as error:
            message = f"Stash did not return the cover ({error}); all other fields are synced"
            raise StashFileError(message) from None
        if answer.status in (_NOT_MODIFIED, _NOT_FOUND):
            return None
        data, tag = answer.data, answer.headers.get("ETag", "")
        if not is_picture(data):
            # Without a cover Stash answers 200 with an SVG drawing.
            drawing = data.lstrip().startswith((b"<svg", b"<?xml"))
            if drawing or "svg" in answer.headers.get("Content-Type", ""):
                return None
            if "html" in answer.headers.get("Content-Type", ""):
                message = "Stash returned a web page instead of the cover"
                raise StashUnavailable(message)
            message = "it is no JPEG, PNG, WebP or GIF"
            raise UnusableCoverError(message, tag or None)
        if len(data) > MAX_BYTES:
            message = f"it is larger than the {MAX_BYTES / 1e6:.0f} MB that Plex accepts"
            raise UnusableCoverError(message, tag or None)
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        return Cover(data, sha1, tag)


def is_picture(data: bytes) -> bool:
    """Tell by the first bytes whether this is a JPEG, PNG, WebP or GIF."""
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")):
        return True
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"

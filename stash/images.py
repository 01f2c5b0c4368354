"""A scene's cover from Stash, checked by its content."""

import hashlib
from dataclasses import dataclass

from stash.connection import StashConnection
from stash.exceptions import StashFileError, StashUnavailable

MAX_BYTES = 10_000_000  # Plex refuses an upload over some 10 MB
_NOT_MODIFIED, _NOT_FOUND = 304, 404


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover's bytes, their SHA-1, and Stash's tag for asking whether they changed."""

    data: bytes
    sha1: str
    tag: str


class UnusableCoverError(Exception):
    """Stash has a cover that Plex cannot show.

    Attributes:
        tag: Stash's tag of it; None when Stash gave none.
    """

    def __init__(self, message: str, tag: str | None) -> None:
        super().__init__(message)
        self.tag = tag


class StashImages:
    """The covers of one Stash."""

    def __init__(self, connection: StashConnection) -> None:
        self._connection = connection

    def cover(self, scene_id: int, known_tag: str | None = None) -> Cover | None:
        """Return the scene's cover; None when it has none, or still the one with `known_tag`.

        Raises:
            UnusableCoverError: it is no image that Plex knows, or too large.
            StashFileError: Stash answered with an error, to this question at least.
            StashError: one of its sub-classes.
        """
        headers = {"If-None-Match": known_tag} if known_tag else {}
        try:
            answer = self._connection.get(f"/scene/{scene_id}/screenshot", headers, MAX_BYTES)
        except StashFileError as error:
            message = f"Stash did not give its cover ({error}); the rest was sent"
            raise StashFileError(message) from None
        if answer.status in (_NOT_MODIFIED, _NOT_FOUND):
            return None
        data, tag = answer.data, answer.headers.get("ETag", "")
        if not is_picture(data):
            # Without a cover Stash answers 200 with a drawing of its own.
            drawing = data.lstrip().startswith((b"<svg", b"<?xml"))
            if drawing or "svg" in answer.headers.get("Content-Type", ""):
                return None
            if "html" in answer.headers.get("Content-Type", ""):
                message = "Stash answered with a web page where a cover was asked for"
                raise StashUnavailable(message)
            message = "its cover is no JPEG, PNG, WebP or GIF"
            raise UnusableCoverError(message, tag or None)
        if len(data) > MAX_BYTES:
            # No well-kept library in pure Python scales pictures, so it is the user's to do.
            message = f"its cover is larger than the {MAX_BYTES / 1e6:.0f} MB that Plex takes"
            raise UnusableCoverError(message, tag or None)
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        return Cover(data, sha1, tag)


def is_picture(data: bytes) -> bool:
    """Tell by the first bytes whether this is a JPEG, PNG, WebP or GIF."""
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")):
        return True
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"

"""Uploading, choosing and forgetting posters and backgrounds (plex-protocol.md §3.6)."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Literal

from simulators.plex.answers import RefusedError
from simulators.plex.library import Library
from simulators.plex.state import Collection, Item
from simulators.plex.switches import Switches

Shelf = Literal["posters", "arts"]
LOCK_OF: dict[Shelf, str] = {"posters": "thumb", "arts": "art"}

_FETCH_SECONDS = 10.0


def fetch_from_loopback(url: str) -> bytes:
    """What Plex does with `?url=`; only this machine can be reached from a test."""
    if not url.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise RefusedError(500)
    try:
        with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as answer:
            data: bytes = answer.read()
    except OSError:
        raise RefusedError(500) from None
    return data


class Images:
    """Images of items and collections.

    Args:
        library: where they are kept.
        switches: whether a choice locks, and how large an upload may be.
    """

    def __init__(self, library: Library, switches: Callable[[], Switches]) -> None:
        self._library = library
        self._switches = switches
        self._uploads = 0

    def upload(self, target: Item | Collection, shelf: Shelf, data: bytes) -> None:
        """Keep the bytes, once per content, and choose them as the switch says.

        Raises:
            RefusedError: if they are none or too many.
        """
        switches = self._switches()
        if not data:
            raise RefusedError(400)
        if len(data) > switches.max_upload_bytes:
            raise RefusedError(switches.oversized_upload_status)
        self._uploads += 1
        held = len(getattr(target, shelf))
        image = self._library.add_image(target, shelf, data, select=False)
        is_new = len(getattr(target, shelf)) > held
        selects = {
            "always": True,
            "new": is_new,
            "usually": self._uploads % 3 != 0,
            "never": False,
        }
        if selects[switches.upload_selects]:
            self.choose(target, shelf, image.key)
        else:
            self._library.touch(target)

    def choose(self, target: Item | Collection, shelf: Shelf, key: str) -> None:
        """Choose a held image.

        Raises:
            RefusedError: if there is no such image.
        """
        try:
            self._library.choose_image(target, shelf, key)
        except KeyError:
            raise RefusedError(404) from None
        self._chosen(target, shelf)

    def forget(self, target: Item | Collection, shelf: Shelf) -> None:
        """Choose none; uploads stay on the server for good."""
        self._library.choose_image(target, shelf, None)
        self._library.touch(target)

    def _chosen(self, target: Item | Collection, shelf: Shelf) -> None:
        if self._switches().upload_locks_thumb:
            target.locks |= {LOCK_OF[shelf]}
        self._library.touch(target)

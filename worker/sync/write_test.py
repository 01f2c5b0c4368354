"""Finds out with one item how a Plex server takes edits, and puts the item back.

What the item showed is noted on disk before the first write. A test that was killed is undone by
the next one, from that note.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Self

from plex.client import PlexClient
from plex.diff import (
    DATE,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    current_values,
    days_between,
    same,
)
from plex.edit_requests import is_long, list_parameters
from plex.items import PlexItem
from plex.originals import FILES, shares_a_file
from plex.server_facts import Behaviour, DateClearing
from shared.events import Report
from shared.state_file import KeptState, write_state
from sync_queue.sync_records import values_of

TEXTS = ("title", "studio", "summary")
LISTS = ("performers", "tags", "collections")
IMAGES = {"poster": "thumb", "art": "art"}
LOCKS = (*PLEX_NAMES.values(), SORT_TITLE, *IMAGES.values())
MOST_PERFORMERS = 200  # a full item shows no more, so more could not be put back


@dataclass(frozen=True, slots=True)
class SavedItem:
    """What an item showed before a test.

    Attributes:
        values: our field names, the sort title and the files → what was shown.
        locks: Plex's names of the locks that showed.
        unseen_locks: those that the plugin has set and that did not show: they count as set if the
            server never shows them.
        testable: the locks whose state is known. A field whose lock may be set without showing is
            not touched.
        images: kind → key of the image that was shown, empty for none.
    """

    server_id: str
    rating_key: int
    values: Mapping[str, str | list[str]]
    locks: Sequence[str]
    unseen_locks: Sequence[str] = ()
    testable: Sequence[str] = ()
    images: Mapping[str, str] = field(default_factory=dict)

    def to_state(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self | None:
        """Read it; None where the state holds no such item."""
        values, images = values_of(state.get("values")), values_of(state.get("images"))
        key, locks = state.get("rating_key"), state.get("locks")
        if not values or not isinstance(key, int) or not isinstance(locks, list):
            return None
        kinds = {kind: image for kind, image in images.items() if isinstance(image, str)}
        more = values_of({name: state.get(name) for name in ("unseen_locks", "testable")})
        return cls(
            str(state.get("server_id")),
            key,
            values,
            [str(lock) for lock in locks],
            list(more.get("unseen_locks", [])),
            list(more.get("testable", [])),
            kinds,
        )

    def text(self, name: str) -> str:
        """Return a value that is no list."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list's names."""
        value = self.values.get(name, [])
        return tuple(value) if isinstance(value, list) else ()


class WriteTestNote:
    """The note of a test under way, on disk.

    Args:
        path: its file.
        report: is told about a file that could not be read.
        clock: seconds since the epoch.
    """

    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._path = path
        self._file = KeptState(path, report)
        self._clock = clock

    def load(self) -> SavedItem | None:
        """Return the item of a test that was begun and not ended."""
        if not os.path.lexists(self._path):
            return None
        return SavedItem.from_state(self._file.read(self._clock()))

    def store(self, saved: SavedItem) -> None:
        """Note that a test begins.

        Raises:
            OSError: the note could not be written, so nothing may be changed.
        """
        write_state(self._path, saved.to_state())

    def clear(self) -> None:
        """Note that the item is as it was."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)


def undo_killed_test(
    client: PlexClient, server_id: str, note: WriteTestNote
) -> tuple[str, ...] | None:
    """Put the item of a killed test back.

    Returns:
        The fields that the server did not put back; None where no test of this server was killed.

    Raises:
        PlexError: Plex could not be asked, or failed; the note stays.
    """
    saved = note.load()
    if saved is None or saved.server_id != server_id:
        return None
    left = put_back(client, saved)
    note.clear()
    return left


def obstacle(item: PlexItem, behaviour: Behaviour) -> str:
    """Return why an item could not be put back after a test, empty when it could.

    Args:
        item: as Plex has it.
        behaviour: what is known about the server.
    """
    if item.has_roles:
        return "its actors have roles, which an edit does not keep"
    if len(item.performers) >= MOST_PERFORMERS:
        return "it has more actors than Plex shows"
    if not item.date and behaviour.date_clearing is not DateClearing.ACCEPTED:
        return "it has no date, and Plex may not take one away again"
    if not item.title:
        return "it has no title, and Plex may not take one away again"
    for name in PLEX_NAMES:
        if is_long(_whole(name, getattr(item, name), item)):
            return f"its {name} do not fit into one request"
    return ""


def save(
    client: PlexClient,
    server_id: str,
    item: PlexItem,
    set_by_us: Collection[str],
    shown_locks: Collection[str],
) -> SavedItem:
    """Return what an item shows.

    Args:
        client: Plex.
        server_id: Plex's identity.
        item: as just read.
        set_by_us: Plex's names of the locks that the plugin has set.
        shown_locks: those that the server is known to show where they are set.

    Raises:
        PlexError: its images could not be listed.
    """
    images = {}
    for kind in IMAGES:
        listed = client.list_images(item.rating_key, kind)
        images[kind] = next((image.key for image in listed if image.selected), "")
    values = {**current_values(item), FILES: list(item.files)}
    return SavedItem(
        server_id,
        item.rating_key,
        values,
        locks=sorted(item.locked),
        unseen_locks=sorted({*set_by_us} - item.locked - {*shown_locks}),
        testable=sorted({*set_by_us, *item.locked, *shown_locks} & {*LOCKS}),
        images=images,
    )


def put_back(client: PlexClient, saved: SavedItem) -> tuple[str, ...]:
    """Make an item show again what was saved; it may be called again after a kill.

    Returns:
        The names of the fields that the server did not put back.

    Raises:
        PlexError: Plex could not be asked, or failed.
    """
    item = _read(client, saved.rating_key)
    if item is None or not shares_a_file(saved.values, item):
        return ()  # it is gone, so nothing is left to put back
    locks = {*saved.locks}
    if saved.unseen_locks:
        client.edit(item, {"locks": {f"{lock}.locked": "1" for lock in saved.unseen_locks}})
        item = _read(client, saved.rating_key) or item
        locks |= {*saved.unseen_locks} - item.locked
    for kind, key in saved.images.items():
        if IMAGES[kind] in saved.testable:
            _put_image_back(client, saved.rating_key, kind, key)
    edit = {
        name: parameters
        for name in PLEX_NAMES
        if (parameters := _whole(name, _saved_value(saved, name), item))
        and not _is_as_saved(saved, name, item)
    }
    if edit:
        client.edit(item, edit)
    item = _read(client, saved.rating_key) or item
    item = _date_put_back(client, saved, item)
    sorted_by: set[str] = set()
    if not same(item.sort_title, saved.text(SORTED_AS)):
        sort = saved.text(SORTED_AS) or saved.text(TITLE)
        sorted_by = {SORT_TITLE}
        client.edit(item, {SORTED_AS: {f"{SORT_TITLE}.value": sort, f"{SORT_TITLE}.locked": "1"}})
    touched = {*saved.testable} | (item.locked & {SORT_TITLE}) | sorted_by
    edit_locks = {f"{lock}.locked": str(int(lock in locks)) for lock in LOCKS if lock in touched}
    client.edit(item, {"locks": edit_locks})
    item = _read(client, saved.rating_key) or item
    names = (*PLEX_NAMES, SORTED_AS)
    return tuple(name for name in names if not _is_as_saved(saved, name, item))


def _date_put_back(client: PlexClient, saved: SavedItem, item: PlexItem) -> PlexItem:
    """Send a date once more that the server stores one day beside, by so much in advance."""
    days = days_between(saved.text(DATE), item.date)
    if days in (-1, 1):
        wanted = date.fromisoformat(saved.text(DATE)) - timedelta(days=days)
        client.edit(item, {DATE: _text_parameters(DATE, wanted.isoformat())})
        return _read(client, saved.rating_key) or item
    return item


def _put_image_back(client: PlexClient, rating_key: int, kind: str, key: str) -> None:
    images = client.list_images(rating_key, kind)
    selected = next((image.key for image in images if image.selected), "")
    if selected == key:
        return
    if key:
        client.select_image(rating_key, kind, key)
    else:
        client.deselect_image(rating_key, kind)


def _is_as_saved(saved: SavedItem, name: str, item: PlexItem) -> bool:
    value = _saved_value(saved, name)
    shown = getattr(item, name)
    return value == shown if isinstance(value, str) else tuple(value) == tuple(shown)


def _saved_value(saved: SavedItem, name: str) -> str | tuple[str, ...]:
    return saved.names(name) if name in LISTS else saved.text(name)


def _whole(name: str, value: str | tuple[str, ...], item: PlexItem) -> dict[str, str]:
    if isinstance(value, str):
        return _text_parameters(name, value)
    return list_parameters(PLEX_NAMES[name], value, getattr(item, name))


def _text_parameters(name: str, value: str) -> dict[str, str]:
    return {f"{PLEX_NAMES[name]}.value": value, f"{PLEX_NAMES[name]}.locked": "1"}


def _read(client: PlexClient, rating_key: int) -> PlexItem | None:
    return client.read_items([rating_key]).get(rating_key)

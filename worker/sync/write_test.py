"""Edits one item to learn how a Plex server applies edits, and then restores the item."""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import quote

from plex.client import PlexClient
from plex.diff import (
    DATE,
    LISTS,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    days_between,
    same,
    shifted,
)
from plex.edit_parameters import Parameters, is_long, list_parameters
from plex.edit_sender import EditOutcome
from plex.exceptions import PlexNotFound, PlexPermanentError, PlexTemporaryError
from plex.items import IMAGE_LOCKS, PlexImage, PlexItem
from plex.originals import original_values, shares_a_file
from plex.server_facts import DateClearing, ImageSelection, RemovalEncoding, ServerFacts, SortTitle
from shared.events import Report
from shared.state_file import KeptState, write_state
from sync_queue.sync_log import values_of
from validation.metadata import OPTIONAL
from validation.values import counted

_TESTED = {name: plex for name, plex in PLEX_NAMES.items() if name not in OPTIONAL}
_LOCKS = (*_TESTED.values(), SORT_TITLE, *IMAGE_LOCKS.values())
# Plex returns at most this many performers. The test could not restore a longer list.
_MOST_PERFORMERS = 200
# The space in this name shows how often Plex URL-decodes the names of removed tags.
_PROBE = "Stash2Plex test"
_PROBE_DATE = "2001-02-03"
_UNSYNCED = "not tested, because it was never synced"
_WORDS = {"actor": "actors", "genre": "genres", "originallyAvailableAt": "date", "thumb": "poster"}


@dataclass(frozen=True, slots=True)
class SavedItem:
    server_id: str
    rating_key: int
    values: Mapping[str, str | list[str]]
    locks: Sequence[str]
    unseen_locks: Sequence[str] = ()  # locks that the plugin set, but Plex did not report
    testable: Sequence[str] = ()
    images: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self | None:
        values, images = values_of(state.get("values")), values_of(state.get("images"))
        key, lists = state.get("rating_key"), values_of(state)
        if not values or not isinstance(key, int) or not isinstance(lists.get("locks"), list):
            return None
        locks, unseen, testable = (
            list(lists.get(name, ())) for name in ("locks", "unseen_locks", "testable")
        )
        shown = {kind: str(image) for kind, image in images.items()}
        return cls(str(state.get("server_id")), key, values, locks, unseen, testable, shown)

    def value(self, name: str) -> str | tuple[str, ...]:
        value = self.values.get(name)
        if name in LISTS:
            return tuple(value) if isinstance(value, list) else ()
        return value if isinstance(value, str) else ""


class WriteTestNote:
    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._path = path
        self._file = KeptState(path, report)
        self._clock = clock

    def load(self) -> SavedItem | None:
        return SavedItem.from_state(self._file.read(self._clock()))

    def store(self, saved: SavedItem) -> None:
        write_state(self._path, asdict(saved))

    def clear(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path)


def undo_killed_test(client: PlexClient, server_id: str, note: WriteTestNote) -> bool:
    saved = note.load()
    if saved is None or saved.server_id != server_id:
        return False
    put_back(client, saved)
    note.clear()
    return True


def obstacle(item: PlexItem, facts: ServerFacts) -> str:
    if item.has_roles:
        return "its actors have roles in Plex, which the test's edit would remove for good"
    if len(item.performers) >= _MOST_PERFORMERS:
        return "Plex does not return all actors of its item, so the test could not restore them"
    if not item.date and facts.behaviour().date_clearing is not DateClearing.ACCEPTED:
        return "its item has no date, and Plex might keep the date that the test sets"
    if not item.title:
        return "its item has no title, and Plex might keep the title that the test sets"
    for name in _TESTED:
        if is_long(_parameters(name, getattr(item, name), item)):
            return f"the field {name} of its item is too long to be restored by one request"
    return ""


def save(
    client: PlexClient,
    server_id: str,
    item: PlexItem,
    set_by_us: Collection[str],
    shown_locks: Collection[str],
) -> SavedItem:
    return SavedItem(
        server_id,
        item.rating_key,
        values=original_values(item),
        locks=sorted(item.locked),
        unseen_locks=sorted({*set_by_us} - item.locked - {*shown_locks}),
        testable=sorted({*set_by_us, *item.locked, *shown_locks} & {*_LOCKS}),
        images={kind: _selected_image(client, item.rating_key, kind) for kind in IMAGE_LOCKS},
    )


def put_back(client: PlexClient, saved: SavedItem) -> tuple[str, ...]:
    item = _read(client, saved.rating_key)
    if item is None or not shares_a_file(saved.values, item):
        return ()
    locks = {*saved.locks}
    if saved.unseen_locks:
        client.edit(item, {"locks": {f"{lock}.locked": "1" for lock in saved.unseen_locks}})
        item = _read(client, saved.rating_key) or item
        locks |= {*saved.unseen_locks} - item.locked
    for kind, key in saved.images.items():
        is_testable = IMAGE_LOCKS[kind] in saved.testable
        if is_testable and _selected_image(client, saved.rating_key, kind) != key:
            client.select_image(saved.rating_key, kind, key)
    fields = {
        name: _parameters(name, saved.value(name), item)
        for name in _TESTED
        if saved.value(name) != getattr(item, name)
    }
    if fields:
        client.edit(item, fields)
    item = _read(client, saved.rating_key) or item
    wanted = str(saved.value(DATE))
    days = days_between(wanted, item.date)
    if days in (-1, 1):
        client.edit(item, {DATE: _parameters(DATE, shifted(wanted, -days), item)})
        item = _read(client, saved.rating_key) or item
    touched = {*saved.testable} | (item.locked & {SORT_TITLE})
    if not same(item.sort_title or "", saved.value(SORTED_AS)):
        touched.add(SORT_TITLE)
        sort = str(saved.value(SORTED_AS) or saved.value(TITLE))
        client.edit(item, {SORTED_AS: {f"{SORT_TITLE}.value": sort, f"{SORT_TITLE}.locked": "1"}})
    edit_locks = {f"{lock}.locked": str(int(lock in locks)) for lock in _LOCKS if lock in touched}
    client.edit(item, {"locks": edit_locks})
    item = _read(client, saved.rating_key) or item
    names = (*_TESTED, SORTED_AS)
    return tuple(name for name in names if saved.value(name) != getattr(item, name))


def _selected_image(client: PlexClient, rating_key: int, kind: str) -> str:
    images = client.list_images(rating_key, kind)
    return next((image.key for image in images if image.selected), "")


def _parameters(name: str, value: str | tuple[str, ...], item: PlexItem) -> Parameters:
    plex_name = PLEX_NAMES[name]
    if isinstance(value, str):
        return {f"{plex_name}.value": value, f"{plex_name}.locked": "1"}
    return list_parameters(plex_name, value, getattr(item, name))


def _read(client: PlexClient, rating_key: int) -> PlexItem | None:
    return client.read_items([rating_key]).get(rating_key)


@dataclass(slots=True)
class WriteProbes:
    client: PlexClient
    facts: ServerFacts
    item: PlexItem
    saved: SavedItem
    report: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._locks()
        self._title()
        for name in _TESTED:
            if name not in (*LISTS, TITLE, DATE) and self._may_touch(name):
                self._text(name)
        if self._may_touch(DATE):
            self._date()
        self._lists()
        for kind, lock in IMAGE_LOCKS.items():
            if lock in self.saved.testable:
                self._image(kind)
            else:
                self.report.append(f"Plex shows an uploaded {kind} at once: {_UNSYNCED}")

    def _may_touch(self, name: str) -> bool:
        if PLEX_NAMES[name] in self.saved.testable:
            return True
        self.report.append(f"{name}: {_UNSYNCED}")
        return False

    def _locks(self) -> None:
        locks = [lock for lock in self.saved.testable if lock != SORT_TITLE]
        self.client.edit(self.item, {"locks": {f"{lock}.locked": "1" for lock in locks}})
        shown = self._read().locked
        for lock in locks:
            self.facts.learn_lock(lock, shown=lock in shown)
        self._add("Plex reports locks of actors", "actor" in shown)
        others = [_WORDS.get(lock, lock) for lock in locks if lock not in {"actor", *shown}]
        self._add("Plex reports all other locks", not others, f"not of {', '.join(others)}")

    def _title(self) -> None:
        before = self._read()
        title = f"{before.title} ({_PROBE})"
        self._write(TITLE, title)
        after = self._read()
        self._add("Plex saves the title", after.title == title, f"shows {after.title!r}")
        if SORT_TITLE in before.locked:
            self.report.append("sort title changes with the title: not tested, it is locked")
            return
        stays = (after.sort_title or after.title) == (before.sort_title or before.title)
        self.facts.learn(SortTitle.STAYS if stays else SortTitle.FOLLOWS)
        self._add("sort title changes with the title", not stays)

    def _text(self, name: str) -> None:
        if not getattr(self.item, name):
            self.report.append(f"Plex accepts an empty {name}: not tested, because it was empty")
            return
        self._write(name, _PROBE)
        kept = getattr(self._read(), name) == _PROBE
        self._write(name, "")
        self._add(f"Plex saves the {name}", kept)
        self._add(f"Plex accepts an empty {name}", not getattr(self._read(), name))

    def _date(self) -> None:
        self._write(DATE, _PROBE_DATE)
        days = days_between(_PROBE_DATE, self._read().date)
        if days in (-1, 0, 1):
            self.facts.learn_date_shift(self.item.section_key, days)
        distance = f"off by {counted(abs(days), 'day')}" if days else ""
        self._add("Plex saves the date", days == 0, distance)
        try:
            is_refused = bool(self._write(DATE, "").refused)
        except (PlexTemporaryError, PlexPermanentError):
            is_refused = True
        if is_refused:
            self.client.edit(self.item, {DATE: {f"{PLEX_NAMES[DATE]}.locked": "1"}})
            self.facts.learn(DateClearing.REFUSED)
            self._add("Plex accepts an empty date", False, "refused")
            return
        shown = self._read().date
        self.facts.learn(DateClearing.IGNORED if shown else DateClearing.ACCEPTED)
        self._add("Plex accepts an empty date", not shown, "the old date stays")

    def _lists(self) -> None:
        lists = [name for name in LISTS if name in _TESTED and self._may_touch(name)]
        for name in lists:
            self._write(name, (*getattr(self.item, name), _PROBE))
        after = self._read()
        kept = all(_PROBE in getattr(after, name) for name in lists)
        self._add("Plex saves names of actors, genres and collections", kept)
        removal = {f"{LISTS['tags']}[].tag.tag-": quote(_PROBE)}
        self.client.edit(self.item, {"tags": removal})
        twice = _PROBE not in self._read().tags
        if kept:
            self.facts.learn(RemovalEncoding.TWICE if twice else RemovalEncoding.ONCE)
        self.report.append(f"Plex URL-decodes names to remove: {'twice' if twice else 'once'}")

    def _image(self, kind: str) -> None:
        """Upload an image that the item already has, because Plex would never delete a new one."""
        key = self.item.rating_key
        images = self.client.list_images(key, kind)
        uploads = [image for image in images if image.key.startswith("upload://")]
        ours = next((image for image in uploads if image.selected), next(iter(uploads), None))
        other = next((image for image in images if image.key and image != ours), None)
        data = b"" if ours is None else self.client.read_image(key, ours.key)
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if ours is None or not ours.key.endswith(sha1) or (ours.selected and other is None):
            why = "not tested, because the item needs two images, one of them uploaded"
            self.report.append(f"Plex shows an uploaded {kind} at once: {why}")
            return
        if other is not None and ours.selected:
            self._select(kind, other)
        self.client.upload_image(key, kind, data)
        listed = self.client.list_images(key, kind)
        shown = any(image.selected and image.key == ours.key for image in listed)
        if shown:
            self.facts.learn(ImageSelection.AUTOMATIC)
        else:
            self._select(kind, ours)
        self._add(f"Plex shows an uploaded {kind} at once", shown, "not if Plex already has it")

    def _select(self, kind: str, image: PlexImage) -> None:
        try:
            self.client.select_image(self.item.rating_key, kind, image.key)
        except (PlexNotFound, PlexPermanentError) as error:
            self._add(f"Plex lets the plugin choose the {kind}", False, str(error))

    def _write(self, name: str, value: str | tuple[str, ...]) -> EditOutcome:
        return self.client.edit(self.item, {name: _parameters(name, value, self.item)})

    def _read(self) -> PlexItem:
        item = _read(self.client, self.item.rating_key)
        if item is None:
            raise PlexNotFound("Plex no longer has the item")
        return item

    def _add(self, claim: str, holds: bool, why: str = "") -> None:
        answer = "yes" if holds else "no"
        self.report.append(f"{claim}: {answer}{f', {why}' if why and not holds else ''}")

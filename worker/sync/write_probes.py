"""The edits of a write test: each kind of value, lock, list and image, read back at once."""

import hashlib
from urllib.parse import quote

from plex.client import PlexClient
from plex.diff import DATE, PLEX_NAMES, SORT_TITLE, TITLE, days_between
from plex.edit_requests import list_parameters
from plex.exceptions import PlexNotFound, PlexPermanentError, PlexTemporaryError
from plex.field_sender import EditOutcome
from plex.items import PlexImage, PlexItem
from plex.server_facts import (
    DateClearing,
    ImageSelection,
    RemovalEncoding,
    ServerFacts,
    SortTitle,
)
from worker.sync.write_test import IMAGES, LISTS, SavedItem

PROBE = "Stash2Plex test"  # its blank tells how often Plex decodes a name that is to be removed
_UNSYNCED = "not tested, it was never synced"
PROBE_DATE = "2001-02-03"
_WORDS = {"actor": "actors", "genre": "genres", "originallyAvailableAt": "date", "thumb": "poster"}


class WriteProbes:
    """Writes to one item, reads it back, and learns from what it shows.

    Args:
        client: Plex.
        facts: what is learned.
        item: as just read.
        saved: what it showed, and what may be touched; to be put back afterwards.

    Attributes:
        report: what was found, a phrase each.
    """

    def __init__(
        self, client: PlexClient, facts: ServerFacts, item: PlexItem, saved: SavedItem
    ) -> None:
        self._client = client
        self._facts = facts
        self._item = item
        self._testable = saved.testable
        self.report: list[str] = []

    def run(self) -> None:
        """Try everything.

        Raises:
            PlexError: Plex could not be asked, or failed at something else than a date.
        """
        self._locks()
        self._title()
        self._texts()
        if self._may_touch(DATE):
            self._date()
        self._lists()
        for kind, lock in IMAGES.items():
            if lock in self._testable:
                self._image(kind)
            else:
                self.report.append(f"uploaded {kind} shows: {_UNSYNCED}")

    def _may_touch(self, name: str) -> bool:
        if PLEX_NAMES[name] in self._testable:
            return True
        self.report.append(f"{name}: {_UNSYNCED}")
        return False

    def _locks(self) -> None:
        locks = [lock for lock in self._testable if lock != SORT_TITLE]
        self._client.edit(self._item, {"locks": {f"{lock}.locked": "1" for lock in locks}})
        shown = self._read().locked
        for lock in locks:
            self._facts.learn_lock(lock, shown=lock in shown)
        hidden = [_WORDS.get(lock, lock) for lock in locks if lock not in shown]
        self._tell("locks of actors show", "actor" in shown)
        self._tell("all other locks show", not set(hidden) - {"actors"}, ", ".join(hidden))

    def _title(self) -> None:
        before = self._read()
        self._write({TITLE: f"{before.title} ({PROBE})"})
        after = self._read()
        self._tell("title kept", after.title == f"{before.title} ({PROBE})", after.title)
        if SORT_TITLE in before.locked:
            self.report.append("sort title follows: not tested, it is locked")
            return
        stays = (after.sort_title or after.title) == (before.sort_title or before.title)
        self._facts.learn(SortTitle.STAYS if stays else SortTitle.FOLLOWS)
        self._tell("sort title follows", not stays)

    def _texts(self) -> None:
        for name in ("studio", "summary"):
            if not self._may_touch(name):
                continue
            if not getattr(self._item, name):
                self.report.append(f"empty {name} accepted: not tested, it was empty")
                continue
            self._write({name: PROBE})
            kept = getattr(self._read(), name) == PROBE
            self._write({name: ""})
            self._tell(f"{name} kept", kept)
            self._tell(f"empty {name} accepted", not getattr(self._read(), name))

    def _date(self) -> None:
        self._write({DATE: PROBE_DATE})
        days = days_between(PROBE_DATE, self._read().date)
        if days in (-1, 0, 1):
            self._facts.learn_date_shift(self._item.section_key, days)
        self._tell("date kept", days == 0, f"{days} days beside" if days else "")
        try:
            is_refused = bool(self._write({DATE: ""}).refused)
        except (PlexTemporaryError, PlexPermanentError):
            is_refused = True
        if is_refused:
            lock = f"{PLEX_NAMES[DATE]}.locked"
            self._client.edit(self._item, {DATE: {lock: "1"}})  # so it is the value
            self._facts.learn(DateClearing.REFUSED)
            self._tell("empty date accepted", False, "refused")
            return
        shown = self._read().date
        self._facts.learn(DateClearing.IGNORED if shown else DateClearing.ACCEPTED)
        self._tell("empty date accepted", not shown, "kept")

    def _lists(self) -> None:
        shown = self._read()
        lists = [name for name in LISTS if self._may_touch(name)]
        for name in lists:
            self._add(name, shown)
        after = self._read()
        kept = all(PROBE in getattr(after, name) for name in lists)
        self._tell("names of actors, genres and collections kept", kept)
        genres = PLEX_NAMES["tags"]
        self._client.edit(self._item, {"tags": {f"{genres}[].tag.tag-": quote(PROBE)}})
        twice = PROBE not in self._read().tags
        if kept:
            self._facts.learn(RemovalEncoding.TWICE if twice else RemovalEncoding.ONCE)
        self.report.append(f"removed names are decoded: {'twice' if twice else 'once'}")

    def _add(self, name: str, shown: PlexItem) -> None:
        names = getattr(shown, name)
        parameters = list_parameters(PLEX_NAMES[name], (*names, PROBE), names)
        self._client.edit(self._item, {name: parameters})

    def _image(self, kind: str) -> None:
        """Upload bytes that the item has already, because Plex keeps each new image for good."""
        key = self._item.rating_key
        images = self._client.list_images(key, kind)
        uploads = [image for image in images if image.key.startswith("upload://")]
        ours = next((image for image in uploads if image.selected), next(iter(uploads), None))
        other = next((image for image in images if image.key and image != ours), None)
        data = b"" if ours is None else self._client.read_image(key, ours.key)
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if ours is None or not ours.key.endswith(sha1) or (ours.selected and other is None):
            needed = "needs an image that was uploaded, and another one"
            self.report.append(f"uploaded {kind} shows: not tested, the item {needed}")
            return
        if other is not None and ours.selected:
            self._select(kind, other)
        self._client.upload_image(key, kind, data)
        shown = self._is_shown(kind, ours)
        if shown:
            self._facts.learn(ImageSelection.AUTOMATIC)
        else:
            self._select(kind, ours)
        self._tell(f"uploaded {kind} shows", shown, "not when Plex has its bytes already")

    def _select(self, kind: str, image: PlexImage) -> None:
        try:
            self._client.select_image(self._item.rating_key, kind, image.key)
        except (PlexNotFound, PlexPermanentError) as error:
            self._tell(f"{kind} can be selected", False, str(error))

    def _is_shown(self, kind: str, image: PlexImage) -> bool:
        images = self._client.list_images(self._item.rating_key, kind)
        return any(shown.selected and shown.key == image.key for shown in images)

    def _write(self, values: dict[str, str]) -> EditOutcome:
        return self._client.edit(
            self._item,
            {
                name: {f"{PLEX_NAMES[name]}.value": value, f"{PLEX_NAMES[name]}.locked": "1"}
                for name, value in values.items()
            },
        )

    def _read(self) -> PlexItem:
        found = self._client.read_items([self._item.rating_key]).get(self._item.rating_key)
        if found is None:
            message = "Plex no longer has the item"
            raise PlexNotFound(message)
        return found

    def _tell(self, what: str, holds: bool, why: str = "") -> None:
        answer = "yes" if holds else "no"
        self.report.append(f"{what}: {answer}{f', {why}' if why and not holds else ''}")

"""Finds the items that Plex cannot return, and leaves them out of later requests."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from plex.client import READ_BATCH, ItemsRead, PlexClient
from plex.exceptions import PlexError, PlexTemporaryError
from plex.items import LibraryPart, Section
from plex.listing import fails_at_file
from plex.path_index import PathIndex
from plex.walk import Hole
from shared.events import Event, Report

HOLE_AGE = 86_400.0
MOST_CANDIDATES = 100

_TABLES = """
CREATE TABLE IF NOT EXISTS unreadable_items (
    server_id TEXT NOT NULL, rating_key INTEGER NOT NULL,
    PRIMARY KEY (server_id, rating_key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listing_holes (
    server_id TEXT NOT NULL, section INTEGER NOT NULL, place INTEGER NOT NULL,
    after_key INTEGER NOT NULL, before_key INTEGER NOT NULL, found_at REAL NOT NULL,
    PRIMARY KEY (server_id, section, place)) WITHOUT ROWID;
"""


@dataclass
class UnreadableItems:
    client: PlexClient
    index: PathIndex
    clock: Callable[[], float]
    report: Report

    def __post_init__(self) -> None:
        self._database = self.index.database
        self._database.run(_TABLES)

    def read(self, rating_keys: Sequence[int], batch: int = READ_BATCH) -> ItemsRead:
        known = self._keys()
        others = [key for key in rating_keys if key not in known]
        found, failed = self.client.read_each(others, batch)
        if failed and len(others) == 1:
            # If Plex cannot return another item either, the cause is Plex, not a single item.
            other = self.index.another_key(others[0])
            if other is None or self.client.read_each([other], 1).failed:
                raise failed[others[0]]
            found, failed = self.client.read_each(others, 1)
        self._note(failed)
        for key in sorted(known.intersection(rating_keys)):
            alone = self.client.read_each([key], 1)
            found.update(alone.found)
            failed.update(alone.failed)
            if not alone.failed:
                statement = "DELETE FROM unreadable_items WHERE server_id = ? AND rating_key = ?"
                self._database.write(statement, self.client.server_id, key)
        return ItemsRead(found, {key: PlexTemporaryError(self._text(key)) for key in failed})

    def holes(self, section: Section) -> list[Hole]:
        now = self.clock()
        rows = self._database.rows(
            "SELECT place, after_key, before_key, found_at FROM listing_holes "
            "WHERE server_id = ? AND section = ? AND found_at BETWEEN ? AND ? ORDER BY place",
            *(self.client.server_id, section.key, now - HOLE_AGE, now),
        )
        return [Hole(*row) for row in rows]

    def keep_holes(self, section: Section, holes: Sequence[Hole], begin: int) -> None:
        library, now = (self.client.server_id, section.key), self.clock()
        rows = [
            (*library, hole.row, hole.after_key, hole.before_key, hole.found_at or now)
            for hole in holes
        ]
        with self._database.transaction():
            self._database.write(
                "DELETE FROM listing_holes WHERE server_id = ? AND section = ? AND place >= ?",
                *(*library, begin),
            )
            self._database.write_all(
                "INSERT OR REPLACE INTO listing_holes VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        for hole in holes:
            if not hole.found_at:
                self._identify(section, hole)

    def add_left_out(self, section: Section, path: str) -> bool:
        """Add a file to the index if its item is unreadable. Return whether the file was added."""
        gaps = [(hole.after_key, hole.before_key) for hole in self.holes(section)]
        nameless = [
            key
            for key in self._keys()
            if any(after < key and (key < before or not before) for after, before in gaps)
            and not self.index.files_of(key)
        ]
        if len(nameless) != 1 or not fails_at_file(self.client.read, section, path):
            return False
        return self.index.add(section.key, [LibraryPart(path, nameless[0])])

    def _identify(self, section: Section, hole: Hole) -> None:
        end = hole.before_key or hole.after_key + MOST_CANDIDATES + 1
        between = list(range(hole.after_key + 1, min(end, hole.after_key + MOST_CANDIDATES + 2)))
        if len(between) > MOST_CANDIDATES:
            between = self.index.keys_between(hole.after_key, end)[:MOST_CANDIDATES]
        with suppress(PlexError):
            for start in range(0, len(between), READ_BATCH):
                failed = self.client.read_each(between[start : start + READ_BATCH]).failed
                if failed:
                    self._note(failed)
                    return
        before = hole.before_key or "the end"
        self.report(Event.LISTING_GAP, after=hole.after_key, before=before, library=section.title)

    def _keys(self) -> set[int]:
        rows = self._database.rows(
            "SELECT rating_key FROM unreadable_items WHERE server_id = ?", self.client.server_id
        )
        return {row[0] for row in rows}

    def _note(self, keys: Iterable[int]) -> None:
        statement = "INSERT OR IGNORE INTO unreadable_items VALUES (?, ?)"
        for key in keys:
            if self._database.write(statement, self.client.server_id, key):
                self.report(Event.ITEM_UNREADABLE, item=key, advice=self._text(key))

    def _text(self, key: int) -> str:
        files = ", ".join(self.index.files_of(key)) or "file unknown"
        return (
            f"Plex cannot return item {key} ({files}), so this item is not synced. In Plex, "
            "refresh the item's metadata, or remove the item and scan its folder again"
        )

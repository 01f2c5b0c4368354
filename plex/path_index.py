"""The path index is a local table of all files in Plex and their items.

Several processes may list a library at once. So a complete listing deletes only the rows that no
process has stored since the listing began.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from plex.index_database import IndexDatabase
from plex.items import LibraryPart, Place
from plex.server_facts import Behaviour, stored_behaviours
from shared.sqlite import open_for_reading
from validation.paths import folded_name, folded_path

_LAST_NUMBER = (
    "SELECT coalesce((SELECT number FROM numbers_drawn WHERE section = ?), "
    "(SELECT MAX(listing) FROM parts WHERE section = ?), 0)"
)
_INSERT_LISTING = """
INSERT OR REPLACE INTO listings
SELECT ?, ?, ?, ?, ?, ?, ?, COUNT(DISTINCT rating_key), 0, 0
FROM parts WHERE server_id = ? AND section = ?
"""
_UPSERT_PART = (
    "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (server_id, section, rating_key, path) "
    "DO UPDATE SET size = excluded.size, listing = excluded.listing, in_trash = excluded.in_trash"
)
_TABLES = ("parts", "listings")
_KEY_OF_CLEAR_COUNT = -1


@dataclass(frozen=True, slots=True)
class Listing:
    listed_at: float
    change_mark: str
    looked_at: float
    looked_mark: str
    place: Place
    # The index has all changes before this time of Plex's clock. If it is 0, the time is unknown.
    cursor: int


class PathIndex:
    def __init__(self, path: str, note: Callable[[Iterable[str]], None] = lambda _: None) -> None:
        self.database = IndexDatabase(path)
        self._note = note
        self._server_id = ""

    def close(self) -> None:
        self.database.close()

    def use_server(self, server_id: str) -> None:
        self._server_id = server_id
        with self.database.transaction():
            for table in _TABLES:
                self.database.write(f"DELETE FROM {table} WHERE server_id != ?", server_id)

    def last_listing(self, section: int) -> Listing | None:
        row = self.database.first(
            "SELECT listed_at, change_mark, looked_at, looked_mark, items, last_key, cursor "
            "FROM listings WHERE server_id = ? AND section = ?",
            *(self._server_id, section),
        )
        if row is None:
            return None
        listed_at, mark, looked_at, looked_mark, items, last_key, cursor = row
        return Listing(listed_at, mark, looked_at, looked_mark, Place(items, last_key), cursor)

    def has_listing(self) -> bool:
        return bool(self._count("listings"))

    def count(self) -> int:
        return self._count("parts")

    def replace_section(
        self,
        section: int,
        pages: Iterable[list[LibraryPart]],
        change_mark: str,
        now: float,
        gaps: Callable[[], Iterable[tuple[int, int]]] = tuple,
    ) -> None:
        """Store a complete listing of a library, and delete the rows of files that were not listed.

        The rows of items in `gaps` stay. A gap is a range of rating keys that Plex could not list.
        """
        key = (self._server_id, section)
        cleared = self._last_number(_KEY_OF_CLEAR_COUNT)
        listing = self._draw_number(section)
        for page in pages:
            with self.database.transaction():
                self._store(section, page, self._last_number(section))
        with self.database.transaction():
            if self._last_number(_KEY_OF_CLEAR_COUNT) != cleared:
                return
            self.database.write_all(
                "UPDATE parts SET listing = ? WHERE server_id = ? AND section = ? "
                "AND listing < ? AND rating_key > ? AND rating_key < ?",
                [(listing, *key, listing, *gap) for gap in gaps()],
            )
            self.database.write(
                "DELETE FROM parts WHERE server_id = ? AND section = ? AND listing < ?",
                *(*key, listing),
            )
            times = (now, change_mark) * 2
            self.database.write(_INSERT_LISTING, *key, listing, *times, *key)

    def add(self, section: int, parts: Iterable[LibraryPart]) -> bool:
        items: dict[int, list[LibraryPart]] = {}
        for part in parts:
            items.setdefault(part.rating_key, []).append(part)
        if not items:
            return False
        condition = "FROM parts WHERE server_id = ? AND section = ? AND rating_key = ?"
        is_changed = False
        with self.database.transaction():
            number = self._last_number(section)
            for rating_key, files in items.items():
                item = (self._server_id, section, rating_key)
                known = self.database.rows(f"SELECT path, size, in_trash {condition}", *item)
                if {*known} != {(file.path, file.size, file.in_trash) for file in files}:
                    self.database.write(f"DELETE {condition}", *item)
                    is_changed = True
                self._store(section, files, number)
        return is_changed

    def note_refresh(
        self, section: int, now: float, change_mark: str, place: Place, cursor: int
    ) -> None:
        self.database.write(
            "UPDATE listings SET looked_at = ?, looked_mark = ?, items = ?, last_key = ?, "
            "cursor = ? WHERE server_id = ? AND section = ?",
            *(now, change_mark, place.rows, place.last_key, cursor, self._server_id, section),
        )

    def drop_sections_except(self, sections: Iterable[int]) -> None:
        statement = "SELECT section FROM listings WHERE server_id = ?"
        listed = self.database.rows(statement, self._server_id)
        dropped = {row[0] for row in listed}.difference(sections)
        with self.database.transaction():
            for table in _TABLES:
                self.database.write_all(
                    f"DELETE FROM {table} WHERE server_id = ? AND section = ?",
                    [(self._server_id, section) for section in dropped],
                )

    def forget_item(self, rating_key: int) -> None:
        statement = "DELETE FROM parts WHERE server_id = ? AND rating_key = ?"
        self.database.write(statement, self._server_id, rating_key)

    def clear(self) -> int:
        self._draw_number(_KEY_OF_CLEAR_COUNT)
        with self.database.transaction():
            files, _ = (
                self.database.write(f"DELETE FROM {table} WHERE server_id = ?", self._server_id)
                for table in _TABLES
            )
        return files

    def _store(self, section: int, parts: Iterable[LibraryPart], number: int) -> None:
        self.database.write_all(
            _UPSERT_PART,
            [
                (
                    *(self._server_id, section, part.rating_key, part.path),
                    *(folded_path(part.path), folded_name(part.path)),
                    *(part.size, number, part.in_trash),
                )
                for part in parts
            ],
        )

    def _draw_number(self, section: int) -> int:
        with self.database.transaction():
            number = self._last_number(section) + 1
            statement = "INSERT OR REPLACE INTO numbers_drawn VALUES (?, ?)"
            self.database.write(statement, section, number)
        return number

    def _last_number(self, section: int) -> int:
        return int(self.database.first(_LAST_NUMBER, section, section)[0])

    def find_exact(self, path: str) -> list[LibraryPart]:
        return self._find("path = ?", path)

    def find_folded(self, path: str) -> list[LibraryPart]:
        return self._find("folded = ?", folded_path(path))

    def find_named(self, path: str, size: int = 0) -> list[LibraryPart]:
        return self._find("name = ? AND (? = 0 OR size IN (?, 0))", folded_name(path), size, size)

    def files_of(self, rating_key: int) -> list[str]:
        return [part.path for part in self._find("rating_key = ?", rating_key)]

    def keys_between(self, low: int, high: int) -> list[int]:
        rows = self.database.rows(
            "SELECT DISTINCT rating_key FROM parts WHERE server_id = ? AND rating_key > ? "
            "AND rating_key < ? ORDER BY rating_key",
            *(self._server_id, low, high),
        )
        return [row[0] for row in rows]

    def another_key(self, rating_key: int) -> int | None:
        statement = "SELECT rating_key FROM parts WHERE server_id = ? AND rating_key != ? LIMIT 1"
        row = self.database.first(statement, self._server_id, rating_key)
        return None if row is None else int(row[0])

    def _find(self, condition: str, *values: str | int) -> list[LibraryPart]:
        # The plus sign keeps SQLite from using the primary key, with which it would read all rows
        # of the server.
        rows = self.database.rows(
            f"SELECT path, rating_key, size, section, 0, in_trash FROM parts WHERE {condition} "
            "AND +server_id = ? ORDER BY rating_key",
            *(*values, self._server_id),
        )
        parts = [LibraryPart(*row) for row in rows]
        self._note(part.path for part in parts)
        # The files of a missing disk are all in Plex's trash, but must still be found.
        return [part for part in parts if not part.in_trash] or parts

    def _count(self, table: str) -> int:
        statement = f"SELECT COUNT(*) FROM {table} WHERE server_id = ?"
        return int(self.database.first(statement, self._server_id)[0])


@dataclass(frozen=True, slots=True)
class IndexCheckup:
    exists: bool = True
    problem: str = ""
    size: int = 0
    files: int = 0
    looked_at: float = 0.0
    found_scenes: int = 0
    behaviours: Mapping[tuple[str, str], Behaviour] = field(default_factory=dict)


def _count_found_scenes(connection: sqlite3.Connection) -> int:
    statement = "SELECT COUNT(DISTINCT scene) FROM stash_files JOIN parts USING (name, size)"
    with contextlib.suppress(sqlite3.OperationalError):
        return int(connection.execute(statement).fetchone()[0])
    return 0


def inspect_index(path: str) -> IndexCheckup:
    if not os.path.exists(path):
        return IndexCheckup(exists=False)
    try:
        with contextlib.closing(open_for_reading(path, 2.0)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return IndexCheckup(problem=str(found))
            files, looked_at = connection.execute(
                "SELECT (SELECT COUNT(*) FROM parts), coalesce(MAX(looked_at), 0) FROM listings"
            ).fetchone()
            return IndexCheckup(
                size=os.path.getsize(path),
                files=files,
                looked_at=looked_at,
                found_scenes=_count_found_scenes(connection),
                behaviours=stored_behaviours(connection),
            )
    except (sqlite3.Error, OSError) as error:
        return IndexCheckup(problem=str(error))

"""Which Plex item holds which file: a local table, rebuilt from slim listings.

It lies in a database of its own that may be deleted at any time. A row is a hint: whoever uses one
compares it with the item's own files, as the item is read anyway before it is written.

Several processes may list a library at once. Each listing draws a number when it begins; what is
seen, by a listing or a single look, is marked with the number drawn last. At its end a listing
removes what has a lower mark than its own number: what nobody has seen since it began.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from plex.index_database import open_index
from plex.items import LibraryPart, Place
from validation.paths import folded_name, folded_path

# The first time in a database; the numbers only ever rise, so they outlive what they mark.
_BEGIN_NUMBERS = """
INSERT OR IGNORE INTO numbers_drawn
SELECT :section, coalesce(MAX(listing), 0) FROM parts WHERE section = :section
"""
_INSERT_LISTING = """
INSERT OR REPLACE INTO listings
SELECT :server, :section, :listing, :now, :mark, :now, :mark, COUNT(DISTINCT rating_key), 0, 0
FROM parts WHERE server_id = :server AND section = :section
"""
_UPSERT_PART = (
    "INSERT INTO parts "
    "(server_id, section, rating_key, path, folded, name, size, listing, in_trash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server_id, section, rating_key, path) "
    "DO UPDATE SET size = excluded.size, listing = excluded.listing, in_trash = excluded.in_trash"
)
_CLEARINGS = -1  # no library has this key: counts among the numbers how often all was forgotten


@dataclass(frozen=True, slots=True)
class Listing:
    """How a library stood when it was listed, and when it was last asked for changes.

    Attributes:
        listed_at: when it was last listed to its end, in seconds since the epoch.
        change_mark: what it said of itself then.
        looked_at: when it was last listed, or asked for what changed.
        looked_mark: what it said of itself then.
        items: how many items it had then, up to the one with the highest rating key.
        last_key: that rating key: what was added since has a higher one; 0 when Plex cannot tell.
        cursor: an update before this moment, in seconds since the epoch by Plex's clock, is known;
            0 when Plex cannot tell.
    """

    listed_at: float
    change_mark: str
    looked_at: float
    looked_mark: str
    items: int
    last_key: int
    cursor: int


class PathIndex:
    """The table of files of one Plex server.

    Args:
        path: the database file.
        note: is told the paths of the files that were found.

    Raises (all methods):
        sqlite3.Error: the database cannot be used.
    """

    def __init__(self, path: str, note: Callable[[Iterable[str]], None] | None = None) -> None:
        self._connection = open_index(path)
        self._note = note
        self._server_id = ""

    @property
    def connection(self) -> sqlite3.Connection:
        """The database, in autocommit mode, for whoever keeps tables of his own beside these."""
        return self._connection

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def use_server(self, server_id: str) -> None:
        """Speak of this server from now on; rating keys of another one mean nothing here."""
        self._server_id = server_id
        with self._transaction():
            for table in ("parts", "listings"):
                self._connection.execute(f"DELETE FROM {table} WHERE server_id != ?", (server_id,))

    def last_listing(self, section: int) -> Listing | None:
        """Return how this library stood at its last listing; None when it never had one."""
        row = self._connection.execute(
            "SELECT listed_at, change_mark, looked_at, looked_mark, items, last_key, cursor "
            "FROM listings WHERE server_id = ? AND section = ?",
            (self._server_id, section),
        ).fetchone()
        return None if row is None else Listing(*row)

    def has_listing(self) -> bool:
        """Tell whether any library is known: not before the first listing, nor after `clear`."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM listings WHERE server_id = ?)", (self._server_id,)
        ).fetchone()
        return bool(row[0])

    def replace_section(
        self,
        section: int,
        pages: Iterable[list[LibraryPart]],
        change_mark: str,
        now: float,
        gaps: Callable[[], Iterable[tuple[int, int]]] = tuple,
    ) -> int:
        """Take in a complete listing of one library, page by page; return the number of files.

        What the listing no longer has goes at its end, but for what was seen otherwise since it
        began; one that fails half-way removes nothing, and what it has shown by then is kept. One
        during which all was forgotten is no listing: what it had shown before that is gone.

        Args:
            section: the library's key.
            pages: the files.
            change_mark: what the library said of itself before.
            now: seconds since the epoch.
            gaps: gives, at the end, the rating keys between which the listing could not show what
                there is: nothing between two of them goes.
        """
        count = 0
        cleared = self._number(_CLEARINGS)
        listing = self._draw_number(section)
        for page in pages:
            count += len(page)
            with self._transaction():
                mark = self._last_number(section)
                self._connection.executemany(_UPSERT_PART, self._rows(section, page, mark))
        with self._transaction():
            if self._last_number(_CLEARINGS) != cleared:
                return count
            self._delete_unlisted(section, listing, gaps())
            self._connection.execute(
                _INSERT_LISTING,
                {
                    "server": self._server_id,
                    "section": section,
                    "listing": listing,
                    "now": now,
                    "mark": change_mark,
                },
            )
        return count

    def _delete_unlisted(self, section: int, listing: int, gaps: Iterable[tuple[int, int]]) -> None:
        """Delete the files of a library that a listing did not show, except those in its gaps."""
        self._connection.executemany(
            "UPDATE parts SET listing = ? WHERE server_id = ? AND section = ? "
            "AND listing < ? AND rating_key > ? AND rating_key < ?",
            [(listing, self._server_id, section, listing, *gap) for gap in gaps],
        )
        self._connection.execute(
            "DELETE FROM parts WHERE server_id = ? AND section = ? AND listing < ?",
            (self._server_id, section, listing),
        )

    def add(self, section: int, parts: Iterable[LibraryPart]) -> bool:
        """Take in all files of some items, in place of what was known of these items.

        Returns:
            Whether any of it is news.
        """
        files_of: dict[int, list[LibraryPart]] = {}
        for part in parts:
            files_of.setdefault(part.rating_key, []).append(part)
        with self._transaction():
            number = self._last_number(section)
            news = [self._replace_item(section, *item, number) for item in files_of.items()]
        return any(news)

    def note_look(
        self, section: int, now: float, change_mark: str, place: Place, cursor: int
    ) -> None:
        """Remember that this library, listed before, was asked for what changed."""
        self._connection.execute(
            "UPDATE listings SET looked_at = ?, looked_mark = ?, items = ?, last_key = ?, "
            "cursor = ? WHERE server_id = ? AND section = ?",
            (now, change_mark, place.rows, place.last_key, cursor, self._server_id, section),
        )

    def drop_sections_except(self, sections: Iterable[int]) -> None:
        """Forget the libraries that are not among these: deleted, or no longer configured."""
        kept = set(sections)
        rows = self._connection.execute(
            "SELECT section FROM listings WHERE server_id = ?", (self._server_id,)
        ).fetchall()
        with self._transaction():
            for (section,) in rows:
                if section not in kept:
                    for table in ("parts", "listings"):
                        self._connection.execute(
                            f"DELETE FROM {table} WHERE server_id = ? AND section = ?",
                            (self._server_id, section),
                        )

    def forget_item(self, rating_key: int) -> None:
        """Forget an item that is gone, or whose files are others than remembered."""
        self._connection.execute(
            "DELETE FROM parts WHERE server_id = ? AND rating_key = ?",
            (self._server_id, rating_key),
        )

    def clear(self) -> int:
        """Forget everything of this server; return how many files that were."""
        self._draw_number(_CLEARINGS)
        with self._transaction():
            count = self._connection.execute(
                "DELETE FROM parts WHERE server_id = ?", (self._server_id,)
            ).rowcount
            self._connection.execute("DELETE FROM listings WHERE server_id = ?", (self._server_id,))
        return count

    def find_exact(self, path: str) -> list[LibraryPart]:
        """Return the files with exactly this path."""
        return self._find("path", path)

    def find_folded(self, path: str) -> list[LibraryPart]:
        """Return the files whose path is this one but for how systems spell it."""
        return self._find("folded", folded_path(path))

    def find_named(self, path: str) -> list[LibraryPart]:
        """Return the files, in whatever folder, whose name is this path's but for its form."""
        return self._find("name", folded_name(path))

    def find_named_of_size(self, path: str, size: int) -> list[LibraryPart]:
        """Return the files of this path's name that have this size, or none that is known."""
        return self._find("size IN (?, 0) AND name", folded_name(path), size)

    def count(self) -> int:
        """Return how many files are known."""
        row = self._connection.execute(
            "SELECT COUNT(*) FROM parts WHERE server_id = ?", (self._server_id,)
        ).fetchone()
        return int(row[0])

    def rating_keys(self) -> set[int]:
        """Return the keys of all items."""
        rows = self._connection.execute(
            "SELECT DISTINCT rating_key FROM parts WHERE server_id = ?", (self._server_id,)
        )
        return {row[0] for row in rows}

    def files_of(self, rating_key: int) -> list[str]:
        """Return the paths of an item's files."""
        return [part.path for part in self._find("rating_key", rating_key)]

    def keys_between(self, low: int, high: int) -> list[int]:
        """Return the keys of the items between two rating keys, the lowest first."""
        rows = self._connection.execute(
            "SELECT DISTINCT rating_key FROM parts WHERE server_id = ? AND rating_key > ? "
            "AND rating_key < ? ORDER BY rating_key",
            (self._server_id, low, high),
        )
        return [row[0] for row in rows]

    def another_key(self, rating_key: int) -> int | None:
        """Return the key of any other item; None without one."""
        row = self._connection.execute(
            "SELECT rating_key FROM parts WHERE server_id = ? AND rating_key != ? LIMIT 1",
            (self._server_id, rating_key),
        ).fetchone()
        return None if row is None else int(row[0])

    def _find(self, column: str, value: str | int, *before: int) -> list[LibraryPart]:
        rows = self._connection.execute(
            f"SELECT path, rating_key, size, section, 0, in_trash FROM parts WHERE {column} = ? "
            "AND server_id = ? ORDER BY rating_key",
            (*before, value, self._server_id),
        ).fetchall()
        parts = [LibraryPart(*row) for row in rows]
        if self._note is not None:
            self._note(part.path for part in parts)
        # A disk that is away for a while puts all its files into the trash: they still count, but
        # only while Plex has no other file.
        return [part for part in parts if not part.in_trash] or parts

    def _replace_item(
        self, section: int, rating_key: int, files: list[LibraryPart], number: int
    ) -> bool:
        """Take in the files of one item, in place of what was known; tell whether it is news."""
        item = (self._server_id, section, rating_key)
        known = self._connection.execute(
            "SELECT path, size, in_trash, listing FROM parts "
            "WHERE server_id = ? AND section = ? AND rating_key = ?",
            item,
        ).fetchall()
        news = {row[:3] for row in known} != {(one.path, one.size, one.in_trash) for one in files}
        if news:
            self._connection.execute(
                "DELETE FROM parts WHERE server_id = ? AND section = ? AND rating_key = ?", item
            )
        if news or any(row[3] < number for row in known):
            self._connection.executemany(_UPSERT_PART, self._rows(section, files, number))
        return news

    def _draw_number(self, section: int) -> int:
        with self._transaction():
            number = self._last_number(section) + 1
            self._connection.execute(
                "UPDATE numbers_drawn SET number = ? WHERE section = ?", (number, section)
            )
        return number

    def _number(self, section: int) -> int:
        with self._transaction():
            return self._last_number(section)

    def _last_number(self, section: int) -> int:
        """Return the number drawn last; called within the transaction that goes by it."""
        statement = "SELECT number FROM numbers_drawn WHERE section = ?"
        row = self._connection.execute(statement, (section,)).fetchone()
        if row is None:
            self._connection.execute(_BEGIN_NUMBERS, {"section": section})
            row = self._connection.execute(statement, (section,)).fetchone()
        return int(row[0])

    def _rows(
        self, section: int, page: list[LibraryPart], listing: int
    ) -> Iterator[tuple[object, ...]]:
        for part in page:
            folded = folded_path(part.path)
            name = folded.rsplit("/", 1)[-1]
            yield (
                self._server_id,
                section,
                part.rating_key,
                part.path,
                folded,
                name,
                part.size,
                listing,
                part.in_trash,
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

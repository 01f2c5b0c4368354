"""The connection to the index of Plex's files; its errors can be told from those of the queue.

SQLite's own do not say which database they are about, and both are used in one step of a worker.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from typing import Any, Self

_TABLES = """
CREATE TABLE IF NOT EXISTS parts (
    server_id TEXT NOT NULL, section INTEGER NOT NULL, rating_key INTEGER NOT NULL,
    path TEXT NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    listing INTEGER NOT NULL, in_trash INTEGER NOT NULL,
    PRIMARY KEY (server_id, section, rating_key, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parts_by_path ON parts (path);
CREATE INDEX IF NOT EXISTS parts_by_folded ON parts (folded);
CREATE INDEX IF NOT EXISTS parts_by_name ON parts (name, size);
CREATE TABLE IF NOT EXISTS listings (
    server_id TEXT NOT NULL, section INTEGER NOT NULL, listing INTEGER NOT NULL,
    listed_at REAL NOT NULL, change_mark TEXT NOT NULL, looked_at REAL NOT NULL,
    looked_mark TEXT NOT NULL, items INTEGER NOT NULL, last_key INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    PRIMARY KEY (server_id, section)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers_drawn (section INTEGER PRIMARY KEY, number INTEGER NOT NULL);
"""
_SCHEMA_VERSION = 6  # also rises when `folded_path` changes: an index of old forms finds nothing
_NOTE = "the index of Plex's files, library.db"


def is_about_index(error: BaseException) -> bool:
    """Tell whether this error came from the index."""
    return _NOTE in getattr(error, "__notes__", ())


def _noted(error: sqlite3.Error) -> sqlite3.Error:
    if not is_about_index(error):
        error.add_note(_NOTE)
    return error


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Any = ()) -> Self:
        try:
            return super().execute(sql, values)
        except sqlite3.Error as error:
            raise _noted(error) from None

    def executemany(self, sql: str, values: Iterable[Any]) -> Self:
        try:
            return super().executemany(sql, values)
        except sqlite3.Error as error:
            raise _noted(error) from None

    def executescript(self, script: str) -> sqlite3.Cursor:
        try:
            return super().executescript(script)
        except sqlite3.Error as error:
            raise _noted(error) from None

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.Error as error:
            raise _noted(error) from None

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.Error as error:
            raise _noted(error) from None

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.Error as error:
            raise _noted(error) from None


class IndexConnection(sqlite3.Connection):
    """A connection whose errors say that they are the index's: see `is_about_index`."""

    def __init__(self, path: str, **options: Any) -> None:
        try:
            super().__init__(path, **options)
        except sqlite3.Error as error:
            raise _noted(error) from None

    def cursor(self, _factory: Any = None) -> _Cursor:  # type: ignore[override] # ours only
        """Return a cursor of the same kind."""
        return super().cursor(_Cursor)

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        return self.cursor().execute(sql, values)

    def executemany(self, sql: str, values: Iterable[Any]) -> sqlite3.Cursor:
        """Execute one statement for each row of values."""
        return self.cursor().executemany(sql, values)

    def executescript(self, script: str) -> sqlite3.Cursor:
        """Execute several statements."""
        return self.cursor().executescript(script)

    def __exit__(self, *problem: Any) -> Any:
        """Commit, or roll back after a problem."""
        try:
            return super().__exit__(*problem)
        except sqlite3.Error as error:
            raise _noted(error) from None


def delete_index(path: str) -> None:
    """Delete the database and its log, for a new one; nobody has it open."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


def open_index(path: str) -> sqlite3.Connection:
    """Open the database; a file that is none, or of another schema, is simply made anew."""
    try:
        connection = _connect(path)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version in (0, _SCHEMA_VERSION):
            return _with_tables(connection)
        connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
    delete_index(path)
    return _with_tables(_connect(path))


def _connect(path: str) -> sqlite3.Connection:
    connection = IndexConnection(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # whatever a power cut takes is listed again
    return connection


def _with_tables(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
    return connection

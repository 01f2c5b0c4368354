"""The database of the path index, `library.db`: schema, opening, and a check for the task Doctor.

One step of the worker uses this database and the queue's. SQLite's errors do not name their
database, so each error of this one gets a note.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from plex.server_facts import Behaviour, stored_behaviours
from shared.read_only import open_for_reading

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
_SCHEMA_VERSION = 6  # increase it also when `folded_path` changes, as stored forms no longer match
_PATIENCE = 2.0  # seconds for a writer
_NOTE = "the index of Plex's files, library.db"


def is_about_index(error: BaseException) -> bool:
    """Tell whether an error came from the database of the path index."""
    return _NOTE in getattr(error, "__notes__", ())


def _noting(method: Callable[..., Any]) -> Any:
    """Return the method with a note on each SQLite error that it raises."""

    @wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        except sqlite3.Error as error:
            if not is_about_index(error):
                error.add_note(_NOTE)
            raise

    return call


class _Cursor(sqlite3.Cursor):
    execute = _noting(sqlite3.Cursor.execute)
    executemany = _noting(sqlite3.Cursor.executemany)
    executescript = _noting(sqlite3.Cursor.executescript)
    fetchone = _noting(sqlite3.Cursor.fetchone)
    fetchall = _noting(sqlite3.Cursor.fetchall)
    __next__ = _noting(sqlite3.Cursor.__next__)


class IndexConnection(sqlite3.Connection):
    """A connection whose errors `is_about_index` recognises."""

    __init__ = _noting(sqlite3.Connection.__init__)
    __exit__ = _noting(sqlite3.Connection.__exit__)

    def cursor(self, _factory: Any = None) -> _Cursor:  # type: ignore[override] # no other factory
        """Return a cursor of the same kind."""
        return super().cursor(_Cursor)

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Execute a statement."""
        return self.cursor().execute(sql, values)

    def executemany(self, sql: str, values: Iterable[Any]) -> Any:
        """Execute a statement for each row of values."""
        return self.cursor().executemany(sql, values)

    def executescript(self, script: str) -> Any:
        """Execute several statements."""
        return self.cursor().executescript(script)


def delete_index(path: str) -> None:
    """Delete the database and its write-ahead log; no process has it open."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


def open_index(path: str) -> sqlite3.Connection:
    """Open the database; a damaged file or another schema is replaced by an empty database."""
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
    connection: sqlite3.Connection = IndexConnection(
        path, timeout=10.0, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # Plex lists again what a power cut loses
    return connection


def _with_tables(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
    return connection


@dataclass(frozen=True, slots=True)
class IndexCheckup:
    """The state of the path index."""

    exists: bool = True
    problem: str = ""  # why the index could not be read; empty when it could
    size: int = 0  # bytes
    files: int = 0  # number of known files in Plex
    libraries: int = 0  # number of listed libraries
    looked_at: float = 0.0  # when Plex was last asked for changes, in seconds since the epoch
    # (server id, version) → learned behaviour.
    behaviours: Mapping[tuple[str, str], Behaviour] = field(default_factory=dict)


def inspect_index(path: str) -> IndexCheckup:
    """Inspect the index file read-only; errors become part of the result."""
    if not os.path.exists(path):
        return IndexCheckup(exists=False)
    try:
        with contextlib.closing(open_for_reading(path, _PATIENCE)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return IndexCheckup(problem=str(found))
            (files,) = connection.execute("SELECT COUNT(*) FROM parts").fetchone()
            libraries, looked_at = connection.execute(
                "SELECT COUNT(*), coalesce(MAX(looked_at), 0) FROM listings"
            ).fetchone()
            return IndexCheckup(
                size=os.path.getsize(path),
                files=files,
                libraries=libraries,
                looked_at=looked_at,
                behaviours=stored_behaviours(connection),
            )
    except (sqlite3.Error, OSError) as error:
        return IndexCheckup(problem=str(error))

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from shared.sqlite import open_database, use_wal, uses_wal

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
# Increase this number after a change of `folded_path`, because the tables store its results.
_SCHEMA_VERSION = 6
_BUSY_TIMEOUT = 10.0
# Errors of `library.db` get this note, to tell them from errors of the queue's database.
_NOTE = "the index of Plex's files, library.db"


def is_about_index(error: BaseException) -> bool:
    return _NOTE in getattr(error, "__notes__", ())


@contextlib.contextmanager
def _noting() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        error.add_note(_NOTE)
        raise


class IndexDatabase:
    def __init__(self, path: str) -> None:
        with _noting():
            try:
                self._connection = _connect(path)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                delete_index(path)
                self._connection = _connect(path)

    def close(self) -> None:
        self._connection.close()

    def rows(self, statement: str, *values: object) -> list[Any]:
        return list(self.each(statement, *values))

    def first(self, statement: str, *values: object) -> Any:
        return next(iter(self.rows(statement, *values)), None)

    def each(self, statement: str, *values: object) -> Iterator[Any]:
        with _noting():
            yield from self._connection.execute(statement, values)

    @_noting()
    def write(self, statement: str, *values: object) -> int:
        return self._connection.execute(statement, values).rowcount

    @_noting()
    def write_all(self, statement: str, rows: Iterable[Iterable[object]]) -> None:
        self._connection.executemany(statement, map(tuple, rows))

    @_noting()
    def run(self, script: str) -> None:
        self._connection.executescript(script)

    @contextlib.contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        with _noting(), self._connection:
            self._connection.execute(f"BEGIN {kind}")
            yield


def _connect(path: str) -> sqlite3.Connection:
    # A power failure may lose the last rows, but the next listing of the library restores them.
    connection = open_database(path, "NORMAL", _BUSY_TIMEOUT)
    if not uses_wal(connection):
        use_wal(path, _BUSY_TIMEOUT)
    if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, _SCHEMA_VERSION):
        connection.close()
        raise sqlite3.DatabaseError("the database has another schema")
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
    return connection


def delete_index(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)

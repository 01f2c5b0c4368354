"""The connection to the index of Plex's files; its errors can be told from those of the queue.

SQLite's own do not say which database they are about, and both are used in one step of a worker.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Self

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

"""The connection to the index of Plex's files; its errors can be told from those of the queue.

SQLite's own do not say which database they are about, and both are used in one step of a worker.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

_NOTE = "the index of Plex's files, library.db"
_Result = TypeVar("_Result")


def is_about_index(error: BaseException) -> bool:
    """Tell whether this error came from the index."""
    return _NOTE in getattr(error, "__notes__", ())


def _noted(act: Callable[..., _Result], *arguments: Any) -> _Result:
    try:
        return act(*arguments)
    except sqlite3.Error as error:
        if not is_about_index(error):
            error.add_note(_NOTE)
        raise


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Any = ()) -> Self:
        return _noted(super().execute, sql, values)

    def executemany(self, sql: str, values: Iterable[Any]) -> Self:
        return _noted(super().executemany, sql, values)

    def executescript(self, script: str) -> sqlite3.Cursor:
        return _noted(super().executescript, script)

    def fetchone(self) -> Any:
        return _noted(super().fetchone)

    def fetchall(self) -> list[Any]:
        return _noted(super().fetchall)

    def __next__(self) -> Any:
        return _noted(super().__next__)


class IndexConnection(sqlite3.Connection):
    """A connection whose errors say that they are the index's: see `is_about_index`."""

    def __init__(self, path: str, **options: Any) -> None:
        _noted(lambda: super(IndexConnection, self).__init__(path, **options))

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
        return _noted(super().__exit__, *problem)

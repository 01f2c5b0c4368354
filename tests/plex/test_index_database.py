"""An error says which of the two databases it is about."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from plex.index_database import IndexConnection, is_about_index
from plex.path_index import PathIndex
from tasks.answer import unusable_database
from worker.pauses import database_fault

Fail = Callable[[sqlite3.Connection], object]


def _fetch_what_fails(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """A statement whose second row is an error."""
    return connection.execute("SELECT abs(a) FROM (SELECT 1 AS a UNION ALL SELECT ?)", (-(2**63),))


def _fetch_one_by_one(connection: sqlite3.Connection) -> None:
    cursor = _fetch_what_fails(connection)
    while cursor.fetchone():
        pass


def _commit_what_fails(connection: sqlite3.Connection) -> None:
    connection.executescript(
        "PRAGMA foreign_keys=ON; CREATE TABLE a (id INTEGER PRIMARY KEY); "
        "CREATE TABLE b (a REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);"
    )
    connection.execute("BEGIN")
    with connection:
        connection.execute("INSERT INTO b VALUES (5)")


FAILURES: dict[str, Fail] = {
    "execute": lambda connection: connection.execute("SELECT none"),
    "executemany": lambda connection: connection.executemany("INSERT INTO none VALUES (?)", [(1,)]),
    "executescript": lambda connection: connection.executescript("DROP TABLE none"),
    "iterating": lambda connection: list(_fetch_what_fails(connection)),
    "fetchall": lambda connection: _fetch_what_fails(connection).fetchall(),
    "fetchone": _fetch_one_by_one,
    "commit": _commit_what_fails,
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES.keys())
def test_an_error_of_the_index_says_so_and_stays_what_it_is(fail: Fail) -> None:
    plain = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.Error) as of_another:
        fail(plain)
    plain.close()
    connection = IndexConnection(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.Error) as of_the_index:
        fail(connection)
    connection.close()

    assert is_about_index(of_the_index.value)
    assert not is_about_index(of_another.value)
    assert type(of_the_index.value) is type(of_another.value)
    assert str(of_the_index.value) == str(of_another.value)


def test_people_are_told_which_file_it_is(tmp_path: Path) -> None:
    (tmp_path / "library.db").mkdir()
    with pytest.raises(sqlite3.OperationalError) as caught:
        PathIndex(str(tmp_path / "library.db"))
    of_the_queue = sqlite3.OperationalError("unable to open database file")

    assert "library.db" in unusable_database(caught.value)
    assert "library.db" in database_fault(caught.value)
    assert "library.db" not in unusable_database(of_the_queue)
    assert database_fault(of_the_queue).startswith("The queue's database cannot be used")

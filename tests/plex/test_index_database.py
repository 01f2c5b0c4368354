"""An error says which of the two databases it is about."""

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plex.index_database import IndexDatabase, delete_index, is_about_index
from plex.path_index import PathIndex
from tasks.answer import unusable_database
from worker.pauses import database_fault

Fail = Callable[[IndexDatabase], object]
# The second row is an error.
FAILING = "SELECT abs(a) FROM (SELECT 1 AS a UNION ALL SELECT ?)", -(2**63)


def _commit_what_fails(database: IndexDatabase) -> None:
    database.run(
        "PRAGMA foreign_keys=ON; CREATE TABLE a (id INTEGER PRIMARY KEY); "
        "CREATE TABLE b (a REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);"
    )
    with database.transaction():
        database.write("INSERT INTO b VALUES (5)")


FAILURES: dict[str, Fail] = {
    "write": lambda database: database.write("SELECT none"),
    "write_all": lambda database: database.write_all("INSERT INTO none VALUES (?)", [(1,)]),
    "run": lambda database: database.run("DROP TABLE none"),
    "each": lambda database: list(database.each(*FAILING)),
    "rows": lambda database: database.rows(*FAILING),
    "first": lambda database: database.first("SELECT abs(?)", FAILING[1]),
    "commit": _commit_what_fails,
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES.keys())
def test_an_error_of_the_index_says_so(fail: Fail) -> None:
    database = IndexDatabase(":memory:")
    with pytest.raises(sqlite3.Error) as caught:
        fail(database)
    database.close()

    assert is_about_index(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc lists the open files on Linux only")
def test_an_unusable_file_is_closed_before_it_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(path: str) -> None:
        # Windows cannot delete an open file.
        assert path not in [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]
        delete_index(path)

    path = tmp_path / "library.db"
    path.write_bytes(b"not a database" * 100)
    monkeypatch.setattr("plex.index_database.delete_index", delete)
    IndexDatabase(str(path)).close()
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_people_are_told_which_file_it_is(tmp_path: Path) -> None:
    (tmp_path / "library.db").mkdir()
    with pytest.raises(sqlite3.OperationalError) as caught:
        PathIndex(str(tmp_path / "library.db"))
    of_the_queue = sqlite3.OperationalError("unable to open database file")

    assert "library.db" in unusable_database(caught.value)
    assert "library.db" in database_fault(caught.value)
    assert "library.db" not in unusable_database(of_the_queue)
    assert database_fault(of_the_queue).startswith("the queue's database cannot be used")

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from plex.exceptions import PlexTemporaryError
from plex.items import LibraryPart, Place
from plex.path_index import Listing, PathIndex
from tests.plex.support import keys_of

NOW = 1_750_000_000.0
PARTS = [
    LibraryPart("/a/1.mp4", 1, 10),
    LibraryPart("/a/2.mp4", 2, 20),
    LibraryPart("/a/2b.mp4", 2),
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "library.db")


@pytest.fixture
def index(path: str) -> Iterator[PathIndex]:
    opened = PathIndex(path)
    opened.use_server("server-a")
    yield opened
    opened.close()


def listed(index: PathIndex, section: int) -> tuple[float, str] | None:
    last = index.last_listing(section)
    return None if last is None else (last.listed_at, last.change_mark)


def breaking_off(pages: Iterable[list[LibraryPart]]) -> Iterator[list[LibraryPart]]:
    """A listing that fails after these pages."""
    yield from pages
    raise PlexTemporaryError("it ended half-way")


def test_a_listing_is_found_by_path_with_item_and_size(index: PathIndex) -> None:
    index.replace_section(1, [PARTS[:1], PARTS[1:]], "mark", NOW)
    assert index.count() == 3
    assert index.find_exact("/a/1.mp4") == [PARTS[0]]
    assert index.find_exact("/a/3.mp4") == []
    assert keys_of(index) == {1, 2}
    assert listed(index, 1) == (NOW, "mark")
    assert index.last_listing(2) is None


def test_a_file_in_two_libraries_has_both_items(index: PathIndex) -> None:
    index.replace_section(1, [[LibraryPart("/a.mp4", 5)]], "", NOW)
    index.replace_section(2, [[LibraryPart("/a.mp4", 3)]], "", NOW)
    assert [part.rating_key for part in index.find_exact("/a.mp4")] == [3, 5]


def test_a_complete_listing_removes_what_is_gone_from_its_library_only(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    index.replace_section(2, [[LibraryPart("/b.mp4", 9)]], "", NOW)
    index.replace_section(1, [PARTS[:1]], "later", NOW + 1)
    assert keys_of(index) == {1, 9}
    assert listed(index, 1) == (NOW + 1, "later")
    index.replace_section(1, [[]], "", NOW)
    assert keys_of(index) == {9}


def test_half_a_listing_removes_nothing_and_keeps_what_it_has_shown(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "mark", NOW)
    new = LibraryPart("/a/new.mp4", 7)
    with pytest.raises(PlexTemporaryError):
        index.replace_section(1, breaking_off([[new]]), "other", NOW + 1)
    assert keys_of(index) == {1, 2, 7}
    assert listed(index, 1) == (NOW, "mark")
    index.replace_section(1, [PARTS[1:]], "", NOW)
    assert keys_of(index) == {2}


def test_a_first_listing_that_breaks_off_does_not_count_as_one(index: PathIndex) -> None:
    with pytest.raises(PlexTemporaryError):
        index.replace_section(1, breaking_off([PARTS]), "", NOW)
    assert index.last_listing(1) is None


def test_a_file_that_was_replaced_has_its_new_size(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    index.replace_section(1, [[LibraryPart("/a/1.mp4", 1, 999)]], "", NOW)
    assert index.find_exact("/a/1.mp4") == [LibraryPart("/a/1.mp4", 1, 999)]


def test_a_row_that_comes_twice_in_a_listing_is_one(index: PathIndex) -> None:
    """Rows shift between pages while a scan runs."""
    index.replace_section(1, [PARTS, PARTS[2:]], "", NOW)
    assert index.find_exact("/a/2b.mp4") == PARTS[2:]


def test_a_forgotten_item_is_found_no_more_until_it_is_listed_again(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    index.forget_item(2)
    assert keys_of(index) == {1}
    index.replace_section(1, [PARTS], "", NOW)
    assert keys_of(index) == {1, 2}


def test_clearing_forgets_files_and_listings_and_tells_how_many_files(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    assert index.clear() == 3
    assert (keys_of(index), index.last_listing(1)) == (set(), None)
    assert index.clear() == 0


def test_libraries_that_are_no_longer_configured_are_dropped(index: PathIndex) -> None:
    for section in (1, 2, 3):
        index.replace_section(section, [[LibraryPart(f"/{section}", section)]], "", NOW)
    index.drop_sections_except([2])
    assert keys_of(index) == {2}
    assert [listed(index, section) for section in (1, 2, 3)] == [None, (NOW, ""), None]


def test_another_server_starts_with_an_empty_index(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    index.use_server("server-b")
    assert (keys_of(index), index.last_listing(1)) == (set(), None)
    index.use_server("server-a")
    assert (keys_of(index), index.last_listing(1)) == (set(), None)


def test_the_same_server_keeps_its_files_over_a_restart(index: PathIndex, path: str) -> None:
    index.replace_section(1, [PARTS], "mark", NOW)
    again = PathIndex(path)
    again.use_server("server-a")
    assert keys_of(again) == {1, 2}
    assert listed(again, 1) == (NOW, "mark")
    again.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 99, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_made_anew(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    index = PathIndex(path)
    index.use_server("s")
    index.replace_section(1, [PARTS], "", NOW)
    assert index.find_exact("/a/1.mp4") == [PARTS[0]]
    index.close()


@pytest.mark.parametrize("version", [1, 99, -1])
def test_a_database_of_another_version_is_made_anew(path: str, version: int) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE parts (something TEXT)")
    other.execute(f"PRAGMA user_version={version}")
    other.commit()
    other.close()
    index = PathIndex(path)
    index.use_server("s")
    index.replace_section(1, [PARTS], "", NOW)
    assert index.count() == 3
    index.close()


def test_a_place_that_cannot_be_used_is_an_sqlite_error(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        PathIndex(str(tmp_path / "missing" / "library.db"))


def test_a_locked_database_is_not_taken_for_a_broken_one(
    index: PathIndex, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.replace_section(1, [PARTS], "", NOW)

    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    index.close()
    blocker.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("plex.index_database._BUSY_TIMEOUT", 0.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        PathIndex(path)
    blocker.execute("ROLLBACK")
    blocker.close()
    again = PathIndex(path)
    again.use_server("server-a")
    assert keys_of(again) == {1, 2}
    again.close()


def test_looking_for_a_file_uses_an_index(index: PathIndex) -> None:
    statements: list[str] = []
    index.database._connection.set_trace_callback(statements.append)
    index.find_exact("/a")
    index.find_folded("/a")
    index.find_named("/a", 5)
    index.database._connection.set_trace_callback(None)
    plans = [index.database.first(f"EXPLAIN QUERY PLAN {sql}")[3] for sql in statements]
    columns = ("path (path=?", "folded (folded=?", "name (name=?")
    for plan, searched in zip(plans, columns, strict=True):
        assert f"INDEX parts_by_{searched}" in plan


def test_files_of_one_name_are_found_in_whatever_folder(index: PathIndex) -> None:
    here, there = LibraryPart("/a/Scène.mp4", 1, 10), LibraryPart("D:\\b\\sce\u0300ne.MP4", 2, 20)
    index.replace_section(1, [[here, LibraryPart("/a/other.mp4", 3)]], "", NOW)
    index.replace_section(2, [[there]], "", NOW)

    found = index.find_named("/somewhere/else/scène.mp4")

    assert found == [here, there]
    assert [part.section for part in found] == [1, 2]


def test_an_item_taken_in_by_itself_replaces_what_was_known_of_it_only(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    moved = LibraryPart("/b/2.mp4", 2, 20)
    assert index.add(1, [moved, LibraryPart("/a/new.mp4", 7)])
    assert index.find_exact("/a/2.mp4") == index.find_exact("/a/2b.mp4") == []
    assert index.find_exact("/b/2.mp4") == [moved]
    assert keys_of(index) == {1, 2, 7}


def test_taking_in_what_is_known_is_no_news(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    assert not index.add(1, PARTS)
    assert not index.add(1, [])
    assert index.add(1, [LibraryPart("/a/1.mp4", 1, 11)])
    assert index.add(2, PARTS)


def test_the_next_listing_removes_an_item_that_it_lacks(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "", NOW)
    with pytest.raises(PlexTemporaryError):
        index.replace_section(1, breaking_off([PARTS]), "", NOW)
    index.add(1, [LibraryPart("/a/new.mp4", 7)])
    assert keys_of(index) == {1, 2, 7}
    index.replace_section(1, [PARTS], "", NOW)
    assert keys_of(index) == {1, 2}


def test_what_a_listing_could_not_show_is_kept(index: PathIndex) -> None:
    parts = [LibraryPart(f"/{key}.mp4", key) for key in range(1, 8)]
    index.replace_section(1, [parts], "", NOW)
    index.replace_section(1, [[parts[0], parts[4]]], "", NOW, lambda: [(1, 4), (6, 9)])
    assert keys_of(index) == {1, 2, 3, 5, 7}
    assert index.keys_between(1, 5) == [2, 3]
    assert index.files_of(2) == ["/2.mp4"]
    index.replace_section(1, [[parts[0]]], "", NOW)
    assert keys_of(index) == {1}


def test_a_listing_tells_how_many_items_it_had_and_a_look_when_it_was(index: PathIndex) -> None:
    index.replace_section(1, [PARTS], "mark", NOW)
    assert index.last_listing(1) == Listing(NOW, "mark", NOW, "mark", Place(2), 0)
    index.note_refresh(1, NOW + 5, "later", Place(3, 7), 1234)
    assert index.last_listing(1) == Listing(NOW, "mark", NOW + 5, "later", Place(3, 7), 1234)
    index.note_refresh(2, NOW, "never listed", Place(1, 1), 1)
    assert index.last_listing(2) is None


def test_others_may_keep_tables_of_their_own_in_the_database(index: PathIndex, path: str) -> None:
    index.database.write("CREATE TABLE others (something TEXT)")
    index.database.write("INSERT INTO others VALUES ('kept')")
    index.replace_section(1, [PARTS], "", NOW)
    again = PathIndex(path)
    assert again.database.rows("SELECT something FROM others") == [("kept",)]
    again.close()

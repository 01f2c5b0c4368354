import pytest
from hypothesis import given, strategies as st

from plex.items import Section
from plex.listing import locations_containing, searchable_part


@pytest.mark.parametrize(
    ("path", "chunk"),
    [
        ("/a, b/c/Scene 24.mp4", "Scene 24.mp4"),
        ("D:\\a\\Scene 24.mp4", "Scene 24.mp4"),
        ("/a/First, the longer piece, x.mp4", "the longer piece"),
        ("/a/Scène ガ.mp4", "Scène ガ.mp4"),
        ("/a/lone\ud800surrogate.mp4", "surrogate.mp4"),
        ("/a/two\nlines and.mp4", "lines and.mp4"),
        ("/a/,,,", ""),
        ("/a/", ""),
        ("", ""),
    ],
)
def test_a_file_is_searched_by_the_longest_usable_piece(path: str, chunk: str) -> None:
    assert searchable_part(path) == chunk


@given(st.text())
def test_a_piece_is_part_of_the_name_and_can_stand_in_an_address(path: str) -> None:
    chunk = searchable_part(path)
    assert chunk in path
    assert not set(chunk) & {",", "/", "\\"}
    assert chunk.encode() is not None


SECTIONS = [
    Section(1, "All", ("/media",)),
    Section(2, "Scenes", ("/media/scenes", "D:\\Scenes\\")),
    Section(3, "Twice", ("/media/scenes/", "/data2")),
    Section(4, "Nowhere", ()),
]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/media/x.mp4", [1]),
        ("/media/scenes/a/x.mp4", [2, 3]),
        ("/media/scenes2/x.mp4", [1]),
        ("/MEDIA/Scenes/x.mp4", [2, 3]),
        ("d:/scenes/x.mp4", [2]),
        ("\\\\?\\D:\\Scenes\\x.mp4", [2]),
        ("/data/x.mp4", []),
        ("/data2/x.mp4", [3]),
        ("", []),
    ],
)
def test_a_file_is_searched_in_the_innermost_library(path: str, keys: list[int]) -> None:
    assert [one.key for one, _ in locations_containing(path, SECTIONS)] == keys


def test_a_library_of_everything_holds_every_file() -> None:
    root = Section(1, "Root", ("/",))
    assert locations_containing("/media/x.mp4", [root]) == [(root, "/")]

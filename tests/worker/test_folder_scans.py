import pytest

from plex.items import Section
from worker.jobs.folder_scans import folder_of, scan_targets

SCENES = Section(1, "Scenes", ("/data/scenes", "/data2"))
INNER = Section(2, "Inner", ("/data/scenes/inner",))
WINDOWS = Section(3, "Windows", ("D:\\Media", "\\\\nas\\video"))
ALL = [SCENES, INNER, WINDOWS]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/data/scenes/new", [(1, "/data/scenes/new")]),
        ("/data/scenes", [(1, "/data/scenes")]),
        ("/data/scenes/inner/a/b", [(2, "/data/scenes/inner/a/b")]),
        ("/data/scenes/innermost", [(1, "/data/scenes/innermost")]),
        ("/data2/x", [(1, "/data2/x")]),
        ("/data/scenes2", []),
        ("/data", []),
        ("/other", []),
        ("/DATA/Scenes/New", [(1, "/data/scenes/New")]),
        ("d:/media/Nëw", [(3, "D:\\Media\\Nëw")]),
        ("\\\\?\\D:\\media\\New", [(3, "D:\\Media\\New")]),
        ("\\\\NAS\\video\\x", [(3, "\\\\nas\\video\\x")]),
        ("\\\\?\\UNC\\nas\\video\\x", [(3, "\\\\nas\\video\\x")]),
    ],
)
def test_the_longest_location_is_scanned(folder: str, expected: list[tuple[int, str]]) -> None:
    found = [(section.key, name) for section, name in scan_targets(folder, ALL)]

    assert found == expected


def test_a_location_is_found_whatever_way_its_letters_are_composed() -> None:
    section = Section(1, "Scenes", ("/data/Zo\u00eb",))

    assert scan_targets("/data/Zoe\u0308/new", [section]) == [(section, "/data/Zo\u00eb/new")]


def test_libraries_that_share_the_location_are_all_scanned() -> None:
    other = Section(4, "Favourites", ("/data/scenes/",))

    found = scan_targets("/data/scenes/new", [SCENES, other])

    assert found == [(SCENES, "/data/scenes/new"), (other, "/data/scenes/new")]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/a/b/c.mp4", "/a/b"),
        ("/c.mp4", "/"),
        ("D:\\a\\c.mp4", "D:\\a"),
        ("D:\\c.mp4", "D:\\"),
        ("/a/b\\c.mp4", "/a"),
    ],
)
def test_the_folder_of_a_file(path: str, folder: str) -> None:
    assert folder_of(path) == folder

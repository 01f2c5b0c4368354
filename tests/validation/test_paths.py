import unicodedata

import pytest
from hypothesis import given, strategies as st

from validation.paths import (
    common_suffix,
    components,
    folded_path,
    folders_above,
    is_below,
    short_name_in,
    spelled,
    without_first,
    without_last,
)

PATHS = st.text("aBé\u0301/\\ :?", max_size=24)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/a/B/x.mp4", ("a", "b", "x.mp4")),
        ("//a///b/", ("a", "b")),
        ("D:\\a/b", ("d:", "a", "b")),
        ("\\\\?\\D:\\a", ("d:", "a")),
        ("\\\\?\\UNC\\nas\\a", ("nas", "a")),
        ("\\\\nas\\a", ("nas", "a")),
        ("/UNCLE/a", ("uncle", "a")),
        ("\\\\?\\UNCLE\\a", ("uncle", "a")),
        (unicodedata.normalize("NFD", "/é"), ("é",)),
        ("", ()),
        ("/", ()),
    ],
)
def test_a_path_has_components(path: str, parts: tuple[str, ...]) -> None:
    assert components(path) == parts


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("/a/b/x", "/c/b/x", 2),
        ("/a/b/x", "/a/b/x", 3),
        ("/a/b/x", "/a/b/y", 0),
        ("/x", "/a/x", 1),
        ("x", "D:\\a\\X", 1),
        ("/ab/x", "/b/x", 1),
        ("", "/x", 0),
    ],
)
def test_two_paths_share_their_last_components(one: str, other: str, count: int) -> None:
    assert common_suffix(one, other) == common_suffix(other, one) == count


def test_case_counts_in_a_spelling_except_on_windows() -> None:
    assert spelled("/a//é") == spelled("/a/e\u0301")
    assert spelled("/a/x") != spelled("/A/x")
    assert spelled("D:\\a\\x") == spelled("\\\\?\\d:/A/X")


def test_components_are_taken_off_either_end_and_the_rest_stays_as_it_is_spelled() -> None:
    assert without_last("/A//b/x.mp4", 1) == "/A//b"
    assert without_last("D:\\A\\x", 2) == "D:"
    assert without_last("/x", 1) == ""
    assert without_last("/x", 2) == "/x"
    assert without_first("D:\\A\\x", 1) == "\\A\\x"
    assert without_first("\\\\?\\D:\\A", 2) == ""
    assert without_first("/a", 2) == "/a"
    assert folders_above("/data/a/x.mp4") == ["/data/a", "/data"]
    assert folders_above("\\\\nas\\v\\x") == ["\\\\nas\\v", "\\\\nas"]


@given(PATHS)
def test_the_ends_of_a_path_make_it_up_again(path: str) -> None:
    depth = len(components(path))
    for count in range(1, depth + 1):
        assert components(without_last(path, count)) == components(path)[: depth - count]


@given(PATHS, PATHS)
def test_what_two_paths_share_is_the_end_of_both(one: str, other: str) -> None:
    count = common_suffix(one, other)
    assert count == 0 or components(one)[-count:] == components(other)[-count:]
    assert count <= min(len(components(one)), len(components(other)))


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("/media/a.mp4", True),
        ("/Media/sub/a.mp4", True),
        ("/media", True),
        ("/media2/a.mp4", False),
        ("/a/media/a.mp4", False),
        ("d:/Videos/a", True),
        ("", False),
    ],
)
def test_folders_hold_what_lies_in_them(path: str, held: bool) -> None:
    folders = [components(folder) for folder in ("/media/", "D:\\videos", "/", "")]
    assert is_below(path, folders) is held


FORBIDDEN = '"*:<>?|\\'
SFM = dict(zip('"*:<>?\\|', map(chr, range(0xF020, 0xF028)), strict=True))
ENDS = {" ": "\uf028", ".": "\uf029"}


@pytest.mark.parametrize("character", FORBIDDEN.replace("\\", ""))
def test_a_character_that_a_file_server_replaced_is_the_same_one(character: str) -> None:
    path = f"/media/a{character}b/x{character}.mp4"
    by_character = path.replace(character, chr(0xF000 + ord(character)))
    by_table = path.replace(character, SFM[character])

    assert folded_path(path) == folded_path(by_character) == folded_path(by_table)
    assert spelled(path) != spelled(by_character)
    assert folded_path(path) != folded_path(path.replace(character, ""))


@pytest.mark.parametrize("end", ENDS)
def test_a_dot_or_blank_at_the_end_of_a_name_may_have_been_replaced(end: str) -> None:
    path = f"/media/Who is it{end}/x.mp4"

    for replaced in (ENDS[end], chr(0xF000 + ord(end))):
        assert folded_path(path) == folded_path(path.replace(f"{end}/", f"{replaced}/"))
    assert folded_path(path) != folded_path("/media/Who is it/x.mp4")


def test_a_drive_keeps_its_colon() -> None:
    assert components("D:\\a.b\\x?") == ("d:", "a.b", "x?")


@given(st.text("aBéE\u0301/\\ß?:. \uf022\uf029\uf03aUNC", max_size=20))
def test_folding_twice_changes_nothing(path: str) -> None:
    assert folded_path(folded_path(path)) == folded_path(path)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/media/MFKEWH~X.MP4", "MFKEWH~X.MP4"),
        ("/media/STUDIO~1/x.mp4", "STUDIO~1"),
        ("/media/a~1.mp4", ""),
        ("/media/Studio ~ 1.mp4", ""),
        ("/media/x.mp4", ""),
    ],
)
def test_a_short_name_of_a_file_server_is_recognized(path: str, name: str) -> None:
    assert short_name_in(path) == name

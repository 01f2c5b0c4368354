from contextlib import suppress

import pytest
from hypothesis import assume, given, strategies as st

from validation.path_map import parse_path_map
from validation.values import ValueProblem, entries


@pytest.mark.parametrize(
    "text", ["/plex=>/stash", " /plex => /stash ; ", "/plex/=>/stash/", ";/plex=>/stash;;"]
)
def test_blanks_empty_parts_and_slashes_at_the_end_do_not_count(text: str) -> None:
    paths = parse_path_map(text)
    assert paths.to_plex("/stash/a.mp4") == "/plex/a.mp4"


@pytest.mark.parametrize("part", ["/plex", "/plex->/stash", "=>/stash", "/plex=>", "=>"])
def test_a_part_that_is_no_pair_is_named(part: str) -> None:
    with pytest.raises(ValueProblem, match=f"'{part}' is not such a pair"):
        parse_path_map(f"/p1=>/s1; {part} ;/p2=>/s2")


@given(st.text())
def test_any_text_is_pairs_or_a_problem(text: str) -> None:
    with suppress(ValueProblem):
        assert len(parse_path_map(text).pairs) == len(entries(text))


def test_a_prefix_ends_at_a_folders_boundary() -> None:
    paths = parse_path_map("/plex=>/data")
    assert paths.to_plex("/data/a.mp4") == "/plex/a.mp4"
    assert paths.to_plex("/data") == "/plex"
    assert paths.to_plex("/data2/a.mp4") == "/data2/a.mp4"
    assert paths.to_plex("/my/data/a.mp4") == "/my/data/a.mp4"


def test_the_longest_prefix_of_stash_is_chosen() -> None:
    paths = parse_path_map("/very/long/plex/prefix=>/s;/p=>/s/longer")
    assert paths.to_plex("/s/longer/a") == "/p/a"


@pytest.mark.parametrize(
    ("text", "stash", "plex"),
    [
        ("/plex=>d:\\media", "D:\\Media\\Sub\\A.mp4", "/plex/Sub/A.mp4"),
        ("/plex=>D:/Media", "D:\\Media\\a.mp4", "/plex/a.mp4"),
        ("/plex=>\\\\NAS\\v", "\\\\nas\\V\\a.mp4", "/plex/a.mp4"),
        ("/plex=>//NAS/v", "\\\\nas\\V\\a.mp4", "/plex/a.mp4"),
        ("/plex=>\\\\nas\\v", "//NAS/v/a.mp4", "/plex/a.mp4"),
        ("/plex=>\\\\nas\\v", "//NAS/v2/a.mp4", None),
        ("/plex=>D:\\Media", "\\\\?\\D:\\Media\\a.mp4", "/plex/a.mp4"),
        ("/plex=>D:\\Media", "D:\\Media2\\a.mp4", None),
        ("/plex=>/Media", "/media/a.mp4", None),
    ],
)
def test_a_windows_prefix_fits_in_any_case(text: str, stash: str, plex: str | None) -> None:
    assert parse_path_map(text).find_plex(stash) == plex


def test_a_pair_is_written_as_the_setting_has_it() -> None:
    for text in ("/plex=>/stash", "/=>/stash", "D:\\Plex=>/"):
        assert [str(pair) for pair in parse_path_map(text).pairs] == [text]


FOLDERS = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)


@given(pairs=st.dictionaries(FOLDERS, FOLDERS, min_size=1, max_size=4), rest=FOLDERS)
def test_each_pair_replaces_its_own_prefix(pairs: dict[str, str], rest: str) -> None:
    side = list(pairs.values())
    assume(not any(a is not b and f"{b}/".startswith(f"{a}/") for a in side for b in side))
    paths = parse_path_map(";".join(f"{plex}=>{stash}" for plex, stash in pairs.items()))
    for plex, stash in pairs.items():
        assert paths.to_plex(stash + rest) == plex + rest


@given(pairs=st.dictionaries(FOLDERS, FOLDERS, max_size=4), path=FOLDERS)
def test_a_path_that_no_pair_fits_stays_as_it_is(pairs: dict[str, str], path: str) -> None:
    paths = parse_path_map(";".join(f"{plex}=>{stash}" for plex, stash in pairs.items()))
    if not any(f"{path}/".startswith(f"{stash}/") for stash in pairs.values()):
        assert paths.to_plex(path) == path


def test_a_prefix_fits_however_its_letters_are_composed() -> None:
    typed, named = "/Volumes/Vid\u00e9os", "/Volumes/Vide\u0301os/\u00e9te\u0301/a.mp4"
    paths = parse_path_map(f"/data=>{typed}")
    assert paths.find_plex(named) == "/data/\u00e9te\u0301/a.mp4"
    assert paths.find_plex("/Volumes/Vide\u0301osammlung/a.mp4") is None

import pytest
from hypothesis import given, strategies as st

from plex.items import Section
from plex.scanner_rules import is_plex_version, why_absent, why_unlisted

ROOT = "/media"
SMALL, LARGE = 1_000_000, 400 * 1024 * 1024

UNLISTED = [
    *(f"Studio/{folder}/x.mp4" for folder in ("Scenes", "scene", "2020/EXTRAS", "Extra", "Shorts")),
    *(f"Studio/{folder}/x.mp4" for folder in ("Sample", "Samples", "Bonus material", "Interviews")),
    *(f"Studio/{folder}/x.mp4" for folder in ("Trailers", "Deleted", "Deleted Scenes", "@eaDir")),
    *(f"Studio/{folder}/x.mp4" for folder in ("Behind the Scenes", "Featurettes", "Others/sub")),
    *(f"x-{end}.mp4" for end in ("deleted", "behindthescenes", "Interview", "scene", "featurette")),
    *(f"x-{end}.mp4" for end in ("short", "other", "trailer", "sample")),
    *("Studio/x.sample/x.mp4", "sample_x.mp4", ".x.mp4", ".hidden/x.mp4", "$RECYCLE.BIN/x.mp4"),
]
LISTED = [
    "x.mp4",
    "Studio/x.mp4",
    # A top folder of the library may have any name.
    "Scenes/x.mp4",
    "Trailers/x.mp4",
    "Studio/Scenes of a life/x.mp4",
    "Studio/Extraordinary/x.mp4",
    "Studio/The Interview/x.mp4",
    "Studio/Otherwise/x.mp4",
    "Studio/Scene 12/x.mp4",
    "x - scene.mp4",
    "x-scene 2.mp4",
    "x-scenes.mp4",
    "a sample of it.mp4",
    "Studio/a.b/x.mp4",
]
EPISODES = ["a S01E05.mp4", "girls18 2021.mp4", "s1 e5.mp4", "a 3x05.mp4", "S01-05 a.mp4"]
NO_EPISODES = [
    "girls 18 2021.mp4",
    "a (2021) s01e05.mp4",
    "a.2021-05-03.mp4",
    "a 1920x1080.mp4",
    "a [s01e05].mp4",
    "girls18.2021.1080p.mp4",
    "se7en.mp4",
]


def reason(path: str, size: int = SMALL, *, of_movies: bool = False) -> str:
    return why_unlisted(f"{ROOT}/{path}", size, ROOT, of_movies=of_movies)


@pytest.mark.parametrize("path", UNLISTED)
def test_a_file_that_the_scanner_leaves_out_has_a_reason(path: str) -> None:
    assert "Plex" in reason(path)
    windows = why_unlisted(f"D:\\Media\\{path}".replace("/", "\\"), 1, "d:/media", of_movies=False)
    assert windows == reason(path)


@pytest.mark.parametrize("path", LISTED)
def test_a_file_that_the_scanner_lists_has_none(path: str) -> None:
    assert reason(path, of_movies=True) == ""


def test_a_large_file_is_no_sample_and_one_of_unknown_size_may_be_none() -> None:
    assert [reason("x-sample.mp4", size) for size in (LARGE, 0)] == ["", ""]


def test_a_file_outside_of_the_library_has_no_reason() -> None:
    assert why_unlisted("/other/Studio/Scenes/x.mp4", 1, ROOT, of_movies=True) == ""


@pytest.mark.parametrize("path", [*EPISODES, *NO_EPISODES])
def test_only_a_library_of_movies_leaves_out_what_looks_like_an_episode(path: str) -> None:
    assert bool(reason(path, of_movies=True)) == (path in EPISODES)
    assert reason(path) == ""


PLAIN = st.text("abcdfgijklnqruvwyzäß ", min_size=1, max_size=12).filter(str.strip)


@given(st.lists(PLAIN, min_size=1, max_size=4), st.integers(0, 10**12), st.booleans())
def test_a_plain_name_is_never_left_out(names: list[str], size: int, of_movies: bool) -> None:
    assert reason("/".join(names) + ".mp4", size, of_movies=of_movies) == ""


@given(st.text(), st.integers(0), st.text(), st.booleans())
def test_any_path_is_taken(path: str, size: int, root: str, of_movies: bool) -> None:
    assert isinstance(why_unlisted(path, size, root, of_movies=of_movies), str)
    assert isinstance(why_unlisted(root + path, size, root, of_movies=of_movies), str)


def test_a_copy_that_plex_made_is_told_by_its_folder() -> None:
    assert is_plex_version("/media/Plex Versions/Optimized for TV/x.mp4")
    assert is_plex_version("D:\\media\\plex versions\\x.mp4")
    assert not is_plex_version("/media/All Plex Versions/x.mp4")
    assert not is_plex_version("/media/Plex Versions")


def test_a_library_that_lists_the_file_leaves_no_reason_and_a_show_library_is_one() -> None:
    movies = Section(1, "Movies", (ROOT,), scanner="Plex Movie")
    inner = Section(2, "Inner", (f"{ROOT}/Studio/Scenes",), scanner="Plex Video Files Scanner")
    shows = Section(3, "Shows", ("/shows",), kind="show")
    photos = Section(4, "Photos", ("/photos", ROOT), kind="photo")
    file = f"{ROOT}/Studio/Scenes/x S01E01.mp4"

    assert "'Scenes'" in why_absent(file, 1, [movies, shows, photos])
    assert why_absent(file, 1, [movies, inner, shows, photos]) == ""
    assert "'Shows'" in why_absent("/shows/x.mp4", 1, [movies, shows, photos])
    assert "'Photos'" in why_absent("/photos/x.mp4", 1, [movies, shows, photos])
    assert why_absent("/elsewhere/x.mp4", 1, [movies, shows, photos]) == ""

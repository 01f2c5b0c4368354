from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from plex.path_learning import FEWEST_PAIRS, SURVEY_INTERVAL, prefix_pairs
from tests.plex.matching import NOW, Libraries, part, scenes_of
from validation.path_map import PrefixPair
from validation.scene_extractor import SceneFile, StashScene

DAY = SURVEY_INTERVAL


def docker(tmp_path: Path, count: int, **options: object) -> Libraries:
    """Stash's /data is Plex's /media, with so many files."""
    files = [(f"/data/studio {n % 3}/scene {n}.mp4", 1000 + n) for n in range(count)]
    parts = [
        part("/media" + path.removeprefix("/data"), n, size)
        for n, (path, size) in enumerate(files, start=1)
    ]
    return Libraries(tmp_path, {1: parts}, {1: ["/media"]}, scenes_of(files), **options)  # type: ignore[arg-type]


def learned(libraries: Libraries) -> list[str]:
    return [str(one) for one in libraries.learning.mappings() if one.usable]


@pytest.mark.parametrize(
    ("stash", "plex", "pairs"),
    [
        ("/data/a/x.mp4", "/media/a/x.mp4", [("/media", "/data"), ("/media/a", "/data/a")]),
        ("/data/x.mp4", "/media/x.mp4", [("/media", "/data")]),
        ("/data/x.mp4", "/media/y.mp4", []),
        ("/x.mp4", "/media/x.mp4", []),
        ("/a/x.mp4", "/media/a/x.mp4", [("/media/a", "/a")]),
        ("/media/a/x.mp4", "/a/x.mp4", [("/a", "/media/a")]),
        ("D:\\v\\A\\x.mp4", "/media/a/X.MP4", [("/media", "D:\\v"), ("/media/a", "D:\\v\\A")]),
        ("\\\\nas\\v\\x.mp4", "/m/x.mp4", [("/m", "\\\\nas\\v")]),
        (
            "/data/é/x.mp4",
            "/media/e\u0301/x.mp4",
            [("/media", "/data"), ("/media/e\u0301", "/data/é")],
        ),
    ],
)
def test_two_paths_of_one_file_say_which_folders_are_the_same(
    stash: str, plex: str, pairs: list[tuple[str, str]]
) -> None:
    assert prefix_pairs(stash, plex) == [PrefixPair(*pair) for pair in pairs]


def test_enough_scenes_that_agree_teach_a_mapping_and_the_user_is_told_once(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 12)

    assert [libraries.keys(n) for n in libraries.stash] == [[n] for n in libraries.stash]

    line = "/media=>/data (12 scenes agree)"
    assert learned(libraries) == [line]
    assert libraries.told == ["paths_learned"]
    assert libraries.walks == 1


@pytest.mark.parametrize(("count", "used"), [(FEWEST_PAIRS - 1, False), (FEWEST_PAIRS, True)])
def test_a_mapping_takes_so_many_scenes(tmp_path: Path, count: int, used: bool) -> None:
    libraries = docker(tmp_path, count)
    libraries.survey()
    assert bool(learned(libraries)) is used


def test_a_learned_mapping_finds_a_file_with_a_common_name(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 6)
    same = [part(f"/media/{folder}/video.mp4", 100 + n, 7) for n, folder in enumerate("abc")]
    libraries.have(*same, _50=("/data/b/video.mp4", 7))

    assert libraries.keys(50) == [101]


@pytest.mark.parametrize(("count", "below"), [(12, []), (15, ["studio 1", "studio 2"])])
def test_a_file_elsewhere_refutes_a_mapping(tmp_path: Path, count: int, below: list[str]) -> None:
    libraries = docker(tmp_path, count)
    libraries.plex = {1: libraries.plex[1][1:]}
    libraries.have(part("/media/elsewhere/scene 0.mp4", 1, 1000))

    libraries.survey()

    evidence = [str(one) for one in libraries.learning.mappings()]
    assert f"/media=>/data ({count - 1} scenes agree, 1 disagree)" in evidence
    assert learned(libraries) == [f"/media/{one}=>/data/{one} (5 scenes agree)" for one in below]


def test_two_mounts_teach_two_mappings(tmp_path: Path) -> None:
    files = [(f"/data/a/{n}.mp4", 10 + n) for n in range(6)]
    files += [(f"/extern/b/{n}b.mp4", 90 + n) for n in range(6)]
    parts = [part(f"/media/a/{n}.mp4", n + 1, 10 + n) for n in range(6)]
    parts += [part(f"/vol2/b/{n}b.mp4", n + 7, 90 + n) for n in range(6)]
    libraries = Libraries(tmp_path, {1: parts}, {1: ["/media", "/vol2"]}, scenes_of(files))

    libraries.survey()

    pairs = ["/media=>/data", "/vol2=>/extern"]
    assert learned(libraries) == [f"{pair} (6 scenes agree)" for pair in pairs]


@pytest.mark.parametrize(("name", "size"), [("{}/x.mp4", 5), ("{}.mp4", 0)])
def test_an_uncertain_file_teaches_no_mapping(tmp_path: Path, name: str, size: int) -> None:
    files = [(f"/data/{name.format(n)}", size) for n in range(9)]
    parts = [part(f"/media/{name.format(n)}", n + 1, size) for n in range(9)]
    libraries = Libraries(tmp_path, {1: parts}, {1: ["/media"]}, scenes_of(files))
    libraries.survey()
    assert libraries.learning.mappings() == []


def test_a_file_in_two_libraries_is_one_file(tmp_path: Path) -> None:
    files = [(f"/data/{n}.mp4", 10 + n) for n in range(6)]
    both = {
        section: [part(f"/media/{n}.mp4", 10 * section + n, 10 + n) for n in range(6)]
        for section in (1, 2)
    }
    libraries = Libraries(tmp_path, both, {1: ["/media"], 2: ["/media"]}, scenes_of(files))
    assert libraries.keys(1) == [10, 20]
    assert learned(libraries) == ["/media=>/data (6 scenes agree)"]


def test_paths_that_plex_knows_have_no_say(tmp_path: Path) -> None:
    """They need no mapping, and a copy elsewhere would make them speak for a wrong one."""
    libraries = docker(tmp_path, 6)
    inside = {f"_{90 + n}": (f"/media/x/{n}.mp4", 70 + n) for n in range(6)}
    libraries.have(*(part(f"/media/y/{n}.mp4", 60 + n, 70 + n) for n in range(6)), **inside)

    libraries.survey()

    assert learned(libraries) == ["/media=>/data (6 scenes agree)"]


def test_the_setting_goes_before_what_was_learned(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 6, path_map="/elsewhere=>/data")
    libraries.survey()
    assert learned(libraries) != []
    assert libraries.matcher.find(libraries.stash[1]).matches == ()


def test_what_was_learned_is_known_after_a_restart(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 6)
    libraries.keys(1)
    libraries.index.close()

    again = docker(tmp_path, 6)

    assert again.keys(2) == [2]
    assert (again.walks, again.told) == (0, [])


def test_stash_is_walked_once_a_day_at_most_however_many_scenes_miss(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 4)
    strangers = range(101, 130)
    libraries.have(**{f"_{one}": (f"/data/none/{one}.mp4", one) for one in strangers})

    for hours in range(23):
        libraries.now = NOW + 3600 * hours
        assert [libraries.keys(one) for one in strangers] == [[]] * len(strangers)
    assert libraries.walks == 1
    libraries.now = NOW + DAY
    libraries.keys(101)

    assert libraries.walks == 2


def test_a_path_inside_plexs_folders_walks_nothing(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 6)
    libraries.have(_99=("/media/not/there.mp4", 3))
    assert libraries.keys(99) == []
    assert libraries.walks == 0


def test_the_evidence_is_weighed_again_when_plex_has_scanned(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 12)
    everything = libraries.plex
    libraries.plex = {1: everything[1][:1]}
    libraries.list_plex()
    assert libraries.keys(12) == []
    libraries.plex = everything
    libraries.list_plex()

    assert libraries.keys(12) == [12]
    assert learned(libraries) == ["/media=>/data (12 scenes agree)"]
    assert libraries.walks == 1


def test_a_walk_that_breaks_off_concludes_nothing_and_is_tried_again_later(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 150)
    whole = libraries.walk

    def broken() -> Iterator[Sequence[StashScene]]:
        yield next(whole())
        message = "Stash went away"
        raise ConnectionError(message)

    libraries.learning.files = broken
    with pytest.raises(ConnectionError):
        libraries.keys(1)
    assert libraries.learning.surveyed_at() is None
    assert libraries.keys(1) == []  # no second try at once, and no weaker rule without a survey
    assert learned(libraries) == []

    libraries.learning.files = whole
    libraries.now += 61
    assert libraries.keys(1) == [1]


def test_a_contradicting_scene_drops_a_learned_mapping(tmp_path: Path) -> None:
    """Plex's listing has hardly changed, and Stash was walked just now: the scene itself tells."""
    libraries = docker(tmp_path, 12)
    libraries.keys(1)
    libraries.have(part("/media/b/new.mp4", 77, 777), _77=("/data/a/new.mp4", 777))

    assert libraries.keys(77) == [77]

    assert learned(libraries) == []
    assert libraries.told == ["paths_learned", "paths_dropped"]
    assert str(libraries.told.fields[1]["mapping"]) == "/media=>/data"
    assert libraries.walks == 1


def test_a_file_of_another_size_at_the_learned_place_is_not_taken(tmp_path: Path) -> None:
    """A folder that the two do not share may have a file of that name by chance."""
    libraries = docker(tmp_path, 6)
    libraries.keys(1)
    libraries.have(part("/media/own/x.mp4", 77, 6), _77=("/data/own/x.mp4", 5))
    assert libraries.keys(77) == []


def test_a_mapped_file_that_fits_another_scene_is_not_taken(tmp_path: Path) -> None:
    """Plex dropped a folder of scene 51's path, so what was learned holds for some files only."""
    libraries = docker(tmp_path, 6)
    found = part("/media/a/x.mp4", 51, 5)
    libraries.have(found, _50=("/data/a/x.mp4", 5), _51=("/data/q/a/x.mp4", 5))

    assert [one.rating_key for one in libraries.find(50).candidates] == [51]
    assert libraries.keys(50) == []

    libraries.have(part("/media/q/a/x.mp4", 52, 5))
    assert (libraries.keys(50), libraries.keys(51)) == ([51], [52])


def test_a_scene_that_moved_or_went_is_no_evidence_any_more(tmp_path: Path) -> None:
    libraries = docker(tmp_path, 6)
    libraries.keys(1)
    libraries.stash = {1: [SceneFile("/new/scene 0.mp4", 1000)]}
    libraries.now += DAY

    libraries.keys(1)

    assert learned(libraries) == []
    assert [row[0] for row in libraries.learning.scenes()] == [1]

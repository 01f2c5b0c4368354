"""From a scene's files to items: what the table of R8 does not show."""

from pathlib import Path

import pytest

from plex.items import PlexItem, Version
from plex.matcher import (
    Match,
    MatchConfidence,
    Rule,
    Sharing,
    has_first_file,
    sharing_of,
    still_holds,
)
from tests.plex.matching import Libraries, part
from validation.scene_extractor import SceneFile

PLEX = {1: ["/plex"]}


@pytest.mark.parametrize(
    ("scene", "plex", "matches"),
    [
        (["/stash/a/x.mp4"], ["/plex/A/x.mp4"], [Match(1, "/plex/A/x.mp4", MatchConfidence.HIGH)]),
        (["/data/x.mp4"], ["/plex/x.mp4"], [Match(1, "/plex/x.mp4", MatchConfidence.LOW)]),
        (
            ["/plex/1.mp4", "/plex/2.mp4"],
            ["/plex/1.mp4", "/plex/2.mp4"],
            [Match(1, "/plex/1.mp4", also=("/plex/2.mp4",))],
        ),
        ([], ["/plex/1.mp4"], []),
    ],
    ids=["by its path: sure", "by its name: unsure", "several files: named once", "no file"],
)
def test_a_match_tells_the_items_own_paths_and_whether_it_is_sure(
    tmp_path: Path, scene: list[str], plex: list[str], matches: list[Match]
) -> None:
    stash = {1: [SceneFile(path, 5) for path in scene]}
    parts = [part(path, 1, 5) for path in plex]
    libraries = Libraries(tmp_path, {1: parts}, PLEX, stash, "/plex=>/stash")
    assert list(libraries.find(1).matches) == matches


@pytest.mark.parametrize(
    ("path", "size", "rule"),
    [
        ("/plex/x/1.mp4", 5, Rule.FULL_PATH),
        ("/set/x/1.mp4", 5, Rule.SET_MAPPING),
        ("/data/x/1.mp4", 5, Rule.LEARNED_MAPPING),
        ("/plex/X/1.mp4", 5, Rule.SPELLING),
        ("/else/1.mp4", 5, Rule.NAME_AND_SIZE),
        ("/plex/x/none.mp4", 5, None),
        ("/plex/y/1.mp4", 5, None),
    ],
)
def test_a_matching_tells_its_rule(tmp_path: Path, path: str, size: int, rule: Rule | None) -> None:
    teachers = {10 + n: [SceneFile(f"/data/t/{n}t.mp4", 50 + n)] for n in range(6)}
    stash = {1: [SceneFile(path, size)], **teachers}
    parts = [part(f"/plex/t/{n}t.mp4", 10 + n, 50 + n) for n in range(6)]
    libraries = Libraries(
        tmp_path, {1: [part("/plex/x/1.mp4", 1, 5), *parts]}, PLEX, stash, "/plex=>/set"
    )
    libraries.survey()
    assert libraries.find(1).rule is rule


def test_a_path_is_inside_by_a_set_or_a_learned_mapping(tmp_path: Path) -> None:
    stash = {10 + n: [SceneFile(f"/data/t/{n}t.mp4", 50 + n)] for n in range(6)}
    parts = [part(f"/plex/t/{n}t.mp4", 10 + n, 50 + n) for n in range(6)]
    libraries = Libraries(tmp_path, {1: parts}, PLEX, stash, "/plex/set=>/set")
    assert libraries.matcher.is_inside("/plex/new.mp4")
    assert libraries.matcher.is_inside("/set/new.mp4")
    assert not libraries.matcher.is_inside("/data/t/new.mp4")
    libraries.survey()
    assert libraries.matcher.is_inside("/data/t/new.mp4")
    assert not libraries.matcher.is_inside("/elsewhere/new.mp4")


def test_the_weakest_rule_of_a_scenes_files_is_told(tmp_path: Path) -> None:
    stash = {1: [SceneFile("/plex/1.mp4", 5), SceneFile("/data/2.mp4", 6)]}
    parts = [part("/plex/1.mp4", 1, 5), part("/plex/q/2.mp4", 2, 6)]
    libraries = Libraries(tmp_path, {1: parts}, PLEX, stash)
    assert libraries.matcher.find(stash[1]).rule is Rule.FULL_PATH
    libraries.survey()
    assert libraries.matcher.find(stash[1], 1).rule is Rule.NAME_AND_SIZE


def test_candidates_come_the_best_first(tmp_path: Path) -> None:
    stash = {1: [SceneFile("/data/a/b/x.mp4", 5)]}
    parts = [
        part("/plex/q/x.mp4", 1, 5),
        part("/plex/2/b/x.mp4", 3, 5),
        part("/plex/1/b/x.mp4", 2, 5),
    ]
    libraries = Libraries(tmp_path, {1: parts}, PLEX, stash)
    assert [one.rating_key for one in libraries.find(1).candidates] == [2, 3, 1]


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        (("/m/a.mp4",), True),
        (("/other.mp4", "/M/A.mp4"), True),
        (("/m/b.mp4",), False),
        ((), False),
    ],
)
def test_an_item_is_written_only_with_its_file(files: tuple[str, ...], holds: bool) -> None:
    assert still_holds(PlexItem(1, 1, files=files), Match(1, "/m/a.mp4")) is holds


@pytest.mark.parametrize(
    ("files", "first"),
    [
        (("/m/a.mp4", "/m/z.mp4"), True),
        (("/M/B.mp4", "/m/z.mp4"), True),
        (("/m/z.mp4", "/m/a.mp4"), False),
        ((), False),
    ],
)
def test_the_first_file_of_an_item_tells_whom_it_shows(files: tuple[str, ...], first: bool) -> None:
    match = Match(1, "/m/a.mp4", also=("/m/b.mp4",))
    assert has_first_file(PlexItem(1, 1, files=files), match) is first


@pytest.mark.parametrize(
    ("versions", "sharing"),
    [
        ([Version(("/m/a.mp4", "/m/b.mp4")), Version(("/m/c.mp4",))], Sharing.VERSIONS),
        ([Version(("/m/c.mp4", "/m/A.mp4"))], Sharing.PARTS),
        ([Version(("/m/a.mp4",), 100_000), Version(("/m/c.mp4",), 104_000)], Sharing.VERSIONS),
        ([Version(("/m/a.mp4",), 100_000), Version(("/m/c.mp4",), 106_000)], Sharing.FILMS),
        ([Version(("/m/a.mp4",), 100_000), Version(("/m/c.mp4",))], Sharing.VERSIONS),
        ([], Sharing.VERSIONS),
    ],
)
def test_files_of_an_item_share_it_in_one_way(versions: list[Version], sharing: Sharing) -> None:
    item = PlexItem(1, 1, versions=tuple(versions))
    assert sharing_of(item, Match(1, "/m/a.mp4", also=("/m/b.mp4",))) is sharing

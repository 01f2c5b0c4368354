"""R8: a scene's paths lead to the right item, to "ambiguous" or to nothing; never to a wrong one.

The real index in a real database, the real map and the real survey, over small libraries that
each make one point.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from plex.items import LibraryPart
from tests.plex.matching import Libraries
from validation.scene_extractor import SceneFile

AMBIGUOUS = "ambiguous"
Expected = list[int] | str
File = str | tuple[str, int]
Files = File | list[File] | tuple[()]


@dataclass(frozen=True)
class Case:
    """A scene among libraries. A path alone is a file of 5 bytes.

    Attributes:
        point: what it shows.
        scene: the files of the scene.
        plex: item → its files; items from 100 on are in library 2.
        expected: the items, or `AMBIGUOUS`.
        paths: the setting.
        others: files of other scenes, a scene each.
        locations: Plex's folders.
    """

    point: str
    scene: Files
    plex: Mapping[int, Files]
    expected: Expected
    paths: str = ""
    others: Files = ()
    locations: Sequence[str] = ("/plex", "D:\\Plex", "\\\\nas\\plex")


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


# The same file as two systems spell it, with full paths that need no map.
SAME_FILE = {
    "posix": ("/plex/a/x.mp4", "/plex/a/x.mp4"),
    "posix, other case of the name": ("/plex/a/X.mp4", "/plex/a/x.mp4"),
    "posix, other case of the extension": ("/plex/a/x.MP4", "/plex/a/x.mp4"),
    "posix, other case of a folder": ("/plex/A/x.mp4", "/plex/a/x.mp4"),
    "posix, other case of the root": ("/Plex/a/x.mp4", "/plex/a/x.mp4"),
    "doubled slash": ("/plex//a/x.mp4", "/plex/a/x.mp4"),
    "accent composed and decomposed": ("/plex/é/x.mp4", nfd("/plex/é/x.mp4")),
    "name composed and decomposed": ("/plex/a/Zoë.mp4", nfd("/plex/a/Zoë.mp4")),
    "hangul composed and decomposed": ("/plex/a/가나.mp4", nfd("/plex/a/가나.mp4")),
    "kana with voicing mark": ("/plex/a/ガ.mp4", nfd("/plex/a/ガ.mp4")),
    "two marks on one letter": ("/plex/a/ệ.mp4", nfd("/plex/a/ệ.mp4")),
    "composition and case": ("/plex/a/ÜBER.mp4", nfd("/plex/a/über.mp4")),
    "sharp s and its capitals": ("/plex/a/straße.mp4", "/plex/a/STRASSE.mp4"),
    "blanks and commas": ("/plex/a/one, two  three.mp4", "/plex/a/one, two  three.mp4"),
    "brackets and quotes": ("/plex/a/[x] 'y' \"z\".mp4", "/plex/a/[x] 'y' \"z\".mp4"),
    "per cent and hash": ("/plex/a/100%25 #1 &?=.mp4", "/plex/a/100%25 #1 &?=.mp4"),
    "emoji": ("/plex/a/👩‍👧 x.mp4", "/plex/a/👩‍👧 x.mp4"),
    "windows": ("D:\\Plex\\a\\x.mp4", "D:\\Plex\\a\\x.mp4"),
    "windows, other drive letter's case": ("d:\\Plex\\a\\x.mp4", "D:\\Plex\\a\\x.mp4"),
    "windows, other case": ("D:\\PLEX\\A\\X.MP4", "D:\\Plex\\a\\x.mp4"),
    "windows, slashes": ("D:/Plex/a/x.mp4", "D:\\Plex\\a\\x.mp4"),
    "windows, mixed separators": ("D:\\Plex/a\\x.mp4", "D:\\Plex\\a/x.mp4"),
    "windows, long path": ("D:\\Plex\\a\\x.mp4", "\\\\?\\D:\\Plex\\a\\x.mp4"),
    "windows, long path, other case": ("d:\\plex\\A\\x.mp4", "\\\\?\\D:\\Plex\\a\\x.mp4"),
    "unc": ("\\\\nas\\plex\\a\\x.mp4", "\\\\nas\\plex\\a\\x.mp4"),
    "unc, slashes": ("//nas/plex/a/x.mp4", "\\\\nas\\plex\\a\\x.mp4"),
    "unc, other case": ("\\\\NAS\\Plex\\a\\x.mp4", "\\\\nas\\plex\\a\\x.mp4"),
    "unc, long path": ("\\\\nas\\plex\\a\\x.mp4", "\\\\?\\UNC\\nas\\plex\\a\\x.mp4"),
}
SAME = [
    Case(f"{name}{way}", a, {1: b, 2: "/plex/z/other.mp4"}, [1])
    for name, pair in SAME_FILE.items()
    for way, (a, b) in (("", pair), (" (the other way)", pair[::-1]))
]

# What lies in Plex's folders but has another path is another file, however alike it is.
OTHER_FILE = {
    "another folder": ("/plex/a/x.mp4", "/plex/b/x.mp4"),
    "a folder deeper": ("/plex/a/x.mp4", "/plex/a/a/x.mp4"),
    "a folder higher": ("/plex/a/b/x.mp4", "/plex/a/x.mp4"),
    "another extension": ("/plex/a/x.mp4", "/plex/a/x.mkv"),
    "a longer name": ("/plex/a/x.mp4", "/plex/a/xx.mp4"),
    "the name at the end of another": ("/plex/a/x.mp4", "/plex/a/y x.mp4"),
    "another accent": ("/plex/a/é.mp4", "/plex/a/è.mp4"),
    "without the accent": ("/plex/a/é.mp4", "/plex/a/e.mp4"),
    "a letter that looks alike": ("/plex/a/x.mp4", "/plex/a/\u0445.mp4"),
    "full-width letters": ("/plex/a/x.mp4", "/plex/a/\uff58.mp4"),
    "a blank more": ("/plex/a/x y.mp4", "/plex/a/x  y.mp4"),
    "a blank at the end": ("/plex/a/x.mp4", "/plex/a/x.mp4 "),
    "a folder like the name": ("/plex/x.mp4", "/plex/x.mp4/x.mp4"),
    "another drive": ("D:\\Plex\\a\\x.mp4", "E:\\Plex\\a\\x.mp4"),
    "another server": ("\\\\nas\\plex\\a\\x.mp4", "\\\\nas2\\plex\\a\\x.mp4"),
    "another share": ("\\\\nas\\plex\\a\\x.mp4", "\\\\nas\\plex2\\a\\x.mp4"),
    "a drive and a share": ("D:\\Plex\\a\\x.mp4", "\\\\nas\\plex\\a\\x.mp4"),
    "windows and posix": ("D:\\Plex\\a\\x.mp4", "/plex/a/x.mp4"),
    "the brother of a library": ("/plex/a/x.mp4", "/plex2/a/x.mp4"),
    "a relative path": ("/plex/a/x.mp4", "a/x.mp4"),
}
OTHER = [Case(f"not {name}", a, {1: b}, []) for name, (a, b) in OTHER_FILE.items()]

# Names that differ in case only are two files on some systems.
UPPER, LOWER = "/plex/A/x.mp4", "/plex/a/x.mp4"
CASES = [
    Case("each of two that differ in case, 1", UPPER, {1: UPPER, 2: LOWER}, [1]),
    Case("each of two that differ in case, 2", LOWER, {1: UPPER, 2: LOWER}, [2]),
    Case("a third case, one of its size", "/plex/a/X.mp4", {1: UPPER, 2: (LOWER, 6)}, [1]),
    Case("a third case, both of its size", "/plex/a/X.mp4", {1: UPPER, 2: LOWER}, AMBIGUOUS),
    Case("a third case, none of its size", ("/plex/a/X.mp4", 4), {1: UPPER, 2: (LOWER, 6)}, []),
    Case("a third case, sizes unknown", ("/plex/a/X.mp4", 0), {1: UPPER, 2: (LOWER, 6)}, AMBIGUOUS),
    Case("another case and another size", UPPER, {1: (LOWER, 6)}, []),
    Case("another case, Plex knows no size", UPPER, {1: (LOWER, 0)}, [1]),
    Case("another case in two libraries", UPPER, {1: LOWER, 101: LOWER}, [1, 101]),
    Case(
        "windows, one file of a name, whatever the size",
        "d:\\plex\\X.mp4",
        {1: ("D:\\Plex\\x.mp4", 6)},
        [1],
    ),
    Case("a replaced file is still that path's", LOWER, {1: (LOWER, 6)}, [1]),
]

TO_PLEX = "/plex=>/data"
NESTED = "/plex/all=>/data;/plex/sub=>/data/sub"
FILE = "/plex/a/x.mp4"
MAPS: list[tuple[str, str, str, str, Expected]] = [
    ("map", TO_PLEX, "/data/a/x.mp4", FILE, [1]),
    ("map, slash at both ends", "/plex/=>/data/", "/data/a/x.mp4", FILE, [1]),
    ("map, file at the top", TO_PLEX, "/data/x.mp4", "/plex/x.mp4", [1]),
    ("map, then another case", TO_PLEX, "/data/A/x.mp4", FILE, [1]),
    ("map, then decomposed", TO_PLEX, "/data/é/x.mp4", nfd("/plex/é/x.mp4"), [1]),
    ("map, not in Plex", TO_PLEX, "/data/b/x.mp4", FILE, []),
    ("map, the folder's name occurs twice", TO_PLEX, "/data/data/x.mp4", "/plex/data/x.mp4", [1]),
    ("map, the folder's name is inside", TO_PLEX, "/data/plex/x.mp4", "/plex/plex/x.mp4", [1]),
    ("map to windows", "D:\\Plex=>/data", "/data/a/x.mp4", "D:\\Plex\\a\\x.mp4", [1]),
    ("map to a drive", "D:=>/data", "/data/Plex/x.mp4", "D:\\Plex\\x.mp4", [1]),
    ("map to unc", "\\\\nas\\plex=>/data", "/data/a/x.mp4", "\\\\nas\\plex\\a\\x.mp4", [1]),
    ("map to a long path", "D:\\Plex=>/data", "/data/a/x.mp4", "\\\\?\\D:\\Plex\\a\\x.mp4", [1]),
    ("map from windows", "/plex=>E:\\Stash", "E:\\Stash\\a\\x.mp4", FILE, [1]),
    ("map from windows, other case", "/plex=>e:\\stash", "E:\\Stash\\a\\x.mp4", FILE, [1]),
    ("map from windows, slashes", "/plex=>E:/Stash", "E:\\Stash\\a\\x.mp4", FILE, [1]),
    ("map from unc", "/plex=>\\\\nas\\v", "\\\\nas\\v\\a\\x.mp4", FILE, [1]),
    ("map from unc, other case", "/plex=>\\\\NAS\\V", "\\\\nas\\v\\a\\x.mp4", FILE, [1]),
    ("map windows to windows", "D:\\Plex=>E:\\v", "E:\\v\\a\\x.mp4", "D:\\Plex\\a\\x.mp4", [1]),
    ("map root", "/plex=>/", "/data/x.mp4", "/plex/data/x.mp4", [1]),
    ("map from the root", "/=>/stash", "/stash/plex/x.mp4", "/plex/x.mp4", [1]),
    ("the longest of two maps", NESTED, "/data/sub/x.mp4", "/plex/sub/x.mp4", [1]),
    (
        "the longest of two maps, first",
        "/plex/sub=>/data/sub;/plex/all=>/data",
        "/data/sub/x.mp4",
        "/plex/sub/x.mp4",
        [1],
    ),
    (
        "the shorter map beside the longer one",
        NESTED,
        "/data/sub2/x.mp4",
        "/plex/all/sub2/x.mp4",
        [1],
    ),
    ("the shorter map undoes no longer one", NESTED, "/data/sub/x.mp4", "/plex/all/sub/x.mp4", []),
    ("a map is applied once", "/plex/b=>/plex/a;/plex/c=>/plex/b", FILE, "/plex/c/x.mp4", []),
    ("two maps that swap folders", "/plex/b=>/plex/a;/plex/a=>/plex/b", FILE, "/plex/b/x.mp4", [1]),
    ("two folders of Stash in one of Plex", "/plex=>/d1;/plex=>/d2", "/d2/a/x.mp4", FILE, [1]),
    ("/data2 is not /data", TO_PLEX, "/data2/x.mp4", "/plex2/x.mp4", AMBIGUOUS),
    ("/data2 is not /data, and Plex has /2", TO_PLEX, "/data2/a/x.mp4", "/plex2/a/x.mp4", [1]),
    ("a map in another case", "/plex=>/DATA", "/data/y.mp4", FILE, []),
]
MAPPED = [
    Case(point, stash, {1: plex, 2: "/plex/decoy/x.mp4"}, expected, paths)
    for point, paths, stash, plex, expected in MAPS
]

FOLDERS = ("2022/spring", "2022/summer", "2023/spring", "2023/summer")
MANY = {n: f"/plex/{folder}/x.mp4" for n, folder in enumerate(FOLDERS, start=1)}
GONE = "2024/spring/x.mp4"
TWO_LIBRARIES = {1: "/plex/a/x.mp4", 101: "/plex/b/x.mp4"}
NAMESAKES = [
    *(
        Case(f"one name in many folders{way}, {folder}", f"{root}/{folder}/x.mp4", MANY, [n], paths)
        for way, root, paths in (
            ("", "/plex", ""),
            (", mapped", "/data", TO_PLEX),
            (", no map", "/data", ""),
        )
        for n, folder in enumerate(FOLDERS, start=1)
    ),
    Case("one name in many folders, this one is not there", f"/plex/{GONE}", MANY, []),
    Case("one name in many folders, mapped, not there", f"/data/{GONE}", MANY, [], TO_PLEX),
    Case("one name in many folders, no map, half a likeness", f"/data/{GONE}", MANY, AMBIGUOUS),
    Case("one name in two libraries", "/plex/a/x.mp4", TWO_LIBRARIES, [1]),
    Case("one name in two libraries, the other", "/plex/b/x.mp4", TWO_LIBRARIES, [101]),
]

SIZED, B = ("/plex/a.mp4", 4), "/plex/b.mp4"
VERSIONS = [
    Case("the second version's file", B, {1: [SIZED, B]}, [1]),
    Case("the second part's file", "/plex/cd2.mp4", {1: ["/plex/cd1.mp4", "/plex/cd2.mp4"]}, [1]),
    Case("all files of a scene in one item", [SIZED, B], {1: [SIZED, B]}, [1]),
    Case("the files of a scene in two items", [SIZED, B], {1: SIZED, 2: B}, [1, 2]),
    Case("the files of a scene in two libraries", [SIZED, B], {1: SIZED, 102: B}, [1, 102]),
    Case("the same file in two libraries", SIZED, {1: SIZED, 102: SIZED}, [1, 102]),
    Case("the same file twice in a library", SIZED, {1: SIZED, 2: SIZED}, [1, 2]),
    Case(
        "one file of the scene is not in Plex",
        [SIZED, "/plex/gone.mp4"],
        {1: SIZED, 2: "/plex/z/gone.mp4"},
        [1],
    ),
    Case(
        "a sure file goes before an ambiguous one",
        [SIZED, "/data/x.mp4"],
        {1: SIZED, 2: "/plex/b/x.mp4", 3: "/plex/c/x.mp4"},
        [1],
    ),
    Case(
        "an item of many parts in other folders",
        "/plex/b/2.mp4",
        {1: ["/plex/a/1.mp4", "/plex/b/2.mp4"], 2: "/plex/a/2.mp4"},
        [1],
    ),
]

OUT, C = "/data/a/b/x.mp4", "/data/c/x.mp4"
Q, NEAR, NEARER = "/plex/q/x.mp4", "/plex/b/x.mp4", "/plex/a/b/x.mp4"
WEAKER = [
    Case("name and size, whatever the folder", OUT, {1: Q}, [1]),
    Case("name and size, another case", OUT, {1: "/plex/q/X.MP4"}, [1]),
    Case("name and size in two libraries", OUT, {1: Q, 101: Q}, [1, 101]),
    Case("the name with another size", OUT, {1: (NEARER, 6)}, []),
    Case("the size with another name", OUT, {1: "/plex/a/b/y.mp4"}, []),
    Case("two of name and size", OUT, {1: Q, 2: "/plex/r/x.mp4"}, AMBIGUOUS),
    Case("two of name and size, one in the same folder", OUT, {1: Q, 2: NEAR}, [2]),
    Case("two of name and size, one in more of the same folders", OUT, {1: NEARER, 2: NEAR}, [1]),
    Case("two of the name, one of the size", OUT, {1: (NEARER, 6), 2: Q}, [2]),
    Case(
        "two of name and size in the same folder's namesakes",
        OUT,
        {1: "/plex/1/b/x.mp4", 2: "/plex/2/b/x.mp4"},
        AMBIGUOUS,
    ),
    Case("two, in one library each", OUT, {1: Q, 101: "/plex/r/x.mp4"}, AMBIGUOUS),
    Case("another scene is as near", OUT, {1: Q}, AMBIGUOUS, others=C),
    Case("another scene is nearer", OUT, {1: "/plex/c/x.mp4"}, [], others=C),
    Case("another scene is less near", OUT, {1: NEAR}, [1], others=C),
    Case("another scene of the name has another size", OUT, {1: Q}, [1], others=(C, 6)),
    Case("another scene has the item by its full path", OUT, {1: NEAR}, [], others=NEAR),
    Case("another scene's size is unknown", OUT, {1: Q}, AMBIGUOUS, others=(C, 0)),
    Case("no size, two folders", (OUT, 0), {1: NEARER}, [1]),
    Case("no size in Plex, two folders", OUT, {1: (NEARER, 0)}, [1]),
    Case("no size, one folder", (OUT, 0), {1: NEAR}, []),
    Case("no size, two of them", (OUT, 0), {1: NEARER, 2: ("/plex/2/a/b/x.mp4", 6)}, AMBIGUOUS),
    Case("no size of one of two", OUT, {1: (NEARER, 0), 2: Q}, AMBIGUOUS),
    Case("no folder of Plex is known", OUT, {1: Q}, [], locations=()),
    Case("a map that leads out of Plex's folders", OUT, {1: NEARER}, [1], "/elsewhere=>/data"),
    Case("the scene's own other file is no rival", [(OUT, 5), C], {1: Q}, [1]),
    Case("a name in another composition", "/data/a/é.mp4", {1: nfd("/plex/q/é.mp4")}, [1]),
    Case(
        "a windows file in a folder of posix", "E:\\v\\b\\x.mp4", {1: NEAR, 2: "/plex/c/x.mp4"}, [1]
    ),
]

ALL = [*SAME, *OTHER, *CASES, *MAPPED, *NAMESAKES, *VERSIONS, *WEAKER]


def files_of(given: Files) -> list[tuple[str, int]]:
    files = list(given) if isinstance(given, list) or given == () else [given]
    return [(file, 5) if isinstance(file, str) else file for file in files]  # type: ignore[misc]


def found(case: Case, tmp_path: Path) -> Expected:
    parts: dict[int, list[LibraryPart]] = {1: [], 2: []}
    for key, files in case.plex.items():
        parts[1 + key // 100] += [LibraryPart(path, key, size) for path, size in files_of(files)]
    stash = {1: [SceneFile(*file) for file in files_of(case.scene)]}
    stash |= {n: [SceneFile(*file)] for n, file in enumerate(files_of(case.others), start=2)}
    locations = {1: case.locations, 2: case.locations}
    libraries = Libraries(tmp_path, parts, locations, stash, case.paths)
    matching = libraries.find(1)
    libraries.index.close()
    if matching.candidates:
        assert matching.matches == ()
        return AMBIGUOUS
    return sorted(match.rating_key for match in matching.matches)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.point)
def test_a_path_leads_to_its_item_or_to_none(case: Case, tmp_path: Path) -> None:
    assert found(case, tmp_path) == case.expected


def test_there_are_enough_cases_and_no_two_make_the_same_point() -> None:
    assert len(ALL) >= 120
    assert len({case.point for case in ALL}) == len(ALL)

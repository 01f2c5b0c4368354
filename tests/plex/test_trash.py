"""Files in Plex's trash: they count while Plex has no other, and are never a reason to doubt."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from plex.items import LibraryPart, parse_item, parse_parts
from tests.plex.matching import Libraries
from validation.scene_extractor import SceneFile

OLD = "/plex/old/a.mp4"
NEW = "/plex/new/a.mp4"


@pytest.mark.parametrize(
    "media",
    [
        '<Media deletedAt="1700000000"><Part file="/1"/></Media><Media><Part file="/2"/></Media>',
        '<Media><Part file="/2"/></Media><Media deletedAt="1"><Part file="/1"/></Media>',
        '<Media deletedAt=""><Part file="/2"/></Media>'
        '<Media deletedAt="9"><Part file="/1"/></Media>',
    ],
)
def test_the_first_file_of_an_item_is_one_that_plex_has(media: str) -> None:
    video = ET.fromstring(f'<Video ratingKey="1" librarySectionID="2">{media}</Video>')
    item = parse_item(video)
    assert item is not None
    assert item.files == ("/2", "/1")
    assert [version.files for version in item.versions] == [("/2",), ("/1",)]
    assert [(part.path, part.in_trash) for part in parse_parts(video)] == [
        ("/2", False),
        ("/1", True),
    ]


def test_an_item_or_a_part_may_be_in_the_trash_too() -> None:
    for text in (
        '<Video ratingKey="1" deletedAt="1"><Media><Part file="/1"/></Media></Video>',
        '<Video ratingKey="1"><Media><Part file="/1" deletedAt="1"/></Media></Video>',
    ):
        assert [part.in_trash for part in parse_parts(ET.fromstring(text))] == [True]


def found(folder: Path, *parts: LibraryPart, path: str = "/stash/x/a.mp4") -> tuple[list[int], int]:
    folder.mkdir()
    libraries = Libraries(folder, {1: parts}, {1: ["/plex"]}, {1: [SceneFile(path, 10)]})
    matching = libraries.find(1)
    libraries.index.close()
    return [match.rating_key for match in matching.matches], len(matching.candidates)


def test_a_file_that_plex_has_comes_before_one_in_the_trash(tmp_path: Path) -> None:
    old, new = LibraryPart(OLD, 90, 10, in_trash=True), LibraryPart(NEW, 91, 10)
    again = LibraryPart(OLD, 92, 10)
    assert found(tmp_path / "name", old, new) == ([91], 0)
    assert found(tmp_path / "path", old, again, path=OLD) == ([92], 0)
    other_spelling = LibraryPart(OLD.upper(), 93, 10)
    assert found(tmp_path / "spelling", old, other_spelling, path=OLD) == ([93], 0)


def test_the_trash_alone_is_found_by_its_path_and_never_ambiguous(tmp_path: Path) -> None:
    old = LibraryPart(OLD, 90, 10, in_trash=True)
    older = LibraryPart("/plex/older/a.mp4", 89, 10, in_trash=True)
    assert found(tmp_path / "path", old, path=OLD) == ([90], 0)
    assert found(tmp_path / "name", old, older) == ([], 0)

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from plex.items import (
    LibraryPart,
    PlexItem,
    Version,
    parse_item,
    parse_parts,
    parse_section,
)
from plex.path_index import PathIndex
from simulators.plex import Media, Part
from tests.plex.support import Lab
from validation.values import LARGEST_NUMBER, whole_number

WHOLE = """
<Video ratingKey="12" librarySectionID="3" title="T &amp; t" studio="S" summary="One&#10;Two"
    originallyAvailableAt="2024-05-06">
  <Media id="1" duration="60000">
    <Part id="1" file="/a/cd1.mp4" size="10"/><Part id="2" file="/a/cd2.mp4"/></Media>
  <Media id="2"><Part id="3" file="/b/hd.mp4" size="99"/></Media>
  <Genre tag="g, 1"/><Genre tag="g2"/><Role tag="Ada" role="x"/><Collection tag="C"/>
  <Field locked="1" name="title"/><Field locked="true" name="actor"/><Field locked="0" name="art"/>
</Video>
"""


def test_a_whole_video_is_read_with_all_its_parts() -> None:
    assert parse_item(ET.fromstring(WHOLE)) == PlexItem(
        rating_key=12,
        section_key=3,
        title="T & t",
        studio="S",
        summary="One\nTwo",
        date="2024-05-06",
        performers=("Ada",),
        tags=("g, 1", "g2"),
        collections=("C",),
        locked=frozenset(("title", "actor")),
        files=("/a/cd1.mp4", "/a/cd2.mp4", "/b/hd.mp4"),
        versions=(Version(("/a/cd1.mp4", "/a/cd2.mp4"), 60000), Version(("/b/hd.mp4",))),
    )


@pytest.mark.parametrize(
    "attributes",
    ["", 'ratingKey="1"', 'librarySectionID="1"', 'ratingKey="x" librarySectionID="1"']
    + [f'ratingKey="{odd}" librarySectionID="1"' for odd in ("", "-1", "1.5", "0", "²", " 1")],
)
def test_a_video_without_its_keys_is_no_item(attributes: str) -> None:
    assert parse_item(ET.fromstring(f"<Video {attributes}/>")) is None


def test_a_date_with_a_time_is_a_date() -> None:
    text = '<Video ratingKey="1" librarySectionID="2" originallyAvailableAt="2024-05-06 00:00"/>'
    item = parse_item(ET.fromstring(text))
    assert item is not None
    assert item.date == "2024-05-06"


def test_tags_and_locks_without_a_name_are_left_out() -> None:
    text = (
        '<Video ratingKey="1" librarySectionID="2"><Genre/><Genre tag=""/><Genre tag="g"/>'
        '<Field locked="1"/><Field name="title"/></Video>'
    )
    item = parse_item(ET.fromstring(text))
    assert item is not None
    assert item.tags == ("g",)
    assert "title" not in item.locked


def test_parts_tell_their_size_and_item() -> None:
    assert list(parse_parts(ET.fromstring(WHOLE))) == [
        LibraryPart("/a/cd1.mp4", 12, 10),
        LibraryPart("/a/cd2.mp4", 12, 0),
        LibraryPart("/b/hd.mp4", 12, 99),
    ]


def test_versions_that_plex_made_itself_and_parts_without_a_file_are_left_out() -> None:
    text = (
        '<Video ratingKey="1"><Media proxyType="42"><Part file="/optimized.mp4"/></Media>'
        '<Media proxyType="1"><Part file="/a.mp4"/><Part/><Part file=""/></Media><Media/></Video>'
    )
    assert [part.path for part in parse_parts(ET.fromstring(text))] == ["/a.mp4"]


def test_a_library_tells_its_folders_and_a_mark_that_changes_with_it() -> None:
    text = (
        '<Directory key="3" type="movie" title="Scenes" contentChangedAt="{}" scannedAt="5">'
        '<Location path="/a"/><Location path="/b"/><Location/></Directory>'
    )
    first, second = (parse_section(ET.fromstring(text.format(mark))) for mark in ("74", "75"))
    assert first is not None
    assert second is not None
    assert (first.key, first.title, first.locations) == (3, "Scenes", ("/a", "/b", ""))
    assert first.change_mark != second.change_mark


@pytest.mark.parametrize(
    "attributes", ['key="1" type="artist"', 'key="1"', 'type="movie"', 'key="x" type="movie"']
)
def test_a_library_of_no_videos_is_none(attributes: str) -> None:
    assert parse_section(ET.fromstring(f"<Directory {attributes}/>")) is None


ODD = st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=12)
TAGS = ("Media", "Part", "Genre", "Role", "Collection", "Field", "Video", "Location")
NUMBERS = ["ratingKey", "librarySectionID", "key", "size", "addedAt", "updatedAt", "duration"]
KEYS = [*NUMBERS, "type", "locked", "proxyType", "deletedAt", "selected"]
TEXTS = ["file", "tag", "name", "title", "path", "originallyAvailableAt"]
JUNK = st.sampled_from(["", "-1", "-9223372036854775809", str(2**63), "9" * 5000, "1.5", "NaN"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from([*KEYS, *TEXTS]), st.integers(0, 50).map(str) | st.just("movie") | ODD | JUNK
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> ET.Element:
    element = ET.Element(draw(st.sampled_from(TAGS)), draw(ATTRIBUTES))
    if depth:
        element.extend(draw(st.lists(elements(depth - 1), max_size=2)))
    return element


@given(elements())
def test_any_element_is_read_or_passed_over(element: ET.Element) -> None:
    item, section = parse_item(element), parse_section(element)
    assert item is None or (item.rating_key > 0 and all(item.files) and all(item.tags))
    assert section is None or section.key > 0
    parts = list(parse_parts(element))
    keys = {part.rating_key for part in parts}
    assert keys <= {whole_number(element.get("ratingKey"))} - {0}
    assert all(part.path and 0 <= part.size <= LARGEST_NUMBER for part in parts)


@given(videos=st.lists(elements(), max_size=4))
def test_any_listing_can_be_stored(videos: list[ET.Element], tmp_path: Path) -> None:
    """The index holds what is readable, under the key that the row itself has, and nothing else."""
    index = PathIndex(str(tmp_path / "library.db"))
    index.use_server("a")
    parts = [part for video in videos for part in parse_parts(video)]
    index.replace_section(1, [parts], "mark", 0.0)
    stored = {(p.path, p.rating_key) for part in parts for p in index.find_exact(part.path)}
    index.close()
    assert stored == {(part.path, part.rating_key) for part in parts}


def test_an_item_of_the_server_is_read_in_full(lab: Lab) -> None:
    names = [f"name {n}, & <{n}>" for n in range(12)]
    item = lab.plex.add_item(
        lab.section,
        "/plex/scenes/a.mp4",
        Media((Part("/plex/scenes/optimized.mp4"),), proxy_type=42),
        ["/plex/scenes/cd1.mp4", "/plex/scenes/cd2.mp4"],
        title="T\n\t\"'",
        studio="S",
        summary="One\n\nTwo",
        originally_available_at="2024-05-06",
        genres=names,
        actors=names,
        collections=["C, c"],
        locks=["title", "genre"],
    )
    assert lab.client.read_items([item.rating_key]) == {
        item.rating_key: PlexItem(
            rating_key=item.rating_key,
            section_key=lab.section.key,
            title="T\n\t\"'",
            studio="S",
            summary="One\n\nTwo",
            date="2024-05-06",
            performers=tuple(names),
            tags=tuple(names),
            collections=("C, c",),
            locked=frozenset(("title", "genre")),
            files=("/plex/scenes/a.mp4", "/plex/scenes/cd1.mp4", "/plex/scenes/cd2.mp4"),
            versions=(
                Version(("/plex/scenes/a.mp4",), 60_000),
                Version(("/plex/scenes/cd1.mp4", "/plex/scenes/cd2.mp4"), 120_000),
            ),
        )
    }

"""Listings of the fake Plex: filters, sort, paging, and what a row shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from simulators.plex import FakePlex, Media, Part
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient

ALL = "/library/sections/1/all"


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        scenes = server.add_section("Scenes", ["/plex/scenes"])
        rows = [
            ("The Beach", "2020-01-02", ["Comedy", "Drama", "Outdoor"], 100, 1000),
            ("Apple, Pear", "2019-05-06", ["drama"], 200, 900),
            ("Cherry", "", [], 300, 800),
            ("beach ball", "2021-12-31", ["Comedy"], 400, 700),
        ]
        for number, (title, day, genres, added, updated) in enumerate(rows):
            server.add_item(
                scenes,
                f"/plex/scenes/sub{number % 2}/Scene {number} [1080p].mp4",
                size=1000 + number,
                title=title,
                originally_available_at=day,
                genres=genres,
                added_at=added,
                updated_at=updated,
            )
        yield server


@pytest.fixture
def section(plex: FakePlex) -> Iterator[Any]:
    with plexapi_server(plex) as server:
        yield server.library.section("scenes")


# the file filter


def test_file_filter_finds_a_part_of_any_path(raw: RawClient) -> None:
    assert raw.titles(ALL, {"type": 1, "file": "Scene 2 [1080p].mp4"}) == ["Cherry"]
    assert raw.titles(ALL, {"type": 1, "file": "/scenes/sub1/"}) == ["Apple, Pear", "beach ball"]
    miss = raw.xml(ALL, {"type": 1, "file": "nowhere"})
    assert (miss.attrib["size"], miss.attrib["totalSize"]) == ("0", "0")


def test_file_filter_without_type_is_500(raw: RawClient) -> None:
    assert raw.get(ALL, {"file": "Scene 2"}).status_code == 500


def test_a_comma_in_the_file_filter_means_or(raw: RawClient) -> None:
    assert raw.titles(ALL, {"type": 1, "file": "Scene 1,Scene 2"}) == ["Apple, Pear", "Cherry"]
    assert len(raw.titles(ALL, {"type": 1, "file": "Scene 1,"})) == 4, "a trailing comma: all"


def test_file_filter_sees_every_part_of_every_version(plex: FakePlex, raw: RawClient) -> None:
    item = plex.add_item(
        plex.section("Scenes"),
        ["/plex/scenes/x cd1.avi", "/plex/scenes/x cd2.avi"],
        Media((Part("/plex/opt/x.mp4"),), proxy_type=42),
        title="X",
    )
    assert raw.titles(ALL, {"type": 1, "file": "x cd2"}) == ["X"]
    assert raw.titles(ALL, {"type": 1, "file": "x cd"}) == ["X"], "two hits, one row"
    rows = raw.xml(ALL, {"type": 1, "file": "/plex/opt/"})
    assert [media.get("proxyType") for media in rows[0].findall("Media")] == [None, "42"]
    assert item.files == ["/plex/scenes/x cd1.avi", "/plex/scenes/x cd2.avi", "/plex/opt/x.mp4"]


def test_file_filter_notices_moved_added_and_removed_files(plex: FakePlex, raw: RawClient) -> None:
    query = {"type": 1, "file": "moved"}
    assert raw.titles(ALL, query) == []
    plex.move_file("/plex/scenes/sub0/Scene 2 [1080p].mp4", "/plex/scenes/moved.mp4")
    assert raw.titles(ALL, query) == ["Cherry"]
    plex.add_item(plex.section("Scenes"), "/plex/scenes/moved too.mp4", title="Zoo")
    assert raw.titles(ALL, query) == ["Cherry", "Zoo"]
    plex.remove_item(3)
    assert raw.titles(ALL, query) == ["Zoo"]


def test_an_ignored_file_filter_answers_with_everything(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.ignores_file_filter = True
    assert len(raw.titles(ALL, {"type": 1, "file": "nowhere"})) == 4
    assert len(raw.titles(ALL, {"type": 1, "file!": "Scene"})) == 4


def test_ignored_time_filters_answer_with_everything(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.ignores_time_filters = True
    assert len(raw.titles(f"{ALL}?addedAt>>=200")) == 4
    assert len(raw.titles(f"{ALL}?updatedAt>>=200")) == 4


def test_whether_text_filters_ignore_case_is_a_switch(plex: FakePlex, raw: RawClient) -> None:
    assert raw.titles(ALL, {"type": 1, "file": "sCENE 2"}) == ["Cherry"]
    assert raw.titles(ALL, {"title": "CHERRY"}) == ["Cherry"]
    plex.switches.string_filters_ignore_case = False
    assert raw.titles(ALL, {"type": 1, "file": "sCENE 2"}) == []
    assert raw.titles(ALL, {"title": "CHERRY"}) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=1&file!=Scene", 0),
        ("type=1&file==/plex/scenes/sub0/Scene%202%20[1080p].mp4", 1),
        ("type=1&file%3E=.mp4", 4),
        ("type=1&file%3C=/plex", 4),
        ("type=1&file%3C=Scene", 0),
    ],
)
def test_file_knows_the_operators_of_text(raw: RawClient, query: str, found: int) -> None:
    assert len(raw.titles(f"{ALL}?{query}")) == found


# the other filters


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("title=beach", ["The Beach", "beach ball"]),
        ("title=ball,cherry", ["beach ball", "Cherry"]),
        ("title==The%20Beach", ["The Beach"]),
        ("title%3D=Beach", []),
        ("title!=beach", ["Apple, Pear", "Cherry"]),
        ("title%3C=beach", ["beach ball"]),
        ("title%3E=beach", ["The Beach"]),
        ("movie.title=cherry", ["Cherry"]),
        ("genre=Comedy", ["The Beach", "beach ball"]),
        ("genre=DRAMA", ["Apple, Pear", "The Beach"]),
        ("genre=Outdoor,Drama", ["Apple, Pear", "The Beach"]),
        ("genre!=Comedy", ["Apple, Pear", "Cherry"]),
        ("genre=Unheard", []),
        ("year=2020", ["The Beach"]),
        ("year!=2020", ["Apple, Pear", "beach ball"]),
        ("year=soon", ["Apple, Pear", "beach ball", "Cherry", "The Beach"]),
        ("contentRating=XXX", []),
        ("contentRating!=XXX", ["Apple, Pear", "beach ball", "Cherry", "The Beach"]),
        ("guid=com.plexapp.agents.none", []),
        ("year>>=2019", ["The Beach", "beach ball"]),
        ("addedAt>>=200", ["Cherry", "beach ball"]),
        ("addedAt<<=200", ["The Beach"]),
        ("updatedAt>>=900", ["The Beach"]),
        ("updatedAt<<=800", ["beach ball"]),
        ("addedAt>>=-1d", []),
        ("originallyAvailableAt>>=1577836800", ["The Beach", "beach ball"]),
        ("addedAt>>=150&genre=Comedy", ["beach ball"]),
        ("push=1&genre=Outdoor&or=1&title=cherry&pop=1", ["Cherry", "The Beach"]),
        ("push=1&year=2020&or=1&year=2021&pop=1&and=1&title=ball", ["beach ball"]),
        ("unmatched=1", ["Apple, Pear", "beach ball", "Cherry", "The Beach"]),
        ("unmatched=0", []),
        ("limit=2", ["Apple, Pear", "The Beach"]),
    ],
)
def test_filters(raw: RawClient, query: str, titles: list[str]) -> None:
    assert sorted(raw.titles(f"{ALL}?type=1&{query}")) == sorted(titles)


@pytest.mark.parametrize(
    "query",
    ["nonsense=1", "addedAt>=150", "addedAt>>>=150", "genre>>=1", "title>>=a", "x y=1", "guid>>=a"],
)
def test_unknown_filters_and_operators_are_ignored(raw: RawClient, query: str) -> None:
    assert len(raw.titles(f"{ALL}?type=1&{query}")) == 4


def test_another_type_has_no_rows(raw: RawClient) -> None:
    assert raw.titles(ALL, {"type": 4}) == []


def test_actor_and_collection_filters_take_names_and_ids(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(3, actors=["Ann"], collections=["Box"])
    assert raw.titles(ALL, {"type": 1, "actor": "ann"}) == ["Cherry"]
    assert raw.titles(ALL, {"type": 1, "actor!": "ann", "genre": "Outdoor"}) == ["The Beach"]
    (choice,) = raw.xml("/library/sections/1/collection")
    assert choice.attrib["title"] == "Box"
    assert raw.titles(ALL, {"type": 1, "collection": choice.attrib["key"]}) == ["Cherry"]
    assert raw.titles(choice.attrib["fastKey"]) == ["Cherry"]
    assert raw.get("/library/sections/1/nonsense").status_code == 404


# sort and pages


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        ("", ["Apple, Pear", "The Beach", "beach ball", "Cherry"]),
        ("titleSort:desc", ["Cherry", "beach ball", "The Beach", "Apple, Pear"]),
        ("addedAt", ["The Beach", "Apple, Pear", "Cherry", "beach ball"]),
        ("addedAt:asc", ["The Beach", "Apple, Pear", "Cherry", "beach ball"]),
        ("movie.addedAt:desc", ["beach ball", "Cherry", "Apple, Pear", "The Beach"]),
        ("updatedAt:asc", ["beach ball", "Cherry", "Apple, Pear", "The Beach"]),
        ("year:desc,titleSort", ["beach ball", "The Beach", "Apple, Pear", "Cherry"]),
        ("nonsense", ["The Beach", "Apple, Pear", "Cherry", "beach ball"]),
    ],
)
def test_sort(raw: RawClient, sort: str, titles: list[str]) -> None:
    assert raw.titles(ALL, {"type": 1, "sort": sort}) == titles


def test_a_page_by_header(raw: RawClient) -> None:
    answer = raw.get(f"{ALL}?sort=addedAt", X_Plex_Container_Start="1", X_Plex_Container_Size="2")
    assert answer.headers["X-Plex-Container-Start"] == "1"
    assert answer.headers["X-Plex-Container-Total-Size"] == "4"
    page = raw.xml(f"{ALL}?sort=addedAt", X_Plex_Container_Start="1", X_Plex_Container_Size="2")
    assert [row.attrib["title"] for row in page] == ["Apple, Pear", "Cherry"]
    assert {name: page.attrib[name] for name in ("size", "totalSize", "offset")} == {
        "size": "2",
        "totalSize": "4",
        "offset": "1",
    }
    assert page.attrib["librarySectionID"] == "1"


def test_a_page_by_query_past_the_end_and_of_size_zero(raw: RawClient) -> None:
    query = {"X-Plex-Container-Start": 3, "X-Plex-Container-Size": 5}
    assert len(raw.titles(ALL, query)) == 1
    past = raw.xml(ALL, {"X-Plex-Container-Start": 9, "X-Plex-Container-Size": 5})
    assert (past.attrib["size"], past.attrib["totalSize"]) == ("0", "4")
    none = raw.xml(ALL, X_Plex_Container_Size="0")
    assert (none.attrib["size"], none.attrib["totalSize"]) == ("0", "4")


def test_ignored_paging_gives_everything(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.ignores_paging = True
    page = raw.xml(ALL, X_Plex_Container_Start="2", X_Plex_Container_Size="1")
    assert (page.attrib["size"], page.attrib["offset"], len(page)) == ("4", "0", 4)


def test_a_required_size_header_is_400_when_missing(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.require_size_header = True
    assert raw.get(ALL).status_code == 400
    assert raw.get(ALL, X_Plex_Container_Size="10").ok
    assert raw.get(ALL, {"X-Plex-Container-Size": 10}).ok


def test_pages_follow_edits(plex: FakePlex, raw: RawClient) -> None:
    assert raw.titles(ALL, {"limit": 1}) == ["Apple, Pear"]
    plex.edit(3, title="Aardvark")
    assert raw.titles(ALL, {"limit": 1}) == ["Aardvark"]
    plex.item(4).title = "A"
    assert raw.titles(ALL, {"limit": 1}) == ["A"], "a poke at live state is served too"


def test_a_large_library_is_listed_in_pages_without_losing_a_row() -> None:
    with FakePlex() as plex, RawClient(plex.url, plex.token) as client:
        scenes = plex.add_section("Scenes", ["/s"])
        for number in range(5_000):
            plex.add_item(scenes, f"/s/{number:05}.mp4")
        query: dict[str, object] = {"type": 1, "sort": "addedAt:asc", "X-Plex-Container-Size": 1000}
        titles = [
            title
            for start in range(0, 6_000, 1000)
            for title in client.titles(ALL, {**query, "X-Plex-Container-Start": start})
        ]
    assert titles == [f"{number:05}" for number in range(5_000)]


# rows


def test_rows_truncate_tags_and_the_item_itself_does_not(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(
        1,
        actors=[("A", "role a", "http://t/a"), "B", "C", "D"],
        labels=["Red"],
        collections=["Box"],
        directors=["Di"],
    )
    query = {"type": 1, "file": "Scene 0"}
    row = raw.xml(ALL, query)[0]
    assert [genre.attrib for genre in row.findall("Genre")] == [{"tag": "Comedy"}, {"tag": "Drama"}]
    assert [role.attrib for role in row.findall("Role")] == [{"tag": n} for n in "ABC"]
    assert [tag.attrib for tag in row.findall("Director")] == [{"tag": "Di"}]
    for hidden in ("Label", "Collection", "Field"):
        assert row.find(hidden) is None
    assert row.find("Media/Part/Stream") is None

    full = raw.xml("/library/metadata/1")[0]
    assert [tag.attrib["tag"] for tag in full.findall("Genre")] == ["Comedy", "Drama", "Outdoor"]
    assert len(full.findall("Role")) == 4
    role = full.findall("Role")[0].attrib
    assert (role["tag"], role["role"], role["thumb"]) == ("A", "role a", "http://t/a")
    assert role["filter"] == f"actor={role['id']}"
    assert [tag.attrib["tag"] for tag in full.findall("Label")] == ["Red"]
    assert {tag.attrib["name"] for tag in full.findall("Field")} == {
        "actor",
        "collection",
        "director",
        "label",
    }
    assert full.find("Media/Part/Stream") is not None

    plex.switches.listing_truncates_tags = False
    row = raw.xml(ALL, query)[0]
    assert (len(row.findall("Genre")), len(row.findall("Role"))) == (3, 4)
    assert row.find("Collection") is not None


def test_a_row_has_what_matching_needs(raw: RawClient) -> None:
    row = raw.xml(ALL, {"type": 1, "file": "Scene 0"})[0]
    assert row.tag == "Video"
    assert row.attrib["key"] == "/library/metadata/1"
    assert (row.attrib["addedAt"], row.attrib["updatedAt"], row.attrib["year"]) == (
        "100",
        "1000",
        "2020",
    )
    assert "librarySectionID" not in row.attrib
    part = row.find("Media/Part")
    assert part is not None
    assert part.attrib["file"] == "/plex/scenes/sub0/Scene 0 [1080p].mp4"
    assert (part.attrib["size"], part.attrib["duration"]) == ("1000", "60000")


def test_exclusions_are_requests(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(1, summary="Long", tagline="Short")
    query: dict[str, object] = {
        "type": 1,
        "file": "Scene 0",
        "excludeElements": "Genre,UltraBlurColors",
        "excludeFields": "summary,tagline",
    }
    slim = raw.xml(ALL, query)[0]
    assert [child.tag for child in slim] == ["Media"]
    assert not {"summary", "tagline"} & slim.attrib.keys()
    assert raw.xml("/library/metadata/1", query)[0].find("Genre") is None
    plex.switches.honours_exclude_elements = False
    row = raw.xml(ALL, query)[0]
    assert row.find("Genre") is not None
    assert row.attrib["summary"] == "Long"


def test_metadata_of_many_items(plex: FakePlex, raw: RawClient) -> None:
    rows = raw.xml("/library/metadata/3,1,99")
    assert [row.attrib["ratingKey"] for row in rows] == ["3", "1"]
    assert rows.attrib["librarySectionID"] == "1"
    assert {row.attrib["librarySectionID"] for row in rows} == {"1"}
    assert raw.get("/library/metadata/98,99").status_code == 404
    page = raw.xml("/library/metadata/1,2,3", X_Plex_Container_Size="2")
    assert (page.attrib["size"], page.attrib["totalSize"]) == ("2", "3")
    other = plex.add_item(plex.add_section("Other", ["/o"]), "/o/b.mp4")
    mixed = raw.xml(f"/library/metadata/1,{other.rating_key}")
    assert "librarySectionID" not in mixed.attrib
    assert [row.attrib["librarySectionID"] for row in mixed] == ["1", "2"]


def test_metadata_without_section_id_is_a_switch(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.metadata_returns_section_id = False
    answer = raw.xml("/library/metadata/1")
    assert "librarySectionID" not in {**answer.attrib, **answer[0].attrib}


def test_tree_tells_the_hash(plex: FakePlex, raw: RawClient) -> None:
    item = plex.add_item(plex.section("Scenes"), "/plex/scenes/h.mp4", oshash="00ff" * 4, size=7)
    part = raw.xml(f"/library/metadata/{item.rating_key}/tree").find(".//MediaPart")
    assert part is not None
    assert part.attrib["openSubtitleHash"] == "00ff00ff00ff00ff"
    assert (part.attrib["file"], part.attrib["size"]) == ("/plex/scenes/h.mp4", "7")


def test_sections_describe_themselves(plex: FakePlex, raw: RawClient) -> None:
    plex.add_section("Films", ["/films", "/more"], agent="tv.plex.agents.movie", language="en-US")
    scenes, films = raw.xml("/library/sections")
    assert scenes.attrib["agent"] == "com.plexapp.agents.none"
    assert scenes.attrib["type"] == "movie"
    assert [place.attrib["path"] for place in films] == ["/films", "/more"]
    assert raw.xml("/library/sections/2").attrib["title1"] == "Films"
    plex.add_item(plex.section("Films"), "/films/f.mp4", guid="local://9")
    plex.add_item(plex.section("Films"), "/films/g.mp4", title="G")
    assert raw.titles("/library/sections/2/all", {"unmatched": 1}) == ["f"]
    assert raw.titles("/library/sections/2/all", {"unmatched": 0}) == ["G"]


# through plexapi


def test_plexapi_searches_by_title_genre_and_date(section: Any) -> None:
    assert [item.title for item in section.search(title="ball")] == ["beach ball"]
    assert {item.title for item in section.search(genre="comedy")} == {"The Beach", "beach ball"}
    since = datetime.fromtimestamp(250)  # noqa: DTZ006  # plexapi wants it naive
    found = section.search(filters={"addedAt>>": since})
    assert {item.title for item in found} == {"Cherry", "beach ball"}
    newest = section.search(sort="addedAt:desc", maxresults=2)
    assert [item.title for item in newest] == ["beach ball", "Cherry"]
    either = section.search(filters={"or": [{"title": "cherry"}, {"genre": "Outdoor"}]})
    assert {item.title for item in either} == {"Cherry", "The Beach"}


def test_plexapi_pages_through_everything(plex: FakePlex, section: Any) -> None:
    for number in range(20):
        plex.add_item(plex.section("Scenes"), f"/plex/scenes/more {number}.mp4")
    plex.log.clear()
    assert len({item.ratingKey for item in section.all(container_size=10)}) == 24
    assert plex.log.count(kind="listing") == 3
    assert section.totalSize == 24


def test_plexapi_finds_an_item_by_file(section: Any) -> None:
    found = section.fetchItems(f"{ALL}?type=1&file=Scene%202%20%5B1080p%5D.mp4")
    assert [(item.title, item.locations) for item in found] == [
        ("Cherry", ["/plex/scenes/sub0/Scene 2 [1080p].mp4"])
    ]
    assert found[0].librarySectionID == 1

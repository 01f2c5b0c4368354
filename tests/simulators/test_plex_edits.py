"""Edits on the fake Plex: fields, tags, locks, what is refused, and the agent's refresh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plexapi.exceptions import BadRequest

from simulators.plex import FakePlex
from simulators.plex.raw_client import RawClient


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plex(clock: Clock) -> Iterator[FakePlex]:
    with FakePlex(clock=clock) as server:
        scenes = server.add_section("Scenes", ["/plex/scenes"])
        for name in "abc":
            server.add_item(scenes, f"/plex/scenes/{name}.mp4")
        yield server


# fields


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        ("title", "title", "Á & <b>/c"),
        ("originalTitle", "original_title", "Orig"),
        ("studio", "studio", "Stu"),
        ("summary", "summary", "Line 1\nLine 2"),
        ("tagline", "tagline", "Tag"),
        ("originallyAvailableAt", "originally_available_at", "2020-02-29"),
        ("contentRating", "content_rating", "XXX"),
        ("editionTitle", "edition_title", "Cut"),
    ],
)
def test_a_text_field_is_set_locked_read_back_and_cleared(
    plex: FakePlex, raw: RawClient, field: str, attribute: str, value: str
) -> None:
    item = plex.item(1)
    assert raw.edit(1, {f"{field}.value": value, f"{field}.locked": 1}).ok
    assert getattr(item, attribute) == value
    assert item.locks == {field}
    assert raw.xml("/library/metadata/1")[0].attrib[field] == value
    assert raw.edit(1, {f"{field}.value": ""}).ok
    assert getattr(item, attribute) == ""
    assert item.locks == {field}


@pytest.mark.parametrize("field", ["userRating", "rating", "audienceRating"])
def test_a_rating_is_a_number_from_0_to_10(plex: FakePlex, raw: RawClient, field: str) -> None:
    assert raw.edit(1, {f"{field}.value": "7.5"}).ok
    assert raw.xml("/library/metadata/1")[0].attrib[field] == "7.5"
    for bad in ("11", "-1", "nan", "many"):
        assert raw.edit(1, {f"{field}.value": bad}).status_code == 500
    assert raw.edit(1, {f"{field}.value": ""}).ok
    assert plex.item(1).user_rating is None
    assert field not in raw.xml("/library/metadata/1")[0].attrib


def test_the_year_follows_the_date(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"originallyAvailableAt.value": "2019-12-31"})
    assert plex.item(1).year == 2019
    assert raw.xml("/library/metadata/1")[0].attrib["year"] == "2019"
    raw.edit(1, {"originallyAvailableAt.value": ""})
    assert plex.item(1).year is None


@pytest.mark.parametrize("bad", ["2020-02-30", "2020", "20200101", "2020-1-1", "soon"])
def test_a_malformed_date_is_500_and_changes_nothing(
    plex: FakePlex, raw: RawClient, bad: str
) -> None:
    answer = raw.edit(1, {"title.value": "New", "originallyAvailableAt.value": bad})
    assert answer.status_code == 500
    assert b"500 Internal Server Error" in answer.content
    assert plex.item(1).title == "a"


def test_clearing_a_date_may_be_refused(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(1, originally_available_at="2020-01-01")
    plex.switches.clear_date_allowed = False
    assert raw.edit(1, {"originallyAvailableAt.value": ""}).status_code == 500
    assert plex.item(1).originally_available_at == "2020-01-01"


@pytest.mark.parametrize(
    "query",
    [
        {"titel.value": "x"},
        {"title": "x"},
        {"title.valeu": "x"},
        {"year.value": "2020"},
        {"title[0].value": "x"},
        {"studio[0].tag.tag": "x"},
        {"genre[0].tag": "x"},
        {"genre[].tag": "x"},
        {"genre.value": "x"},
        {"thumb.value": "x"},
    ],
)
def test_an_unknown_field_is_400_and_changes_nothing(
    plex: FakePlex, raw: RawClient, query: dict[str, str]
) -> None:
    before = plex.snapshot()
    assert raw.edit(1, {"summary.value": "new", **query}).status_code == 400
    assert plex.snapshot() == before


def test_an_edit_without_id_or_of_unknown_items_is_refused(plex: FakePlex, raw: RawClient) -> None:
    def put(path: str) -> int:
        return raw.ask("PUT", path).status_code

    other = plex.add_item(plex.add_section("Other", ["/o"]), "/o/x.mp4").rating_key
    assert put("/library/sections/1/all?type=1&title.value=x") == 400
    assert put("/library/sections/1/all?type=1&id=99&title.value=x") == 404
    assert put(f"/library/sections/1/all?type=1&id={other}&title.value=x") == 404
    assert put("/library/metadata/99?title.value=x") == 404
    assert {item.title for item in plex.items()} == {"a", "b", "c", "x"}


def test_many_ids_in_one_put_by_either_path(plex: FakePlex, raw: RawClient) -> None:
    assert raw.edit("1,3,99", {"studio.value": "S"}).ok
    assert [item.studio for item in plex.items()] == ["S", "", "S"]
    assert raw.ask("PUT", "/library/metadata/2,3?tagline.value=T&genre%5B0%5D.tag.tag=G").ok
    assert [item.tagline for item in plex.items()] == ["", "T", "T"]
    assert plex.item(2).genres == ("G",)


def test_the_answer_is_an_empty_200(raw: RawClient) -> None:
    answer = raw.edit(1, {"title.value": "x"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/html"


def test_an_edit_bumps_updated_at_and_the_section(
    plex: FakePlex, raw: RawClient, clock: Clock
) -> None:
    counter = plex.section("Scenes").content_changed_at
    clock.now += 60
    raw.edit(1, {"title.value": "x"})
    assert (plex.item(1).updated_at, plex.item(2).updated_at) == (1_700_000_060, 1_700_000_000)
    assert plex.item(1).added_at == 1_700_000_000
    assert plex.section("Scenes").content_changed_at == counter + 1
    plex.switches.edits_bump_content_changed = False
    raw.edit(1, {"title.value": "y"})
    sections = raw.xml("/library/sections")
    assert sections[0].attrib["contentChangedAt"] == str(counter + 1)


def test_a_rating_by_the_user_does_not_bump(plex: FakePlex, server: Any, clock: Clock) -> None:
    clock.now += 60
    server.fetchItem(1).rate(8)
    assert (plex.item(1).user_rating, plex.item(1).updated_at) == (8.0, 1_700_000_000)
    server.fetchItem(1).rate()
    assert plex.item(1).user_rating is None


@pytest.mark.parametrize(
    "wrong", [{"rating": 11}, {"rating": "good"}, {"identifier": "other"}, {"identifier": ""}]
)
def test_a_wrong_rating_is_400(plex: FakePlex, raw: RawClient, wrong: dict[str, object]) -> None:
    query = {"key": 1, "identifier": "com.plexapp.plugins.library", "rating": 5, **wrong}
    assert raw.ask("PUT", "/:/rate", query).status_code == 400
    assert plex.item(1).user_rating is None


def test_added_at_can_be_set(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"addedAt.value": "123"})
    assert plex.item(1).added_at == 123
    assert raw.edit(1, {"addedAt.value": "now"}).status_code == 500


# locks


def test_locks_are_set_and_released(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"title.locked": 1, "thumb.locked": 1, "art.locked": 1, "actor.locked": 1})
    raw.edit(1, {"thumb.locked": 0})
    assert plex.item(1).locks == {"title", "art", "actor"}
    fields = raw.xml("/library/metadata/1")[0].findall("Field")
    assert [field.attrib for field in fields] == [
        {"locked": "1", "name": name} for name in ("actor", "art", "title")
    ]
    assert raw.edit(1, {"title.locked": "yes"}).status_code == 500


def test_a_sort_title_without_its_lock_has_no_effect(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"titleSort.value": "zzz"})
    assert plex.item(1).title_sort == ""
    raw.edit(1, {"titleSort.value": "zzz", "titleSort.locked": 1})
    assert raw.titles("/library/sections/1/all") == ["b", "c", "a"]
    raw.edit(1, {"titleSort.value": "aaa"})
    assert plex.item(1).title_sort == "aaa", "it was locked before"
    plex.switches.unlocked_title_sort_is_ignored = False
    raw.edit(2, {"titleSort.value": "zzz"})
    assert plex.item(2).title_sort == "zzz"


def test_a_refresh_overwrites_only_what_is_not_locked(
    plex: FakePlex, server: Any, raw: RawClient
) -> None:
    raw.edit(1, {"title.value": "Mine", "title.locked": 1, "studio.value": "Mine"})
    raw.edit(1, {"genre[0].tag.tag": "Mine", "actor[0].tag.tag": "Mine", "actor.locked": 1})
    plex.agent[1] = {
        "title": "Theirs",
        "studio": "Theirs",
        "genres": ["Theirs"],
        "actors": ["Theirs"],
        "originally_available_at": "2001-01-01",
        "poster": b"agent",
    }
    server.fetchItem(1).refresh()
    item = plex.item(1)
    assert (item.title, item.studio, item.genres) == ("Mine", "Theirs", ("Theirs",))
    assert [actor.name for actor in item.actors] == ["Mine"]
    assert (item.year, item.poster) == (2001, b"agent")
    assert raw.get("/library/metadata/1/refresh").status_code == 405


def test_a_refresh_can_be_called_and_forced_for_a_section(plex: FakePlex, server: Any) -> None:
    plex.agent[1] = plex.agent[2] = {"summary": "Theirs"}
    plex.refresh_item(1)
    assert [item.summary for item in plex.items()] == ["Theirs", "", ""]
    server.library.section("scenes").refresh()
    assert [item.summary for item in plex.items()] == ["Theirs", "Theirs", ""]


def test_a_persons_edit_sets_and_locks(plex: FakePlex) -> None:
    plex.edit(1, title="By hand", originally_available_at="2000-01-01", genres=["G"])
    assert plex.item(1).locks == {"title", "originallyAvailableAt", "genre"}
    plex.edit(2, title="By hand", lock=False)
    assert plex.item(2).locks == frozenset()
    plex.set_locks(1, ["summary"])
    assert plex.item(1).locks == {"summary"}


# tags

ADD_X = ("genre[0].tag.tag", "X")
DROP_A = ("genre[].tag.tag-", "A")


@pytest.mark.parametrize(
    ("append", "remove_first", "pairs", "genres"),
    [
        (True, True, [ADD_X], ("A", "B", "X")),
        (False, True, [ADD_X], ("X",)),
        (True, True, [ADD_X, DROP_A], ("B", "X")),
        (True, False, [ADD_X, DROP_A], ("B", "X")),
        (False, True, [ADD_X, DROP_A], ("X",)),
        (True, True, [("genre[0].tag.tag", "A"), DROP_A], ("B", "A")),
        (True, False, [("genre[0].tag.tag", "A"), DROP_A], ("B",)),
        (True, True, [("genre[].tag", ""), ADD_X], ("X",)),
        (True, False, [("genre[].tag", ""), ADD_X], ()),
        (False, True, [DROP_A], ("B",)),
        (False, False, [("genre.locked", "1")], ("A", "B")),
        (True, True, [("genre[].tag", "")], ()),
    ],
)
def test_adding_and_removing_under_every_reading(
    plex: FakePlex,
    raw: RawClient,
    append: bool,
    remove_first: bool,
    pairs: list[tuple[str, object]],
    genres: tuple[str, ...],
) -> None:
    plex.edit(1, genres=["A", "B"])
    plex.switches.tags_append = append
    plex.switches.remove_before_add = remove_first
    assert raw.edit(1, pairs).ok
    assert plex.item(1).genres == genres


def test_tags_merge_by_case_and_the_first_spelling_wins(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"genre[0].tag.tag": "Big Rock", "genre[1].tag.tag": "big rock"})
    raw.edit(2, {"genre[0].tag.tag": "BIG ROCK", "genre[1].tag.tag": "Big Rock "})
    assert plex.item(1).genres == ("Big Rock",)
    assert plex.item(2).genres == ("Big Rock", "Big Rock "), "a trailing blank is another tag"
    raw.edit(2, {"genre[].tag.tag-": "bIG rOCK"})
    assert plex.item(2).genres == ("Big Rock ",)
    raw.edit(3, {"collection[0].tag.tag": "big rock"})
    assert plex.item(3).collections == ("big rock",), "another kind, another tag"


def test_removed_names_are_split_and_then_unquoted(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(1, collections=["Col, A", "Ünï", "50%", "C"])
    raw.edit(1, {"collection[].tag.tag-": "Col%2C%20A,%C3%9Cn%C3%AF,50%25"})
    assert plex.item(1).collections == ("C",)


def test_labels_come_back_capitalized(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"label[0].tag.tag": "red hot"})
    assert plex.item(1).labels == ("Red hot",)
    plex.switches.capitalizes_labels = False
    raw.edit(1, {"label[0].tag.tag": "blue"})
    assert plex.item(1).labels == ("Red hot", "blue")


@pytest.mark.parametrize("kind", ["director", "writer", "producer", "country"])
def test_the_other_tags(plex: FakePlex, raw: RawClient, kind: str) -> None:
    raw.edit(1, {f"{kind}[0].tag.tag": "X", f"{kind}.locked": 1})
    attribute = "countries" if kind == "country" else f"{kind}s"
    assert getattr(plex.item(1), attribute) == ("X",)
    tag = raw.xml("/library/metadata/1")[0].find(kind.capitalize())
    assert tag is not None
    assert tag.attrib == {
        "id": tag.attrib["id"],
        "filter": f"{kind}={tag.attrib['id']}",
        "tag": "X",
    }


def test_actors_have_roles_and_share_their_thumb(plex: FakePlex, raw: RawClient) -> None:
    def cast(key: int) -> list[tuple[str, str, str]]:
        return [(actor.name, actor.role, actor.thumb) for actor in plex.item(key).actors]

    raw.edit(
        1,
        {
            "actor[0].tag.tag": "Ann",
            "actor[0].tagging.text": "Self",
            "actor[0].tag.thumb": "http://t/1",
            "actor[1].tag.tag": "Bob",
        },
    )
    assert cast(1) == [("Ann", "Self", "http://t/1"), ("Bob", "", "")]
    raw.edit(2, {"actor[0].tag.tag": "ANN", "actor[0].tag.thumb": "http://t/2"})
    assert cast(2) == [("Ann", "", "http://t/2")]
    assert cast(1)[0] == ("Ann", "Self", "http://t/2"), "the thumb belongs to the performer"
    raw.edit(1, {"actor[0].tag.tag": "ann", "actor[0].tagging.text": "Boss"})
    assert cast(1) == [("Ann", "Boss", "http://t/2"), ("Bob", "", "")]
    raw.edit(1, {"actor[].tag.tag-": "ANN"})
    assert cast(1) == [("Bob", "", "")]
    plex.switches.tags_append = False
    raw.edit(1, {"actor[0].tag.tag": "Cid"})
    assert cast(1) == [("Cid", "", "")]


# through plexapi


def test_plexapi_batch_edit(plex: FakePlex, server: Any) -> None:
    item = server.fetchItem(1)
    item.batchEdits().editTitle("T").editStudio("S").editOriginallyAvailable("2020-01-01")
    item.addGenre(["G1", "G2, x"]).saveEdits()
    state = plex.item(1)
    assert (state.title, state.studio, state.year) == ("T", "S", 2020)
    assert list(state.genres) == ["G1", "G2, x"]
    assert state.locks == {"title", "studio", "originallyAvailableAt", "genre"}
    item.reload()
    assert (item.title, item.isLocked("studio")) == ("T", True)
    item.removeGenre(["G2, x"], locked=False)
    assert list(state.genres) == ["G1"]
    assert "genre" not in state.locks


def test_plexapi_batch_multi_edit(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    items = section.all()
    section.batchMultiEdits(items[:2]).addLabel("L").editStudio("Q").saveMultiEdits()
    assert [(item.studio, item.labels) for item in plex.items()] == [
        ("Q", ("L",)),
        ("Q", ("L",)),
        ("", ()),
    ]


def test_plexapi_reports_the_status_of_a_refused_edit(server: Any) -> None:
    with pytest.raises(BadRequest, match=r"^\(400\) bad_request"):
        server.fetchItem(1).edit(**{"nonsense.value": "x"})
    with pytest.raises(BadRequest, match=r"^\(500\)"):
        server.fetchItem(1).editOriginallyAvailable("soon")

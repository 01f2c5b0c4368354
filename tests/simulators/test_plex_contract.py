"""The fake Plex answers as a real server does: one table for each kind of request."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from plexapi.exceptions import BadRequest, Unauthorized
from plexapi.server import PlexServer

from simulators.plex import FakePlex, Media, Part
from simulators.plex.raw_client import RawClient

ALL = "/library/sections/1/all"
GENRES = ("Comedy", "Drama", "Outdoor")


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex(token="owner-token", guest_token="guest-token") as server:
        scenes = server.add_section("Scenes", ["/plex/scenes"])
        for number, (title, day, genres) in enumerate(
            [
                ("The Beach", "2020-01-02", GENRES),
                ("Apple, Pear", "2019-05-06", ("drama",)),
                ("Cherry", "", ()),
            ]
        ):
            server.add_item(
                scenes,
                f"/plex/scenes/sub{number % 2}/Scene {number} [1080p].mp4",
                title=title,
                originally_available_at=day,
                genres=genres,
                added_at=100 * number,
            )
        yield server


@pytest.fixture
def raw(plex: FakePlex) -> Iterator[RawClient]:
    """A client that sends and shows what it is told, unquoted and unparsed."""
    with RawClient(plex.url, plex.token) as client:
        yield client


# -- edits ----------------------------------------------------------------------------------------

EDITS: list[tuple[dict[str, Any], dict[str, object], dict[str, Any]]] = [
    ({}, {"title.value": "Á & <b>"}, {"title": "Á & <b>", "locks": frozenset()}),
    ({}, {"studio.value": "S", "studio.locked": 1}, {"studio": "S", "locks": {"studio"}}),
    ({}, {"originallyAvailableAt.value": "2019-12-31"}, {"year": 2019}),
    ({}, {"originallyAvailableAt.value": ""}, {"year": None, "originally_available_at": ""}),
    ({}, {"titleSort.value": "zzz"}, {"title_sort": ""}),
    ({}, {"titleSort.value": "zzz", "titleSort.locked": 1}, {"title_sort": "zzz"}),
    ({}, {"thumb.locked": 1, "art.locked": 1}, {"locks": {"thumb", "art"}}),
    ({}, {"genre[0].tag.tag": "X"}, {"genres": (*GENRES, "X")}),
    ({"tags_append": False}, {"genre[0].tag.tag": "X"}, {"genres": ("X",)}),
    ({}, {"genre[].tag.tag-": "Drama,Out%64oor"}, {"genres": ("Comedy",)}),
    ({}, {"genre[].tag.tag-": "dRAMA"}, {"genres": ("Comedy", "Outdoor")}),
    ({}, {"genre[].tag": ""}, {"genres": ()}),
    ({}, {"genre[].tag": "", "genre[0].tag.tag": "X"}, {"genres": ("X",)}),
    ({"remove_before_add": False}, {"genre[].tag": "", "genre[0].tag.tag": "X"}, {"genres": ()}),
    ({}, {"genre[0].tag.tag": "OUTDOOR"}, {"genres": GENRES}),
    ({}, {"genre[0].tag.tag": "Drama "}, {"genres": (*GENRES, "Drama ")}),
    ({}, {"label[0].tag.tag": "red hot"}, {"labels": ("Red hot",)}),
]


@pytest.mark.parametrize(("switches", "query", "expected"), EDITS)
def test_an_edit(
    plex: FakePlex,
    raw: RawClient,
    switches: dict[str, Any],
    query: dict[str, object],
    expected: dict[str, Any],
) -> None:
    for name, value in switches.items():
        setattr(plex.switches, name, value)

    answer = raw.edit(1, query)

    assert (answer.status_code, answer.content) == (200, b"")
    assert {name: getattr(plex.item(1), name) for name in expected} == expected


@pytest.mark.parametrize(
    ("status", "query"),
    [
        *((400, {name: "x"}) for name in ("titel.value", "title", "year.value", "genre.value")),
        *((400, {name: "x"}) for name in ("title[0].value", "genre[0].tag", "genre[].tag")),
        *((500, {"originallyAvailableAt.value": day}) for day in ("2020-02-30", "2020", "soon")),
        (500, {"title.locked": "yes"}),
    ],
)
def test_a_refused_edit_changes_nothing(
    plex: FakePlex, raw: RawClient, status: int, query: dict[str, object]
) -> None:
    before = plex.snapshot()

    assert raw.edit(1, {"summary.value": "new", **query}).status_code == status
    assert plex.snapshot() == before


def test_an_edit_names_its_items(plex: FakePlex, raw: RawClient) -> None:
    assert raw.edit("1,3,99", {"studio.value": "S"}).ok
    assert [item.studio for item in plex.items()] == ["S", "", "S"]
    for address, status in [
        (f"{ALL}?type=1&id=99&title.value=x", 404),
        ("/library/metadata/99?title.value=x", 404),
        ("/library/metadata/?title.value=x", 404),
        ("/library/sections/None/all?type=1&id=1&title.value=x", 500),
    ]:
        assert raw.ask("PUT", address).status_code == status


@pytest.mark.parametrize("ids", ["", "&id=", "&id=none", "&id=,"])
def test_an_edit_without_an_id_edits_a_section(plex: FakePlex, raw: RawClient, ids: str) -> None:
    other = plex.add_item(plex.add_section("Other", ["/o"]), "/o/x.mp4", title="x")

    assert raw.ask("PUT", f"{ALL}?type=1{ids}&title.value=all").ok

    assert {item.title for item in plex.items() if item is not other} == {"all"}
    assert other.title == "x"
    assert len(plex.whole_library_edits) == 1


# -- listings -------------------------------------------------------------------------------------

BEACH, APPLE, CHERRY = "The Beach", "Apple, Pear", "Cherry"


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("file=Scene%202%20[1080p].mp4", [CHERRY]),
        ("file=/scenes/sub0/", [BEACH, CHERRY]),
        ("file=sCENE%202", [CHERRY]),
        ("file=Scene%201,Scene%202", [APPLE, CHERRY]),
        ("file=Scene%201,", [BEACH, APPLE, CHERRY]),  # a trailing comma finds everything
        ("file=nowhere", []),
        ("nonsense=1&addedAt>>=9000", [BEACH, APPLE, CHERRY]),  # unknown filters are ignored
    ],
)
def test_a_filter(raw: RawClient, query: str, titles: list[str]) -> None:
    assert sorted(raw.titles(f"{ALL}?type=1&{query}")) == sorted(titles)


@pytest.mark.parametrize(
    ("switch", "value", "query"),
    [
        ("ignores_file_filter", True, "type=1&file=nowhere"),
        ("ignores_paging", True, "X-Plex-Container-Start=2&X-Plex-Container-Size=1"),
    ],
)
def test_a_server_that_ignores_a_parameter_lists_everything(
    plex: FakePlex, raw: RawClient, switch: str, value: object, query: str
) -> None:
    assert len(raw.titles(f"{ALL}?{query}")) < 3
    setattr(plex.switches, switch, value)
    assert len(raw.titles(f"{ALL}?{query}")) == 3


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        ("", [APPLE, BEACH, CHERRY]),
        ("titleSort:desc", [CHERRY, BEACH, APPLE]),
        ("addedAt:desc", [CHERRY, APPLE, BEACH]),
        ("id:desc,titleSort", [CHERRY, APPLE, BEACH]),
    ],
)
def test_a_sort(raw: RawClient, sort: str, titles: list[str]) -> None:
    assert raw.titles(ALL, {"type": 1, "sort": sort}) == titles


def test_an_ignored_sort(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.ignored_sorts = frozenset(("id",))
    assert raw.titles(ALL, {"sort": "id:desc"}) == [APPLE, BEACH, CHERRY]


def test_an_unreadable_item_breaks_answers_with_it(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.unreadable = frozenset((2,))
    first_two = {"sort": "id", "X-Plex-Container-Start": 0, "X-Plex-Container-Size": 2}
    broken = [ALL, "/library/metadata/2", "/library/metadata/1,2,3", f"{ALL}?type=1&file=Scene%201"]
    assert {raw.ask("GET", path).status_code for path in broken} == {500}
    assert raw.ask("GET", ALL, first_two).status_code == 500
    assert raw.titles(ALL, {**first_two, "X-Plex-Container-Start": 2}) == [CHERRY]
    assert raw.ask("GET", "/library/metadata/1,3").ok


def test_a_page(plex: FakePlex, raw: RawClient) -> None:
    page = raw.xml(
        f"{ALL}?sort=addedAt", headers={"X-Plex-Container-Start": "1", "X-Plex-Container-Size": "1"}
    )
    assert [row.attrib["title"] for row in page] == [APPLE]
    assert [page.attrib[name] for name in ("size", "totalSize", "offset")] == ["1", "3", "1"]
    past = raw.xml(ALL, {"X-Plex-Container-Start": 9, "X-Plex-Container-Size": 5})
    assert (past.attrib["size"], past.attrib["totalSize"]) == ("0", "3")
    plex.switches.require_size_header = True
    assert raw.ask("GET", ALL).status_code == 400


def test_a_row_shows_less_than_the_item(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(1, actors=["A", "B", "C", "D"], labels=["Red"], collections=["Box"])
    query: dict[str, object] = {"type": 1, "file": "Scene 0"}

    row, full = raw.xml(ALL, query)[0], raw.xml("/library/metadata/1")[0]

    assert [(len(one.findall("Genre")), len(one.findall("Role"))) for one in (row, full)] == [
        (2, 3),
        (3, 4),
    ]
    for hidden in ("Label", "Collection", "Field", "Media/Part/Stream"):
        assert row.find(hidden) is None
        assert full.find(hidden) is not None
    slim = raw.xml(
        ALL, {**query, "excludeElements": "Genre,Role,UltraBlurColors", "excludeFields": "title"}
    )[0]
    assert [child.tag for child in slim] == ["Media"]
    assert "title" not in slim.attrib


def test_the_file_filter_sees_every_part_and_follows_moves(plex: FakePlex, raw: RawClient) -> None:
    plex.add_item(
        plex.items()[0].section,
        ["/plex/scenes/x cd1.avi", "/plex/scenes/x cd2.avi"],
        Media((Part("/plex/opt/x.mp4"),), proxy_type=42),
        title="X",
    )
    assert raw.titles(ALL, {"type": 1, "file": "x cd"}) == ["X"]
    (row,) = raw.xml(ALL, {"type": 1, "file": "/plex/opt/"})
    assert [media.get("proxyType") for media in row.findall("Media")] == [None, "42"]
    plex.move_file("/plex/opt/x.mp4", "/plex/moved.mp4")
    assert raw.titles(ALL, {"type": 1, "file": "/plex/opt/"}) == []
    assert raw.titles(ALL, {"type": 1, "file": "moved"}) == ["X"]
    assert raw.ask("GET", ALL, {"file": "moved"}).status_code == 500  # a type is required


# -- the server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/library/sections", "/nowhere", "/:/prefs"])
def test_without_the_token_everything_is_401(plex: FakePlex, path: str) -> None:
    with RawClient(plex.url, "wrong") as stranger:
        assert stranger.ask("GET", path).status_code == 401
        assert stranger.xml("/identity").attrib["machineIdentifier"] == plex.machine_identifier
    assert plex.log.requests[0].token == "wrong"
    assert "owner-token" not in repr(plex.log.requests)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{ALL}?type=1&id=1&studio.value=X"),
        ("POST", "/library/metadata/1/posters"),
        ("GET", "/library/sections/1/refresh"),
        ("GET", "/:/prefs"),
    ],
)
def test_a_shared_user_may_look_but_not_edit(plex: FakePlex, method: str, path: str) -> None:
    with RawClient(plex.url, "guest-token") as guest:
        assert guest.ask("GET", "/library/sections").ok
        assert guest.ask(method, path).status_code == 403
    assert plex.item(1).studio == ""


def test_limits_of_a_server(plex: FakePlex, raw: RawClient) -> None:
    fits = 8192 - len(f"PUT {ALL}?type=1&id=1&title.value= HTTP/1.1")
    assert raw.edit(1, {"title.value": "x" * fits}).status_code == 200
    assert raw.edit(1, {"title.value": "x" * (fits + 1)}).status_code == 400
    plex.switches.max_upload_bytes, plex.switches.oversized_upload_status = 10, 413
    assert raw.ask("POST", "/library/metadata/1/posters", data=b"x" * 11).status_code == 413
    assert raw.ask("POST", "/library/metadata/1/posters", data=b"x" * 10).ok
    plex.maintenance(True)
    assert b'title="Maintenance"' in raw.ask("GET", "/identity").content


# -- images, collections, scans -------------------------------------------------------------------


@pytest.mark.parametrize("locks", [True, False])
def test_an_upload_is_kept_and_selected(plex: FakePlex, raw: RawClient, locks: bool) -> None:
    plex.switches.upload_locks_thumb = locks
    for data in (b"one", b"two", b"one"):
        raw.ask("POST", "/library/metadata/1/posters", data=data)

    item = plex.item(1)
    assert ([image.data for image in item.posters], item.poster) == ([b"one", b"two"], b"one")
    assert ("thumb" in item.locks) is locks
    assert raw.xml("/library/metadata/1")[0].attrib["thumb"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/plex/scenes/new", {"b"}),
        ("/plex/scenes", {"b", "c"}),
        *((path, set()) for path in ("/plex/scenes/new/b.mp4", "/plex", "/plex/scenes/ne", "x")),
    ],
)
def test_a_scan_adds_the_files_of_a_folder(
    plex: FakePlex, raw: RawClient, path: str, found: set[str]
) -> None:
    for name in ("new/b.mp4", "newer/c.mkv", "new/b.nfo"):
        plex.disk.add(f"/plex/scenes/{name}")
    plex.scanner.waits = True

    assert raw.ask("GET", "/library/sections/1/refresh", {"path": path}).status_code == 200

    if found:
        assert raw.xml("/library/sections")[0].attrib["refreshing"] == "1"
        plex.scanner.finish()
    assert {item.title for item in plex.items()} - {BEACH, APPLE, CHERRY} == found


def test_the_real_client_library_understands_the_answers(plex: FakePlex) -> None:
    with requests.Session() as session:

        def connect(token: str) -> Any:
            return PlexServer(plex.url, token, session)

        item = connect(plex.token).fetchItem(3)
        item.batchEdits().editTitle("T").editOriginallyAvailable("2020-01-01").addGenre(["G, x"])
        item.saveEdits().uploadPoster(filepath=b"x").reload()
        assert (item.title, item.year, item.isLocked("genre")) == ("T", 2020, True)
        assert plex.item(3).genres == ("G, x",)
        with pytest.raises(Unauthorized):
            connect("wrong")
        with pytest.raises(BadRequest, match=r"^\(403\)"):
            connect("guest-token").fetchItem(1).editTitle("Mine")

"""The request log of the fake Plex, and that plexapi's calls look as plex-protocol.md §8.1 says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.plex import FakePlex
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient

RELOAD = (
    "GET /library/metadata/{}?includeBandwidths=1&includeChapters=1"
    "&includeFields=thumbBlurHash,artBlurHash&includeGeolocation=1&includeLoudnessRamps=1"
    "&includeMarkers=1 -> 200"
)


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex(machine_identifier="MID") as server:
        scenes = server.add_section("Scenes", ["/data/scenes"])
        for number in range(1, 16):
            server.add_item(scenes, f"/data/scenes/Scene {number} [1080p].mp4")
        yield server


def asked(plex: FakePlex, act: Callable[[], object]) -> list[str]:
    """What an action asks of the server."""
    mark = plex.log.mark()
    act()
    return [str(request) for request in plex.log.since(mark)]


# the calls of §8.1


def test_connecting_costs_three_requests_and_then_none(plex: FakePlex) -> None:
    with plexapi_server(plex) as server:
        for _ in range(2):
            server.library.section("scenes")
    assert [str(request) for request in plex.log.requests] == [
        "GET / -> 200",
        "GET /library -> 200",
        "GET /library/sections -> 200",
    ]
    assert plex.log.connections == 1


def test_searches(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    base = "/library/sections/1/all?includeGuids=1"
    assert asked(plex, lambda: section.search(title="Scene 2")) == [
        f"GET {base}&title=Scene 2 -> 200"
    ]
    (request,) = plex.log.since(plex.log.mark() - 1)
    assert request.headers["x-plex-container-start"] == "0"
    assert request.headers["x-plex-container-size"] == "100"
    assert asked(plex, lambda: section.get("Scene 3 [1080p]")) == [
        f"GET {base}&limit=1&title=Scene 3 [1080p] -> 200"
    ]
    assert len(asked(plex, lambda: section.all(container_size=5))) == 3
    assert plex.log.kinds()["listing"] == 5


def test_the_first_sorted_search_asks_for_the_meta_block(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    meta = "includeMeta=1&includeAdvanced=1&X-Plex-Container-Start=0&X-Plex-Container-Size=0"

    def search() -> None:
        section.search(sort="addedAt:desc", maxresults=20)

    listing = "GET /library/sections/1/all?includeGuids=1&sort=movie.addedAt:desc -> 200"
    assert asked(plex, search) == [
        f"GET /library/sections/1/all?{meta} -> 200",
        f"GET /library/sections/1/collections?{meta} -> 200",
        listing,
    ]
    assert asked(plex, search) == [listing]


def test_fetching(plex: FakePlex, server: Any) -> None:
    file = "/library/sections/1/all?type=1&file=Scene%205%20%5B1080p%5D.mp4"
    assert asked(plex, lambda: server.fetchItems(file)) == [
        "GET /library/sections/1/all?type=1&file=Scene 5 [1080p].mp4 -> 200"
    ]
    assert plex.log.requests[-1].kind == "file_filter"
    assert asked(plex, lambda: server.fetchItem(5)) == ["GET /library/metadata/5 -> 200"]
    assert asked(plex, lambda: server.fetchItems([1, 2, 3])) == [
        "GET /library/metadata/1,2,3 -> 200"
    ]
    item = server.fetchItem(5)
    assert asked(plex, item.reload) == [RELOAD.format(5)]


def test_a_cold_batch_edit_costs_four(plex: FakePlex, server: Any) -> None:
    item = server.fetchItem(5)
    edit = (
        "PUT /library/sections/1/all?genre.locked=1&genre[0].tag.tag=G1&genre[1].tag.tag=G2, x"
        "&id=5&studio.locked=1&studio.value=Stu&title.locked=1&title.value=Á & b/c&type=1 -> 200"
    )

    def save() -> None:
        item.batchEdits().editTitle("Á & b/c").editStudio("Stu")
        item.addGenre(["G1", "G2, x"]).saveEdits()

    assert asked(plex, save) == [
        RELOAD.format(5),
        "GET /library -> 200",
        "GET /library/sections -> 200",
        edit,
    ]
    plain = server.fetchItem(6)
    assert len(asked(plex, lambda: plain.editTitle("a").editStudio("b"))) == 2


def test_images_ratings_and_collections(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    item = server.fetchItem(11)
    assert asked(plex, lambda: item.uploadPoster(filepath=b"x")) == [
        "POST /library/metadata/11/posters -> 200"
    ]
    assert "content-type" not in plex.log.requests[-1].headers
    assert asked(plex, lambda: item.uploadArt(filepath=b"x")) == [
        "POST /library/metadata/11/arts -> 200"
    ]
    assert asked(plex, item.lockPoster) == [
        "PUT /library/sections/1/all?id=11&thumb.locked=1&type=1 -> 200"
    ]
    rate = "PUT /:/rate?key=11&identifier=com.plexapp.plugins.library&rating"
    assert asked(plex, lambda: item.rate(8)) == [f"{rate}=8 -> 200"]
    assert asked(plex, item.rate) == [f"{rate}=-1 -> 200"]
    items = server.fetchItems([1, 2, 3])
    assert asked(plex, lambda: server.createCollection("New C", section, items=items)) == [
        "POST /library/collections?sectionId=1&smart=0&title=New C&type=1&uri="
        "server://MID/com.plexapp.plugins.library/library/metadata/1,2,3 -> 200"
    ]
    assert asked(plex, lambda: section.collection("New C")) == [
        "GET /library/sections/1/all?includeGuids=1&title=New C&type=18 -> 200"
    ]
    kinds = plex.log.kinds()
    assert (kinds["rate"], kinds["collection"], kinds["edit"]) == (2, 2, 1)


def test_scans_and_health(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    item = server.fetchItem(11)
    assert asked(plex, lambda: section.update("/data/scenes/a b")) == [
        "GET /library/sections/1/refresh?path=/data/scenes/a b -> 200"
    ]
    assert asked(plex, item.refresh) == ["PUT /library/metadata/11/refresh -> 200"]
    assert asked(plex, section.emptyTrash) == ["PUT /library/sections/1/emptyTrash -> 200"]
    assert (
        asked(plex, lambda: (server.activities, server.activities))
        == ["GET /activities -> 200"] * 2
    )
    assert asked(plex, section.reload) == ["GET /library/sections -> 200"]
    assert asked(plex, server.identity) == ["GET /identity -> 200"]
    kinds = plex.log.kinds()
    for kind in ("scan", "refresh", "empty_trash", "identity"):
        assert kinds[kind] == 1


# the log itself


def test_a_request_tells_its_size_and_place(plex: FakePlex, raw: RawClient) -> None:
    raw.ask("POST", "/library/metadata/1/posters", data=b"x" * 1000)
    raw.get("/library/sections")
    upload, sections = plex.log.requests
    assert upload.bytes_in > 1000 > sections.bytes_in > 0
    assert sections.bytes_out > len(raw.get("/library/sections").content)
    assert sections.seq == upload.seq + 1
    assert sections.at >= upload.at
    assert (upload.in_flight, upload.writes_in_flight) == (1, 1)
    assert (sections.in_flight, sections.writes_in_flight) == (1, 0)
    assert upload.headers["content-length"] == "1000"


def test_counting_selecting_and_clearing(plex: FakePlex, raw: RawClient) -> None:
    raw.edit(1, {"title.value": "x"})
    mark = plex.log.mark()
    raw.edit(1, {"nonsense": "x"})
    raw.get("/library")
    log = plex.log
    assert (len(log), log.count(), log.count(kind="edit"), log.count(method="GET")) == (3, 3, 2, 1)
    assert log.count(kind="edit", status=400) == 1
    assert log.count(kind="edit", since=mark) == 1
    assert [request.path for request in log.writes(mark)] == ["/library/sections/1/all"]
    assert log.writes()[0].param("title.value") == "x"
    assert log.writes()[0].param("absent") is None
    log.clear()
    assert (len(log), log.kinds(), log.max_in_flight) == (0, {}, 0)
    raw.get("/library")
    assert log.requests[0].seq == 4


def test_overlapping_writes_are_seen(plex: FakePlex, raw: RawClient) -> None:
    hang = plex.faults.hang(kind="edit", times=2)
    with ThreadPoolExecutor() as pool, RawClient(plex.url, plex.token) as second:
        edits = [pool.submit(client.edit, 1, {"title.value": "x"}) for client in (raw, second)]
        assert hang.wait_for_hit(2)
        assert (plex.log.max_writes_in_flight, plex.log.max_in_flight) == (2, 2)
        hang.release()
        assert all(edit.result().ok for edit in edits)
    plex.log.clear()
    for _ in range(5):
        raw.edit(1, {"title.value": "y"})
        raw.get("/library")
    assert (plex.log.max_writes_in_flight, plex.log.max_in_flight) == (1, 1)


def test_waiting_for_a_request(plex: FakePlex, raw: RawClient) -> None:
    assert plex.log.wait_for(lambda log: log.count(kind="edit") > 0, timeout=0) is False
    thread = threading.Thread(target=raw.edit, args=(1, {"title.value": "x"}))
    thread.start()
    assert plex.log.wait_for(lambda log: log.count(kind="edit", status=200) == 1)
    assert plex.wait_for(lambda server: server.item(1).title == "x")
    thread.join()


def test_unknown_requests_are_other(plex: FakePlex, raw: RawClient) -> None:
    raw.get("/hubs/search?query=x")
    raw.ask("DELETE", "/library/metadata/1")
    assert [(request.kind, request.status) for request in plex.log.requests] == [
        ("other", 404),
        ("other", 404),
    ]


# what comes back out


def test_a_snapshot_is_json_and_equal_for_equal_states(plex: FakePlex, raw: RawClient) -> None:
    before = plex.snapshot()
    assert json.loads(json.dumps(before)) == before
    raw.edit(1, {"genre[0].tag.tag": "B", "genre[1].tag.tag": "A", "genre.locked": 1})
    after = plex.snapshot()
    assert after["1"]["genres"] == ["A", "B"]
    assert after["1"]["locks"] == ["genre"]
    assert {key for key in after if after[key] != before[key]} == {"1"}
    raw.edit(1, {"genre[].tag": "", "genre.locked": 0})
    assert plex.snapshot() == before


LEGAL = st.text(
    st.characters(exclude_categories=["Cs"]).filter(
        lambda char: char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff")
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[FakePlex, RawClient]]:
    with FakePlex() as plex, RawClient(plex.url, plex.token) as raw:
        plex.add_item(plex.add_section("Scenes", ["/s"]), "/s/a.mp4")
        yield plex, raw


@given(title=LEGAL, genre=LEGAL.filter(bool))
@settings(max_examples=60, deadline=None)
def test_every_legal_character_survives(
    shared: tuple[FakePlex, RawClient], title: str, genre: str
) -> None:
    plex, raw = shared
    raw.edit(1, {"title.value": title, "genre[].tag": "", "genre[0].tag.tag": genre})
    for path in ("/library/metadata/1", "/library/sections/1/all"):
        row = raw.xml(path)[0]
        assert row.attrib["title"] == title
        tag = row.find("Genre")
        assert tag is not None
        assert tag.attrib["tag"].casefold() == genre.casefold()
    assert plex.item(1).title == title


def test_a_character_that_xml_forbids_breaks_the_answer(
    shared: tuple[FakePlex, RawClient],
) -> None:
    """As with the real server: whoever writes one cannot read it back."""
    _, raw = shared
    raw.edit(1, {"title.value": "a\x01b"})
    with pytest.raises(ET.ParseError):
        raw.xml("/library/metadata/1")

"""Posters, backgrounds and collections of the fake Plex."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from plexapi.exceptions import NotFound

from simulators.plex import FakePlex
from simulators.plex.raw_client import RawClient

JPEG = b"\xff\xd8\xff" + b"one"
OTHER = b"\xff\xd8\xff" + b"two"


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        scenes = server.add_section("Scenes", ["/plex/scenes"])
        for name in "abc":
            server.add_item(scenes, f"/plex/scenes/{name}.mp4")
        yield server


def test_an_upload_is_kept_by_content_and_chosen(plex: FakePlex, server: Any) -> None:
    item = server.fetchItem(1)
    for data in (JPEG, OTHER, JPEG):
        item.uploadPoster(filepath=data)
    state = plex.item(1)
    assert plex.log.count(kind="poster_upload") == 3
    assert [image.data for image in state.posters] == [JPEG, OTHER]
    assert state.poster == JPEG
    digest = hashlib.sha1(JPEG, usedforsecurity=False).hexdigest()
    assert state.posters[0].key == f"upload://posters/{digest}"
    assert [poster.selected for poster in item.posters()] == [True, False]
    assert state.art is None


def test_a_background_has_its_own_shelf(plex: FakePlex, server: Any) -> None:
    item = server.fetchItem(1)
    item.uploadArt(filepath=JPEG)
    assert plex.log.kinds()["art_upload"] == 1
    assert (plex.item(1).art, plex.item(1).poster) == (JPEG, None)
    assert item.arts()[0].ratingKey.startswith("upload://arts/")


def test_images_can_be_fetched(raw: RawClient, server: Any) -> None:
    assert raw.get("/library/metadata/1/thumb").status_code == 404
    item = server.fetchItem(1).uploadPoster(filepath=JPEG).uploadPoster(filepath=OTHER)
    item.reload()
    answer = raw.get(item.thumb)
    assert (answer.content, answer.headers["Content-Type"]) == (OTHER, "image/jpeg")
    assert raw.get(item.posters()[0].key).content == JPEG
    assert raw.get("/library/metadata/1/file?url=upload%3A%2F%2Fposters%2F0").status_code == 404


def test_choosing_and_forgetting(plex: FakePlex, raw: RawClient, server: Any) -> None:
    item = server.fetchItem(1).uploadPoster(filepath=JPEG).uploadPoster(filepath=OTHER)
    item.setPoster(item.posters()[0])
    assert plex.item(1).poster == JPEG
    key = plex.item(1).posters[1].key
    answer = raw.ask("PUT", "/library/metadata/1/poster", {"url": key})
    assert answer.text == f"/library/metadata/1/thumb/{plex.item(1).updated_at}"
    assert answer.headers["Content-Type"] == "text/plain"
    unknown = {"url": "upload://posters/unknown"}
    assert raw.ask("PUT", "/library/metadata/1/poster", unknown).status_code == 404
    item.deletePoster()
    assert plex.item(1).poster is None
    assert len(plex.item(1).posters) == 2
    assert "thumb" not in raw.xml("/library/metadata/1")[0].attrib


def test_the_agents_poster_can_be_chosen_again(plex: FakePlex, server: Any) -> None:
    scenes = plex.section("Scenes")
    key = plex.add_item(scenes, "/plex/scenes/p.mp4", poster=b"agent").rating_key
    item = server.fetchItem(key).uploadPoster(filepath=JPEG)
    first = item.posters()[0]
    assert first.ratingKey.startswith("metadata://posters/com.plexapp.agents.none_")
    item.setPoster(first)
    assert plex.item(key).poster == b"agent"


@pytest.mark.parametrize("locks", [True, False])
def test_whether_an_upload_locks_is_a_switch(plex: FakePlex, server: Any, locks: bool) -> None:
    plex.switches.upload_locks_thumb = locks
    item = server.fetchItem(1).uploadPoster(filepath=JPEG).uploadArt(filepath=JPEG)
    assert plex.item(1).locks == ({"thumb", "art"} if locks else set())
    item.unlockPoster()
    item.setPoster(item.posters()[0])
    assert ("thumb" in plex.item(1).locks) is locks


def test_lock_and_unlock_by_plexapi(plex: FakePlex, server: Any) -> None:
    item = server.fetchItem(1).lockPoster().lockArt()
    assert plex.item(1).locks == {"thumb", "art"}
    item.unlockPoster()
    assert plex.item(1).locks == {"art"}


@pytest.mark.parametrize("status", [413, 500])
def test_an_oversized_upload_is_refused(plex: FakePlex, raw: RawClient, status: int) -> None:
    plex.switches.max_upload_bytes = 10
    plex.switches.oversized_upload_status = status
    posters = "/library/metadata/1/posters"
    assert raw.ask("POST", posters, data=b"x" * 10).ok
    assert raw.ask("POST", posters, data=b"x" * 11).status_code == status
    assert raw.ask("POST", posters, data=b"").status_code == 400
    assert plex.item(1).poster == b"x" * 10


def test_an_upload_by_url_is_fetched_by_the_server(plex: FakePlex, server: Any) -> None:
    server.fetchItem(1).uploadPoster(filepath=JPEG)
    url = f"{plex.url}/library/metadata/1/thumb?X-Plex-Token={plex.token}"
    server.fetchItem(2).uploadPoster(url=url)
    assert plex.item(2).poster == JPEG
    assert plex.log.count(kind="image_fetch") == 1


def test_a_url_that_cannot_be_fetched_is_500(plex: FakePlex, raw: RawClient) -> None:
    posters = "/library/metadata/1/posters"
    assert raw.ask("POST", posters, {"url": "http://example.org/x"}).status_code == 500
    assert raw.ask("POST", posters, {"url": f"{plex.url}/none"}).status_code == 500


def test_another_fetcher_can_be_given() -> None:
    with FakePlex(fetch=lambda url: url.encode()) as plex:
        plex.add_item(plex.add_section("S", ["/s"]), "/s/a.mp4")
        with RawClient(plex.url, plex.token) as raw:
            raw.ask("POST", "/library/metadata/1/arts", {"url": "https://host/p.jpg"})
            raw.ask("PUT", "/library/metadata/1/poster", {"url": "https://host/q.jpg"})
        assert plex.item(1).art == b"https://host/p.jpg"
        assert plex.item(1).poster == b"https://host/q.jpg"


# collections


def test_a_collection_comes_with_its_first_item_and_goes_with_its_last(
    plex: FakePlex, server: Any
) -> None:
    section = server.library.section("scenes")
    server.fetchItem(1).addCollection("Box")
    server.fetchItem(2).addCollection("bOX")
    box = section.collection("Box")
    assert (box.title, box.childCount) == ("Box", 2)
    assert [item.ratingKey for item in box.items()] == [1, 2]
    for key in (1, 2):
        server.fetchItem(key).removeCollection("Box")
    with pytest.raises(NotFound):
        section.collection("Box")
    assert plex.collections(plex.section("Scenes")) == []


def test_a_collection_is_created_filled_and_deleted(plex: FakePlex, server: Any) -> None:
    section = server.library.section("scenes")
    items = section.all()
    box = server.createCollection("Box", section, items=items[:1])
    box.addItems(items[1:])
    assert [item.collections for item in plex.items()] == [("Box",)] * 3
    box.removeItems(items[:1])
    assert plex.item(1).collections == ()
    assert [collection.title for collection in section.collections()] == ["Box"]
    box.delete()
    assert [item.collections for item in plex.items()] == [()] * 3


def test_renaming_a_collection(plex: FakePlex, raw: RawClient, server: Any) -> None:
    server.fetchItem(1).addCollection(["One", "Two"])
    one = server.library.section("scenes").collection("One")
    one.editTitle("Uno").editSummary("First")
    assert plex.item(1).collections == ("Uno", "Two")
    state = plex.collections(plex.section("Scenes"))[0]
    assert state.summary == "First"
    assert state.locks == {"title", "summary"}
    query = {"type": 18, "id": one.ratingKey, "title.value": "two"}
    assert raw.ask("PUT", "/library/sections/1/all", query).status_code == 409
    query = {"type": 18, "id": one.ratingKey, "studio.value": "x"}
    assert raw.ask("PUT", "/library/sections/1/all", query).status_code == 400


def test_collections_are_per_section_and_lose_removed_items(plex: FakePlex, server: Any) -> None:
    plex.edit(1, collections=["Box"])
    films = plex.add_section("Films", ["/films"])
    plex.add_item(films, "/films/x.mp4", collections=["Box"])
    assert len(plex.collections(films)) == 1
    assert server.library.section("films").collection("Box").childCount == 1
    plex.remove_item(1)
    assert plex.collections(plex.section("Scenes")) == []


def test_a_collection_has_a_poster(plex: FakePlex, server: Any) -> None:
    plex.edit(1, collections=["Box"])
    server.library.section("scenes").collection("Box").uploadPoster(filepath=JPEG)
    (state,) = plex.collections(plex.section("Scenes"))
    assert [image.data for image in state.posters] == [JPEG]
    assert server.library.section("scenes").collection("Box").thumb


def test_a_wrong_address_of_items_is_refused(plex: FakePlex, raw: RawClient) -> None:
    query: dict[str, object] = {"sectionId": 1, "smart": 0, "title": "T", "type": 1}
    path = "/library/collections"
    prefix = f"server://{plex.machine_identifier}/com.plexapp.plugins.library/library/metadata/"
    assert raw.ask("POST", path, {**query, "uri": "nonsense"}).status_code == 400
    assert raw.ask("POST", path, {**query, "uri": f"{prefix}99"}).status_code == 404
    assert raw.ask("POST", path, {**query, "uri": f"{prefix}1", "title": ""}).status_code == 400
    assert raw.ask("POST", path, {**query, "uri": f"{prefix}1,99"}).ok
    assert plex.item(1).collections == ("T",)

"""The client against a server: which requests it makes, and what it makes of the answers."""

import hashlib

import pytest

from plex import walk
from plex.client import READ_BATCH, PlexClient
from plex.edit_parameters import MAX_QUERY
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.items import PlexItem, Section as OurSection
from plex.walk import Walk
from tests.plex.support import FOLDER, IDENTITY, Lab, client_of, edit_for, paths
from validation.config import Config
from validation.metadata import project
from validation.sanitizers import MAX_SUMMARY
from validation.scene_extractor import Entity, StashScene


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "LISTING_PAGE", 3)


def test_each_request_has_identity_and_token_in_its_headers(lab: Lab, item: PlexItem) -> None:
    lab.client.sections()
    list(Walk(lab.client.read, lab.ours))
    lab.client.read_items([item.rating_key])
    lab.client.edit(item, {"title": {"title.value": "T"}})
    lab.client.upload_image(item.rating_key, "poster", b"\xff\xd8\xff")
    lab.client.lock_images([item.rating_key], ["poster"])
    lab.client.select_image(item.rating_key, "poster", "")
    identity, *others = lab.plex.log.requests
    assert (identity.kind, identity.token) == ("identity", "absent")
    assert len(others) == 7
    for request in others:
        told = {name: request.headers.get(name.lower()) for name in IDENTITY}
        assert told == IDENTITY
        assert request.headers["x-plex-token"] == "present"
        assert not [name for name, _ in request.query if "token" in name.lower()]


def test_a_proxy_of_the_environment_is_ignored(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = client_of(lab.plex)
    assert client.server_id == lab.plex.machine_identifier
    client.close()


def test_who_a_server_is_can_be_asked_without_a_token_and_without_connecting(lab: Lab) -> None:
    client = client_of(lab.plex, token="a-wrong-token-00")
    assert client.identity().server_id == lab.plex.machine_identifier
    (request,) = lab.plex.log.requests
    assert (request.kind, request.token) == ("identity", "absent")
    assert {name: request.headers.get(name.lower()) for name in IDENTITY} == IDENTITY
    client.close()


def test_a_server_that_does_not_say_who_it_is_is_no_plex(lab: Lab) -> None:
    for body in (b"", b"<html/>", b"<MediaContainer/>", b"{}"):
        lab.plex.faults.body(body, kind="identity", times=1)
        with pytest.raises(PlexTemporaryError):
            lab.client.identity()
    lab.plex.maintenance()
    with pytest.raises(PlexServerDown):
        lab.client.identity()


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(lab: Lab) -> None:
    lab.client.sections()
    lab.plex.cut_connections()
    assert [one.title for one in _again(lab.client)] == [lab.section.title]


def _again(client: PlexClient) -> list[OurSection]:
    try:
        return client.sections()
    except PlexTemporaryError:
        return client.sections()


def test_a_client_that_could_not_connect_tries_again_at_its_next_request(lab: Lab) -> None:
    lab.plex.maintenance()
    with pytest.raises(PlexError):
        lab.client.sections()
    lab.plex.maintenance(False)
    assert [one.title for one in lab.client.sections()] == [lab.section.title]


def test_the_libraries_are_those_of_single_videos(lab: Lab) -> None:
    lab.plex.add_section("Films", ["/f1", "/f2"])
    lab.plex.add_section("Series", ["/s"], type="show")
    _, films = lab.client.sections()
    assert (films.key, films.title, films.locations) == (2, "Films", ("/f1", "/f2"))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 10])
def test_all_files_are_listed_without_an_empty_page_at_the_end(lab: Lab, count: int) -> None:
    wanted = [lab.add(f"{n}.mp4").files[0] for n in range(count)]
    assert paths(Walk(lab.client.read, lab.ours)) == wanted
    assert lab.plex.log.count(kind="listing") == max(1, -(-count // 3))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("setting", ["ignores_paging", "require_size_header"])
def test_a_server_with_its_own_mind_about_pages_is_listed_in_full(lab: Lab, setting: str) -> None:
    lab.switch(**{setting: True})
    wanted = [lab.add(f"{n}.mp4").files[0] for n in range(7)]
    assert paths(Walk(lab.client.read, lab.ours)) == wanted


@pytest.mark.parametrize("honours", [True, False])
def test_a_listing_asks_for_files_and_takes_no_notice_of_more(lab: Lab, honours: bool) -> None:
    lab.switch(honours_exclude_elements=honours)
    lab.plex.add_item(lab.section, [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"], genres=["g"])
    assert paths(Walk(lab.client.read, lab.ours)) == [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"]


@pytest.mark.usefixtures("small_pages")
def test_a_listing_that_ends_before_the_number_it_announced_is_an_error(lab: Lab) -> None:
    lab.fill(5)
    lab.plex.faults.body(b'<MediaContainer size="0" totalSize="5"/>', kind="listing", after=1)
    pages = iter(Walk(lab.client.read, lab.ours))
    assert len(next(pages)) == 3
    with pytest.raises(PlexTemporaryError, match="2 of 5 videos while listing"):
        next(pages)


def test_items_are_read_many_at_once_in_their_full_length(lab: Lab) -> None:
    keys = lab.fill(READ_BATCH + 1)
    lab.plex.log.clear()
    found = lab.client.read_items(keys)
    assert list(found) == keys
    assert lab.plex.log.count(kind="metadata") == 2
    assert lab.plex.analyses == 0


def test_items_that_are_gone_are_absent_and_fail_no_other(lab: Lab) -> None:
    keys = lab.fill(3)
    lab.plex.remove_item(keys[1])
    assert list(lab.client.read_items([*keys, 999])) == [keys[0], keys[2]]
    whole_batch = range(1000, 1000 + READ_BATCH)
    assert list(lab.client.read_items([*whole_batch, keys[0]])) == [keys[0]]


@pytest.mark.parametrize("keys", [[], [0], [-1], [True], ["1"], [1, 0], [None]])
def test_an_edit_without_usable_ids_is_never_sent(lab: Lab, keys: list[int]) -> None:
    with pytest.raises(ValueError, match="needs the ids"):
        lab.client.put(keys, {"title.value": "X"})
    assert len(lab.plex.log) == 0


def test_items_of_several_libraries_are_locked_with_one_request(lab: Lab) -> None:
    other = lab.plex.add_section("Others", ["/plex/others"])
    keys = [*lab.fill(1), lab.plex.add_item(other, "/plex/others/b.mp4").rating_key]
    spared = lab.plex.add_item(other, "/plex/others/c.mp4").rating_key
    lab.client.lock_images(keys, ["poster"])
    assert lab.plex.log.count(kind="edit") == 1
    assert {lab.plex.item(key).locks for key in keys} == {frozenset(("thumb",))}
    assert lab.plex.item(spared).locks == frozenset()
    assert lab.plex.whole_library_edits == []


def test_an_edit_is_one_request(lab: Lab, item: PlexItem) -> None:
    fields = {
        "title": {"title.value": "Ünï & <x>=100%+?#", "title.locked": "1"},
        "tags": {"genre[0].tag.tag": "a, b/c", "genre.locked": "1"},
    }
    assert lab.client.edit(item, fields).requests == 1
    stored = lab.plex.item(item.rating_key)
    assert (stored.title, stored.genres) == ("Ünï & <x>=100%+?#", ("a, b/c",))
    assert stored.locks == {"title", "genre"}
    assert lab.plex.log.count(kind="edit") == 1


def test_an_edit_that_is_too_long_is_split_between_fields(lab: Lab, item: PlexItem) -> None:
    scene = StashScene(
        1,
        "T" * 255,
        details="é" * 1000,
        date="2024",
        performers=tuple(Entity(n, f"Performer {n:02}") for n in range(50)),
        tags=tuple(Entity(n, f"Tag {n:03}") for n in range(100)),
    )
    wanted = project(scene, Config())
    fields = edit_for(wanted, item, {}, {}).fields
    assert lab.client.edit(item, fields).requests == lab.plex.log.count(kind="edit") > 1
    stored = lab.plex.item(item.rating_key)
    assert (stored.title, stored.summary) == (wanted.title, wanted.summary)
    assert tuple(actor.name for actor in stored.actors) == wanted.performers
    assert stored.genres == wanted.tags
    for request in lab.plex.log.select(kind="edit"):
        names = {name.split(".")[0].split("[")[0] for name, _ in request.query}
        assert {f"{name}.locked" for name in names - {"type", "id"}} <= {
            name for name, _ in request.query
        }, "a field was torn apart"


def test_no_request_line_is_longer_than_plex_takes(lab: Lab, item: PlexItem) -> None:
    """Fields of just under the limit, and some that share a request."""
    lab.switch(max_request_line=MAX_QUERY + 200)
    client = client_of(lab.plex)
    sizes = (MAX_QUERY - 100, 50, 3000, 3500, 2000, MAX_QUERY - 100)
    names = ("title", "studio", "summary", "tagline", "originalTitle", "titleSort")
    fields = {
        name: {f"{name}.value": "x" * size, f"{name}.locked": "1"}
        for name, size in zip(names, sizes, strict=True)
    }
    assert client.edit(item, fields).requests == 4
    assert lab.plex.item(item.rating_key).locks == set(names)
    client.close()


@pytest.mark.parametrize(
    "scene",
    [
        StashScene(1, "T", details="word " * (MAX_SUMMARY // 5)),
        StashScene(1, "T", details="東京の夜" * 300),
        StashScene(1, "T", tags=tuple(Entity(n, f"A tag, number {n:03}") for n in range(500))),
    ],
    ids=["10,000 characters", "1,200 Japanese characters", "500 tags"],
)
def test_any_scene_within_the_limits_arrives(lab: Lab, item: PlexItem, scene: StashScene) -> None:
    wanted = project(scene, Config(max_tags=500))
    lab.client.edit(item, edit_for(wanted, item, {}, {}).fields)
    stored = lab.plex.item(item.rating_key)
    assert stored.summary.startswith((wanted.summary or "")[:700])
    assert stored.genres == wanted.tags


@pytest.mark.parametrize(("kind", "lock"), [("poster", "thumb"), ("art", "art")])
def test_an_uploaded_image_can_be_replaced(lab: Lab, item: PlexItem, kind: str, lock: str) -> None:
    stored = lab.plex.item(item.rating_key)
    images = [b"\xff\xd8\xff" + bytes(range(256)) * 50 + end for end in (b"1", b"2")]
    for image in images:
        lab.client.upload_image(item.rating_key, kind, image)
        assert getattr(stored, kind) == image
    lab.client.lock_images([item.rating_key], [kind])
    assert stored.locks == {lock}

    first, second = lab.client.list_images(item.rating_key, kind)
    lab.client.select_image(item.rating_key, kind, first.key)

    assert (first.selected, second.selected) == (False, True)
    assert second.key.endswith(hashlib.sha1(images[1]).hexdigest())
    assert getattr(stored, kind) == images[0]
    lab.client.select_image(item.rating_key, kind, "")
    assert getattr(stored, kind) is None
    with pytest.raises(PlexNotFound):
        lab.client.select_image(item.rating_key, kind, "upload://posters/none")


def test_a_scan_names_the_folder_whatever_is_in_its_name(lab: Lab) -> None:
    lab.plex.disk.add("/plex/scenes/a & b+c%20, é/new.mp4")

    lab.client.scan_folder(lab.section.key, "/plex/scenes/a & b+c%20, é")

    assert lab.plex.find("/plex/scenes/a & b+c%20, é/new.mp4") is not None


def test_images_of_many_items_are_locked_with_one_request_for_a_hundred(lab: Lab) -> None:
    keys = lab.fill(101)
    lab.client.lock_images(keys, ["poster", "art"])
    assert lab.plex.log.count(kind="edit") == 2
    assert {lab.plex.item(key).locks for key in keys} == {frozenset(("thumb", "art"))}


@pytest.mark.parametrize(
    ("status", "error"), [(413, PlexPermanentError), (500, PlexTemporaryError)]
)
def test_an_image_that_is_too_large_for_plex_is_refused(
    lab: Lab, item: PlexItem, status: int, error: type[PlexError]
) -> None:
    lab.switch(max_upload_bytes=99, oversized_upload_status=status)
    with pytest.raises(error, match="uploading the poster of item 1"):
        lab.client.upload_image(item.rating_key, "poster", b"\xff\xd8\xff" * 100)

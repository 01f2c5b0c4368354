"""The client against a server: which requests it makes, and what it makes of the answers."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import pytest

from plex import walk
from plex.client import PlexClient
from plex.diff import edit_for
from plex.edit_requests import MAX_QUERY
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.item_reader import READ_BATCH
from plex.items import LibraryPart, PlexItem
from plex.items import Section as OurSection
from simulators.plex import FakePlex, Section
from tests.plex.support import IDENTITY, client_of
from validation.config import Config
from validation.limits import MAX_SUMMARY
from validation.metadata import project
from validation.scene_extractor import Entity, StashScene


@pytest.fixture
def item(plex: FakePlex, section: Section) -> PlexItem:
    return PlexItem(plex.add_item(section, "/plex/scenes/a.mp4").rating_key, section.key)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three, so that a library of ten has several."""
    monkeypatch.setattr(walk, "LISTING_PAGE", 3)


def paths(pages: Iterable[list[LibraryPart]]) -> list[str]:
    return [part.path for page in pages for part in page]


def ours(section: Section) -> OurSection:
    return OurSection(section.key, section.title)


def test_every_request_carries_our_identity_and_the_token_in_its_header_only(
    plex: FakePlex, section: Section, client: PlexClient, item: PlexItem
) -> None:
    client.sections()
    list(client.list_parts(ours(section)))
    client.read_items([item.rating_key])
    client.edit(item, {"title": {"title.value": "T"}})
    client.upload_image(item.rating_key, "poster", b"\xff\xd8\xff")
    client.lock_images([item.rating_key], ["poster"])
    client.deselect_image(item.rating_key, "poster")
    identity, *others = plex.log.requests
    assert (identity.kind, identity.token) == ("identity", "absent")
    assert len(others) == 7
    for request in others:
        told = {name: request.headers.get(name.lower()) for name in IDENTITY}
        assert told == IDENTITY
        assert request.headers["x-plex-token"] == "present"
        assert not [name for name, _ in request.query if "token" in name.lower()]


def test_no_cookie_and_no_token_is_sent_to_a_server_that_a_redirect_names(
    plex: FakePlex, client: PlexClient
) -> None:
    with FakePlex(token=plex.token) as elsewhere:
        plex.faults.redirect(elsewhere.url, status=302)
        with pytest.raises(PlexError):
            client.sections()
        assert len(elsewhere.log) == 0


def test_a_proxy_of_the_environment_is_none_of_plexs_business(
    plex: FakePlex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = client_of(plex)
    assert client.server_id == plex.machine_identifier
    client.close()


def test_connecting_takes_one_request_and_happens_once(plex: FakePlex, client: PlexClient) -> None:
    assert client.server_id == plex.machine_identifier
    assert client.server_id == plex.machine_identifier
    assert dict(plex.log.kinds()) == {"identity": 1}


def test_who_a_server_is_can_be_asked_without_a_token_and_without_connecting(
    plex: FakePlex,
) -> None:
    client = client_of(plex, token="a-wrong-token-00")
    assert client.identity() == plex.machine_identifier
    (request,) = plex.log.requests
    assert (request.kind, request.token) == ("identity", "absent")
    assert {name: request.headers.get(name.lower()) for name in IDENTITY} == IDENTITY
    client.close()


def test_a_server_that_does_not_say_who_it_is_is_no_plex(
    plex: FakePlex, client: PlexClient
) -> None:
    for body in (b"", b"<html/>", b"<MediaContainer/>", b"{}"):
        plex.faults.body(body, kind="identity", times=1)
        with pytest.raises(PlexTemporaryError):
            client.identity()
    plex.maintenance()
    with pytest.raises(PlexServerDown):
        client.identity()


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    client.sections()
    plex.cut_connections()
    assert [one.title for one in _again(client)] == [section.title]


def _again(client: PlexClient) -> list[OurSection]:
    """Once more after a connection that was just being closed: that is a temporary error."""
    try:
        return client.sections()
    except PlexTemporaryError:
        return client.sections()


def test_a_client_that_could_not_connect_tries_again_at_its_next_request(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    plex.maintenance()
    with pytest.raises(PlexError):
        client.sections()
    plex.maintenance(False)
    assert [one.title for one in client.sections()] == [section.title]


def test_the_libraries_are_those_of_single_videos(plex: FakePlex, client: PlexClient) -> None:
    plex.add_section("Films", ["/f1", "/f2"])
    plex.add_section("Series", ["/s"], type="show")
    found = client.sections()
    assert [(one.key, one.title, one.locations) for one in found] == [(1, "Films", ("/f1", "/f2"))]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 10])
def test_all_files_are_listed_page_by_page_without_an_empty_page_at_the_end(
    plex: FakePlex, section: Section, client: PlexClient, count: int
) -> None:
    wanted = [plex.add_item(section, f"/plex/scenes/{n}.mp4").files[0] for n in range(count)]
    assert paths(client.list_parts(ours(section))) == wanted
    assert plex.log.count(kind="listing") == max(1, -(-count // 3))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("setting", ["ignores_paging", "require_size_header"])
def test_a_server_with_its_own_mind_about_pages_is_listed_in_full(
    plex: FakePlex, section: Section, client: PlexClient, setting: str
) -> None:
    plex.switches = replace(plex.switches, **{setting: True})  # type: ignore[arg-type]
    wanted = [plex.add_item(section, f"/plex/scenes/{n}.mp4").files[0] for n in range(7)]
    assert paths(client.list_parts(ours(section))) == wanted


@pytest.mark.parametrize("honours", [True, False])
def test_a_listing_asks_for_files_and_takes_no_notice_of_more(
    plex: FakePlex, section: Section, client: PlexClient, honours: bool
) -> None:
    plex.switches = replace(plex.switches, honours_exclude_elements=honours)
    plex.add_item(section, ["/plex/scenes/cd1.mp4", "/plex/scenes/cd2.mp4"], genres=["g"])
    assert paths(client.list_parts(ours(section))) == [
        "/plex/scenes/cd1.mp4",
        "/plex/scenes/cd2.mp4",
    ]


@pytest.mark.usefixtures("small_pages")
def test_a_listing_that_ends_before_the_number_it_announced_is_an_error(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    for n in range(5):
        plex.add_item(section, f"/plex/scenes/{n}.mp4")
    plex.faults.body(b'<MediaContainer size="0" totalSize="5"/>', kind="listing", after=1)
    pages = iter(client.list_parts(ours(section)))
    assert len(next(pages)) == 3
    with pytest.raises(PlexTemporaryError, match=r"listing the library 'Scenes': .*2 of 5"):
        next(pages)


def test_items_are_read_many_at_once_in_their_full_length(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    keys = [
        plex.add_item(section, f"/plex/scenes/{n}.mp4").rating_key for n in range(READ_BATCH + 1)
    ]
    plex.log.clear()
    found = client.read_items(keys)
    assert list(found) == keys
    assert plex.log.count(kind="metadata") == 2


def test_items_that_are_gone_are_absent_and_fail_no_other(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    keys = [plex.add_item(section, f"/plex/scenes/{n}.mp4").rating_key for n in range(3)]
    plex.remove_item(keys[1])
    assert list(client.read_items([*keys, 999])) == [keys[0], keys[2]]


def test_when_all_of_a_batch_are_gone_the_next_batch_is_still_read(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    item = plex.add_item(section, "/plex/scenes/a.mp4")
    gone = list(range(1000, 1000 + READ_BATCH))
    assert list(client.read_items([*gone, item.rating_key])) == [item.rating_key]


@pytest.mark.parametrize("keys", [[], [0], [-1], [True], ["1"], [1, 0], [None]])
def test_an_edit_without_usable_ids_is_never_sent(
    plex: FakePlex, client: PlexClient, keys: list[int]
) -> None:
    with pytest.raises(ValueError, match="needs the ids"):
        client._put(keys, {"title.value": "X"})
    assert len(plex.log) == 0


def test_items_of_several_libraries_are_locked_with_one_request(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    other = plex.add_section("Others", ["/plex/others"])
    keys = [
        plex.add_item(section, "/plex/scenes/a.mp4").rating_key,
        plex.add_item(other, "/plex/others/b.mp4").rating_key,
    ]
    spared = plex.add_item(other, "/plex/others/c.mp4").rating_key
    client.lock_images(keys, ["poster"])
    assert plex.log.count(kind="edit") == 1
    assert {plex.item(key).locks for key in keys} == {frozenset(("thumb",))}
    assert plex.item(spared).locks == frozenset()
    assert plex.whole_library_edits == []


def test_reading_items_makes_plex_analyze_nothing(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    client.read_items([item.rating_key])
    assert plex.analyses == 0


def test_an_edit_is_one_request(plex: FakePlex, client: PlexClient, item: PlexItem) -> None:
    fields = {
        "title": {"title.value": "Ünï & <x>=100%+?#", "title.locked": "1"},
        "tags": {"genre[0].tag.tag": "a, b/c", "genre.locked": "1"},
    }
    assert client.edit(item, fields).requests == 1
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.genres) == ("Ünï & <x>=100%+?#", ("a, b/c",))
    assert stored.locks == {"title", "genre"}
    assert plex.log.count(kind="edit") == 1


def test_an_edit_that_is_too_long_is_split_between_fields_and_arrives_whole(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    scene = StashScene(
        1,
        "T" * 255,
        "é" * 1000,
        "2024",
        performers=tuple(Entity(n, f"Performer {n:02}") for n in range(50)),
        tags=tuple(Entity(n, f"Tag {n:03}") for n in range(100)),
    )
    wanted = project(scene, Config())
    fields = edit_for(wanted, item, {}, {}).fields
    assert client.edit(item, fields).requests == plex.log.count(kind="edit") > 1
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.summary) == (wanted.title, wanted.summary)
    assert tuple(actor.name for actor in stored.actors) == wanted.performers
    assert stored.genres == wanted.tags
    for request in plex.log.select(kind="edit"):
        names = {name.split(".")[0].split("[")[0] for name, _ in request.query}
        assert {f"{name}.locked" for name in names - {"type", "id"}} <= {
            name for name, _ in request.query
        }, "a field was torn apart"


def test_no_request_line_is_longer_than_plex_takes(plex: FakePlex, item: PlexItem) -> None:
    """Fields of just under the limit, and some that share a request."""
    plex.switches = replace(plex.switches, max_request_line=MAX_QUERY + 200)
    client = client_of(plex)
    sizes = (MAX_QUERY - 100, 50, 3000, 3500, 2000, MAX_QUERY - 100)
    names = ("title", "studio", "summary", "tagline", "originalTitle", "titleSort")
    fields = {
        name: {f"{name}.value": "x" * size, f"{name}.locked": "1"}
        for name, size in zip(names, sizes, strict=True)
    }
    assert client.edit(item, fields).requests == 4
    assert plex.item(item.rating_key).locks == set(names)
    client.close()


@pytest.mark.parametrize(
    "scene",
    [
        StashScene(1, "T", "word " * (MAX_SUMMARY // 5)),
        StashScene(1, "T", "東京の夜" * 300),
        StashScene(1, "T", tags=tuple(Entity(n, f"A tag, number {n:03}") for n in range(500))),
    ],
    ids=["10,000 characters", "1,200 Japanese characters", "500 tags"],
)
def test_whatever_the_limits_let_through_reaches_plex(
    plex: FakePlex, client: PlexClient, item: PlexItem, scene: StashScene
) -> None:
    wanted = project(scene, Config(max_tags=500))
    client.edit(item, edit_for(wanted, item, {}, {}).fields)
    stored = plex.item(item.rating_key)
    assert stored.summary.startswith((wanted.summary or "")[:700])
    assert stored.genres == wanted.tags


@pytest.mark.parametrize(("kind", "lock"), [("poster", "thumb"), ("art", "art")])
def test_an_image_is_uploaded_selected_and_locked(
    plex: FakePlex, client: PlexClient, item: PlexItem, kind: str, lock: str
) -> None:
    data = b"\xff\xd8\xff" + bytes(range(256)) * 50
    client.upload_image(item.rating_key, kind, data)
    client.lock_images([item.rating_key], [kind])
    stored = plex.item(item.rating_key)
    assert getattr(stored, kind) == data
    assert stored.locks == {lock}


@pytest.mark.parametrize("kind", ["poster", "art"])
def test_an_item_can_be_given_another_of_its_images_or_none(
    plex: FakePlex, client: PlexClient, item: PlexItem, kind: str
) -> None:
    stored = plex.item(item.rating_key)
    client.upload_image(item.rating_key, kind, b"\xff\xd8\xff1")
    client.upload_image(item.rating_key, kind, b"\xff\xd8\xff2")

    first, second = client.list_images(item.rating_key, kind)
    client.select_image(item.rating_key, kind, first.key)

    assert (first.selected, second.selected) == (False, True)
    assert second.key.endswith(hashlib.sha1(b"\xff\xd8\xff2").hexdigest())
    assert getattr(stored, kind) == b"\xff\xd8\xff1"
    client.deselect_image(item.rating_key, kind)
    assert getattr(stored, kind) is None
    with pytest.raises(PlexNotFound):
        client.select_image(item.rating_key, kind, "upload://posters/none")


def test_a_scan_names_the_folder_whatever_is_in_its_name(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    plex.disk.add("/plex/scenes/a & b+c%20, é/new.mp4")

    client.scan_folder(section.key, "/plex/scenes/a & b+c%20, é")

    assert plex.find("/plex/scenes/a & b+c%20, é/new.mp4") is not None


def test_images_of_many_items_are_locked_with_one_request_for_a_hundred(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    keys = [plex.add_item(section, f"/plex/scenes/{n}.mp4").rating_key for n in range(101)]
    client.lock_images(keys, ["poster", "art"])
    assert plex.log.count(kind="edit") == 2
    assert {plex.item(key).locks for key in keys} == {frozenset(("thumb", "art"))}


@pytest.mark.parametrize(
    ("status", "error"), [(413, PlexPermanentError), (500, PlexTemporaryError)]
)
def test_an_image_that_is_too_large_for_plex_is_refused(
    plex: FakePlex, client: PlexClient, item: PlexItem, status: int, error: type[PlexError]
) -> None:
    plex.switches = replace(plex.switches, max_upload_bytes=99, oversized_upload_status=status)
    with pytest.raises(error, match="uploading the poster of item 1"):
        client.upload_image(item.rating_key, "poster", b"\xff\xd8\xff" * 100)

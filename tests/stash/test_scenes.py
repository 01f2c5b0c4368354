import hashlib

import pytest

from simulators.stash import FakeStash, Status, VideoFile
from simulators.stash.request_log import LoggedRequest, any_request
from stash import scenes as scenes_module
from stash.connection import StashConnection
from stash.exceptions import StashAuthError, StashQueryError, StashUnavailable
from stash.images import MAX_BYTES, UnusableCoverError, is_picture, read_cover
from stash.scenes import StashScenes
from stash.settings import PLUGIN_ID, StashSettings
from tests.stash.conftest import Connect
from tests.sync_queue.support import Clock
from validation.scene_extractor import Detail, Entity, SceneFile, StashScene, is_since

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n another"
HUGE = JPEG + bytes(MAX_BYTES)


@pytest.fixture
def scenes(connection: StashConnection) -> StashScenes:
    return StashScenes(connection)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes_module, "PAGE", 3)


def ids(pages: list[list[StashScene]]) -> list[list[int]]:
    return [[scene.id for scene in page] for page in pages]


def test_a_scene_is_read_with_all_of_its_values(stash: FakeStash, scenes: StashScenes) -> None:
    added = stash.add_scene(
        title="Ünï ☃",
        details="One\n\nTwo",
        date="2024-05",
        studio="Studio",
        performers=["Ada", "Jo"],
        tags=["a, b"],
        files=[VideoFile("/media/a.mp4", size=5_000_000_000)],
    )
    assert scenes.read([added.id]) == {
        added.id: StashScene(
            id=added.id,
            title="Ünï ☃",
            details="One\n\nTwo",
            date="2024-05",
            studio=Entity(1, "Studio"),
            performers=(Entity(1, "Ada"), Entity(2, "Jo")),
            tags=(Entity(1, "a, b"),),
            files=(SceneFile("/media/a.mp4", 5_000_000_000),),
            created_at=added.created_at,
            updated_at=added.updated_at,
        )
    }


@pytest.mark.parametrize("refused", [False, True], ids=["groups", "the movies of Stash 0.26"])
def test_details_are_read_only_if_they_are_needed(
    stash: FakeStash, scenes: StashScenes, refused: bool
) -> None:
    studio, parent = (stash.library.studios.add(name) for name in ("Studio", "Parent"))
    stash.library.studios.update(studio.id, parent_id=parent.id)
    tag = stash.library.tags.add("Extra")
    ada = stash.library.performers.add("Ada", gender="FEMALE", tag_ids=(tag.id,))
    scene_id = stash.add_scene(studio="Studio", performers=["Ada"], groups=["Group"]).id
    plain = scenes.read([scene_id])[scene_id]
    assert (plain.studio, plain.performers) == (Entity(studio.id, "Studio"), (Entity(1, "Ada"),))

    scenes.details = tuple(Detail)
    if refused:
        stash.inject(
            Status(422, b'{"errors": []}', "application/json"), _asks_for_groups, times=None
        )
    scene = scenes.read([scene_id])[scene_id]

    assert scene.studio == Entity(studio.id, "Studio", parent=Entity(parent.id, "Parent"))
    assert scene.performers == (
        Entity(ada.id, "Ada", gender="FEMALE", tags=(Entity(tag.id, "Extra"),)),
    )
    assert scene.groups == (Entity(1, "Group"),)
    kinds = [("studios", parent.id), ("performer_tags", tag.id), ("groups", 1)]
    for kind, key in kinds[: 2 if refused else 3]:
        assert ids(list(scenes.walk_with(kind, [key]))) == [[scene_id]]


def _asks_for_groups(request: LoggedRequest) -> bool:
    return "groups {" in str(request.query)


def test_many_scenes_are_one_request(stash: FakeStash, scenes: StashScenes) -> None:
    wanted = [stash.add_scene(title=f"T{n}").id for n in range(50)]
    assert list(scenes.read(wanted)) == wanted
    assert stash.requests.count() == 1


def test_a_destroyed_scene_is_absent(stash: FakeStash, scenes: StashScenes) -> None:
    first, second, third = (stash.add_scene(title=f"T{n}").id for n in range(3))
    stash.remove_scene(second)
    assert list(scenes.read([first, second, third, 999])) == [first, third]
    assert scenes.read([second]) == {}


def test_an_invalid_scene_in_an_answer_is_an_error(stash: FakeStash, scenes: StashScenes) -> None:
    stash.inject(
        Status(200, b'{"data": {"s1": {"title": "no id"}}}', "application/json"), any_request
    )
    with pytest.raises(StashQueryError, match="invalid scene"):
        scenes.read([1])


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("count", "pages"), [(0, []), (1, [[1]]), (3, [[1, 2, 3]]), (7, [[1, 2, 3], [4, 5, 6], [7]])]
)
def test_a_walk_visits_every_scene_by_rising_id(
    stash: FakeStash, scenes: StashScenes, count: int, pages: list[list[int]]
) -> None:
    for n in range(count):
        stash.add_scene(title=f"T{n}")
    assert ids(list(scenes.walk())) == pages


def test_a_walk_for_files_brings_ids_and_files_and_nothing_else(
    stash: FakeStash, scenes: StashScenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes_module, "FILES_PAGE", 2)
    for n in range(3):
        stash.add_scene(title=f"T{n}", tags=["t"], files=[VideoFile(f"/a/{n}.mp4", size=n + 1)])
    stash.add_scene(title="without a file", files=[])
    found = list(scenes.walk_files())
    assert ids(found) == [[1, 2], [3, 4]]
    assert found[1] == [StashScene(3, files=(SceneFile("/a/2.mp4", 3),)), StashScene(4)]


@pytest.mark.usefixtures("small_pages")
def test_a_walk_is_complete_while_scenes_come_and_go(stash: FakeStash, scenes: StashScenes) -> None:
    for n in range(9):
        stash.add_scene(title=f"T{n}")
    seen = []
    for page in scenes.walk():
        seen += [scene.id for scene in page]
        if len(seen) == 3:
            stash.remove_scene(2)
            stash.remove_scene(4)
            stash.update_scene(9, title="edited meanwhile")
            stash.add_scene(title="added meanwhile")
    assert seen == [1, 2, 3, 5, 6, 7, 8, 9, 10]


@pytest.mark.usefixtures("small_pages")
def test_a_walk_since_a_time(stash: FakeStash, scenes: StashScenes, clock: Clock) -> None:
    for n in range(5):
        stash.add_scene(title=f"T{n}")
    since = stash.clock.stamp()
    clock.now += 60
    for scene_id in (1, 3, 4, 5):
        stash.update_scene(scene_id, title="edited")
    assert ids(list(scenes.walk(since))) == [[1, 3, 4], [5]]


@pytest.mark.usefixtures("small_pages")
def test_a_walk_visits_the_scenes_of_entities(stash: FakeStash, scenes: StashScenes) -> None:
    for n in range(8):
        stash.add_scene(tags=[f"t{n % 4}"], performers=["Ann"] if n == 2 else [], studio="S")
    assert ids(list(scenes.walk_with("tags", [1, 2]))) == [[1, 2, 5], [6]]
    assert ids(list(scenes.walk_with("performers", [1, 99]))) == [[3]]
    assert ids(list(scenes.walk_with("studios", [1]))) == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert ids(list(scenes.walk_with("studios", [99]))) == []


def test_a_walk_that_breaks_off_is_an_error_and_not_an_end(
    stash: FakeStash, scenes: StashScenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes_module, "PAGE", 1)
    for n in range(3):
        stash.add_scene(title=f"T{n}")
    pages = scenes.walk()
    assert ids([next(pages)]) == [[1]]
    stash.stop()
    with pytest.raises(StashUnavailable):
        next(pages)


def test_a_zero_time_stamp_hides_no_scene(stash: FakeStash, scenes: StashScenes) -> None:
    for stamps in ({}, {"created_at": ""}, {"updated_at": ""}, {}):
        stash.add_scene(files=["/a.mp4"], **stamps)  # type: ignore[arg-type]

    for found in (
        list(scenes.read([1, 2, 3, 4, 99]).values()),
        [scene for page in scenes.walk() for scene in page],
        list(scenes.page_after(0, 10).scenes),
    ):
        assert [scene.id for scene in sorted(found, key=lambda scene: scene.id)] == [1, 2, 3, 4]
        assert {scene.id for scene in found if is_since(scene.updated_at, 9e9)} == {2, 3}


def test_a_zero_time_stamp_needs_one_more_query(stash: FakeStash, scenes: StashScenes) -> None:
    stash.add_scene(created_at="")
    scenes.read([1])
    # After a failed query, the connection also asks for the status of Stash.
    assert stash.requests.count() == 3


@pytest.mark.parametrize(
    "data", [b'{"findScenes": null}', b'{"findScenes": {}}', b'{"findScenes": []}', b"{}"]
)
def test_a_missing_list_is_an_error(stash: FakeStash, scenes: StashScenes, data: bytes) -> None:
    stash.inject(Status(200, b'{"data": %s}' % data, "application/json"), any_request, times=None)
    with pytest.raises(StashQueryError, match="did not return"):
        list(scenes.walk())
    with pytest.raises(StashQueryError, match="the number of"):
        scenes.count()


def test_pages_after_a_scene_come_by_rising_id(stash: FakeStash, scenes: StashScenes) -> None:
    for n in range(5):
        stash.add_scene(title=f"T{n}")
    stash.remove_scene(2)
    pages = [scenes.page_after(after, 2) for after in (0, 3, 5)]
    assert ids([list(page.scenes) for page in pages]) == [[1, 3], [4, 5], []]
    assert [page.left for page in pages] == [2, 0, 0]
    assert stash.requests.count() == 3


def test_a_page_of_new_scenes(stash: FakeStash, scenes: StashScenes, clock: Clock) -> None:
    stash.add_scene(title="old")
    since = stash.clock.stamp()
    clock.now += 60
    for n in range(3):
        stash.add_scene(title=f"T{n}")
    stash.update_scene(1, title="edited, which makes it no newer")
    page = scenes.page_after(0, 2, since)
    assert (ids([list(page.scenes)]), page.left) == ([[2, 3]], 1)
    assert ids([list(scenes.page_after(3, 2, since).scenes)]) == [[4]]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        *((found, "did not return") for found in (b"null", b"[]", b"{}", b'{"count": 1}')),
        *((found, "did not return") for found in (b'{"scenes": []}', b'{"count": null}')),
        (b'{"count": 3, "scenes": []}', r"returned \d of 2 scenes"),
        (b'{"count": 3, "scenes": [{"id": "1"}]}', r"returned \d of 2 scenes"),
        (b'{"count": 2, "scenes": [{"id": "1"}, null]}', r"returned \d of 2 scenes"),
        (b'{"count": 900, "scenes": [{"id": "1"}]}', r"returned \d of 2 scenes"),
    ],
)
def test_a_page_that_is_odd_or_too_short_is_an_error(
    stash: FakeStash, scenes: StashScenes, found: bytes, words: str
) -> None:
    answer = b'{"data": {"findScenes": %s}}' % found
    stash.inject(Status(200, answer, "application/json"), any_request)
    with pytest.raises(StashQueryError, match=words):
        scenes.page_after(0, 2)


def test_stored_settings_are_read(stash: FakeStash, connection: StashConnection) -> None:
    stash.set_plugin_settings("Other", {"plex_url": "theirs"})
    stash.set_plugin_settings(PLUGIN_ID, {"plex_url": "http://plex", "max_tags": "7", "odd": None})
    found = StashSettings(connection).read()
    assert found == {"plex_url": "http://plex", "max_tags": "7", "odd": None}


@pytest.mark.parametrize(
    "configuration",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"plugins": null}',
        b'{"plugins": {"Stash2Plex": null}}',
        b'{"plugins": {"Stash2Plex": [1]}, "general": 5}',
    ],
)
def test_settings_of_an_odd_form_are_empty(
    stash: FakeStash, connection: StashConnection, configuration: bytes
) -> None:
    body = b'{"data": {"configuration": %s}}' % configuration
    stash.inject(Status(200, body, "application/json"), any_request)
    assert StashSettings(connection).read() == {}


def test_the_settings_bring_the_key(locked: FakeStash, connect: Connect, clock: Clock) -> None:
    connection = connect(locked)
    StashSettings(connection).read()
    clock.now += 100_000
    StashScenes(connection).count()
    assert [request.auth for request in locked.requests.all()] == ["cookie", "apikey"]


def test_a_cover_has_a_hash_and_a_tag(stash: FakeStash, connection: StashConnection) -> None:
    scene = stash.add_scene(cover=JPEG)
    cover = read_cover(connection, scene.id)
    assert cover is not None
    assert (cover.data, cover.sha1) == (JPEG, hashlib.sha1(JPEG).hexdigest())
    assert cover.tag


def test_a_known_cover_is_not_sent_again(stash: FakeStash, connection: StashConnection) -> None:
    scene = stash.add_scene(cover=JPEG)
    first = read_cover(connection, scene.id)
    assert first is not None
    assert read_cover(connection, scene.id, first.tag) is None
    assert [request.status for request in stash.requests.all()] == [200, 304]
    stash.update_scene(scene.id, cover=PNG)
    second = read_cover(connection, scene.id, first.tag)
    assert second is not None
    assert (second.data, second.tag != first.tag) == (PNG, True)


def test_the_default_drawing_is_no_cover(stash: FakeStash, connection: StashConnection) -> None:
    assert read_cover(connection, stash.add_scene().id) is None


@pytest.mark.parametrize(
    ("drawing", "content_type"),
    [
        (b"\xef\xbb\xbf<svg/>", "image/svg+xml"),
        (b" \n<?xml version='1.0'?><svg/>", "application/octet-stream"),
    ],
)
def test_a_drawing_is_told_by_its_type_or_by_its_beginning(
    stash: FakeStash, connection: StashConnection, drawing: bytes, content_type: str
) -> None:
    stash.inject(Status(200, drawing, content_type), "screenshot")
    assert read_cover(connection, 1) is None


def test_the_cover_of_a_scene_that_is_gone_is_none(connection: StashConnection) -> None:
    assert read_cover(connection, 999) is None


def test_a_removed_cover_is_none(stash: FakeStash, connection: StashConnection) -> None:
    scene = stash.add_scene(cover=JPEG)
    first = read_cover(connection, scene.id)
    assert first is not None
    stash.update_scene(scene.id, cover=None)
    assert read_cover(connection, scene.id, first.tag) is None


@pytest.mark.parametrize(
    ("cover", "complaint"),
    [
        (b"BM a bitmap", "no JPEG, PNG, WebP or GIF"),
        (HUGE, "larger than the 10 MB that Plex accepts"),
    ],
)
def test_a_cover_that_plex_cannot_show_is_told_with_the_reason(
    stash: FakeStash, connection: StashConnection, cover: bytes, complaint: str
) -> None:
    scene = stash.add_scene(cover=cover)
    with pytest.raises(UnusableCoverError, match=complaint):
        read_cover(connection, scene.id)


def test_a_cover_needs_a_valid_log_in(locked: FakeStash, connect: Connect) -> None:
    scene = locked.add_scene(cover=JPEG)
    connection = connect(locked)
    locked.gate.revoke_all()
    with pytest.raises(StashAuthError):
        read_cover(connection, scene.id)


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        *((data, True) for data in (JPEG, PNG, b"GIF87a..", b"GIF89a..")),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", True),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", False),
        *((data, False) for data in (b"\xff\xd8", b"<svg/>", b"")),
    ],
)
def test_a_picture_is_told_by_its_first_bytes(data: bytes, picture: bool) -> None:
    assert is_picture(data) is picture

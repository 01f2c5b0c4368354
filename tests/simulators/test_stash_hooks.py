"""Edits of the fake Stash and the hooks that they run."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.stash import FakeStash, Hang, PluginRun, SceneGroup, StashError, VideoFile
from simulators.stash.testkit import YML, ask, error_of, install

ECHO = """
    import json, sys
    print(json.dumps({"output": json.load(sys.stdin)}))
"""
JPEG = b"\xff\xd8\xff a cover"


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as stash:
        install(stash, ECHO)
        yield stash


def context(run: PluginRun) -> dict[str, Any]:
    """The hook context that a run was given."""
    found: dict[str, Any] = json.loads(run.result.stdin)["args"]["hookContext"]
    return found


def contexts(stash: FakeStash) -> list[dict[str, Any]]:
    return [context(run) for run in stash.host.runs]


def test_scene_update_runs_the_hook_before_it_answers(stash: FakeStash) -> None:
    stash.add_scene(title="old", files=["/a"])
    query = "mutation($in: SceneUpdateInput!){sceneUpdate(input: $in){title tags{name}}}"
    stash.library.tags.add("t")
    told = ask(stash, query, **{"in": {"id": "1", "title": "new", "tag_ids": ["1"]}})
    assert told == {"sceneUpdate": {"title": "new", "tags": [{"name": "t"}]}}
    [seen] = contexts(stash)
    assert (seen["id"], seen["type"]) == (1, "Scene.Update.Post")
    assert sorted(seen["inputFields"]) == ["id", "tag_ids", "title"]
    assert seen["input"]["title"] == "new"
    assert seen["input"]["rating100"] is None, "unset fields are null"
    assert len(seen["input"]) == 24


def test_null_clears_what_it_names_and_absence_leaves_alone(stash: FakeStash) -> None:
    stash.add_scene(
        title="t", files=["/a"], date="2024-01-01", rating100=5, studio="S", cover=JPEG, details="d"
    )
    query = """mutation{sceneUpdate(input: {id: 1, date: null, studio_id: null, details: null,
                                            cover_image: null}){id}}"""
    ask(stash, query)
    scene = stash.scene(1)
    assert (scene.date, scene.studio_id, scene.details) == (None, None, "")
    assert (scene.title, scene.rating100, scene.cover) == ("t", 5, JPEG)


def test_every_field_of_an_edit_arrives(stash: FakeStash) -> None:
    stash.add_scene(files=["/a", "/b"])
    second = stash.scene(1).files[1]
    stash.library.groups.add("G")
    cover = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    ask(
        stash,
        "mutation($in: SceneUpdateInput!){sceneUpdate(input: $in){id}}",
        **{
            "in": {
                "id": 1, "code": "c", "director": "d", "urls": ["u"], "rating100": 7,
                "organized": True, "cover_image": cover, "groups": [{"group_id": 1}],
                "stash_ids": [{"endpoint": "e", "stash_id": "s"}],
                "primary_file_id": second.id,
            }
        },
    )  # fmt: skip
    scene = stash.scene(1)
    assert (scene.code, scene.director, scene.urls, scene.rating100) == ("c", "d", ("u",), 7)
    assert (scene.organized, scene.cover, scene.groups) == (True, JPEG, (SceneGroup(1),))
    assert (scene.stash_ids[0].stash_id, scene.path) == ("s", "/b")


def test_a_save_bumps_updated_at_even_when_nothing_changed(tmp_path: Path) -> None:
    times = iter(range(1_700_000_000, 1_800_000_000, 60))
    stash = FakeStash(tmp_path, now=lambda: next(times))
    before = stash.add_scene(title="t")
    stash.edit_scene(1, title="t")
    assert stash.scene(1).updated_at > before.updated_at


def test_a_scene_without_file_keeps_a_title(stash: FakeStash) -> None:
    stash.add_scene(title="t")
    message = error_of(stash, 'mutation{sceneUpdate(input: {id: 1, title: ""}){id}}')
    assert message == "title must be set if scene has no files"
    assert error_of(stash, "mutation{sceneUpdate(input: {id: 9}){id}}") == (
        "scene with id 9 not found"
    )
    assert contexts(stash) == []


def test_scenes_update_gives_each_hook_the_whole_list(stash: FakeStash) -> None:
    stash.add_scene(title="a")
    stash.add_scene(title="b")
    query = "mutation($in: [SceneUpdateInput!]!){scenesUpdate(input: $in){title}}"
    inputs = [{"id": 1, "title": "A"}, {"id": 2, "rating100": 3}]
    assert ask(stash, query, **{"in": inputs}) == {"scenesUpdate": [{"title": "A"}, {"title": "b"}]}
    first, second = contexts(stash)
    assert [each["id"] for each in first["input"]] == ["1", "2"]
    assert first["input"] == second["input"]
    assert sorted(first["inputFields"]) == ["id", "title"]
    assert sorted(second["inputFields"]) == ["id", "rating100"]


def test_bulk_scene_update_runs_one_hook_for_each_scene(stash: FakeStash) -> None:
    stash.add_scene(tags=["old"])
    stash.add_scene()
    stash.library.tags.add("new")
    query = """mutation{bulkSceneUpdate(input: {ids: [1, 2], organized: true,
                        tag_ids: {ids: [2], mode: ADD}}){id}}"""
    ask(stash, query)
    assert [stash.snapshot()[each]["tags"] for each in (1, 2)] == [["new", "old"], ["new"]]
    assert [each["id"] for each in contexts(stash)] == [1, 2]
    expected = {"ids": ["1", "2"], "organized": True, "tag_ids": {"ids": ["2"], "mode": "ADD"}}
    assert contexts(stash)[0]["input"] == expected
    ask(
        stash, "mutation{bulkSceneUpdate(input: {ids: [1], tag_ids: {ids: [1], mode: REMOVE}}){id}}"
    )
    assert stash.snapshot()[1]["tags"] == ["new"]


def test_scene_create_and_scans_run_hooks_without_input(stash: FakeStash) -> None:
    ask(stash, 'mutation{sceneCreate(input: {title: "made"}){id}}')
    stash.scan_new(files=["/media/new.mp4"])
    stash.scan_again(2)
    before = stash.scene(2)
    later = stash.clock.now() + 100
    stash.clock.now = lambda: later
    stash.scan_moved(2, "/media/moved.mp4")
    assert [(each["id"], each["type"]) for each in contexts(stash)] == [
        (1, "Scene.Create.Post"),
        (2, "Scene.Create.Post"),
        (2, "Scene.Update.Post"),
        (2, "Scene.Update.Post"),
    ]
    assert all(each["input"] is None and "inputFields" not in each for each in contexts(stash))
    moved = stash.scene(2)
    assert (moved.path, moved.updated_at) == ("/media/moved.mp4", before.updated_at)
    assert moved.files[0].id == before.files[0].id


def test_a_destroyed_scene_tells_its_path(stash: FakeStash) -> None:
    stash.add_scene(files=[VideoFile("/media/gone.mp4")])
    assert ask(stash, "mutation{sceneDestroy(input: {id: 1, delete_file: true})}")["sceneDestroy"]
    [seen] = contexts(stash)
    oshash = seen["input"].pop("oshash")
    assert len(oshash) == 16
    assert seen["input"] == {
        "id": "1", "delete_file": True, "delete_generated": None, "checksum": "",
        "path": "/media/gone.mp4",
    }  # fmt: skip
    assert stash.scenes() == []


def test_renaming_a_performer_changes_scenes_but_runs_no_scene_hook(stash: FakeStash) -> None:
    before = stash.add_scene(performers=["Ann"], tags=["t"], studio="S")
    stash.rename_performer("Ann", "Anna")
    stash.rename_tag("t", "T")
    ask(stash, 'mutation{studioUpdate(input: {id: 1, name: "Studio"}){name}}')
    plain = stash.snapshot()[1]
    assert (plain["performers"], plain["tags"], plain["studio"]) == (["Anna"], ["T"], "Studio")
    assert stash.scene(1).updated_at == before.updated_at
    assert contexts(stash) == []
    with pytest.raises(StashError, match="not found"):
        stash.rename_tag("gone", "x")


def test_entity_hooks_fire_for_plugins_that_want_them(stash: FakeStash) -> None:
    yml = YML.replace("Scene.Update.Post", "Tag.Update.Post")
    install(stash, ECHO, yml, "tagger")
    stash.add_scene(tags=["t"])
    [run] = stash.rename_tag("t", "T")
    assert (run.plugin_id, run.trigger) == ("tagger", "Tag.Update.Post")
    assert context(run)["input"]["name"] == "T"


def test_edit_scene_acts_like_the_web_page(stash: FakeStash) -> None:
    stash.add_scene(title="t", files=["/a"])
    [run] = stash.edit_scene(
        1, title="new", studio="S", performers=["p"], tags=["x"], cover=JPEG, groups=[("G", 2)]
    )
    fields = context(run)["inputFields"]
    assert set(fields) == {
        "id", "title", "studio_id", "performer_ids", "tag_ids", "cover_image", "groups"
    }  # fmt: skip
    plain = stash.snapshot()[1]
    assert (plain["title"], plain["studio"], plain["performers"]) == ("new", "S", ["p"])
    assert plain["groups"] == [{"name": "G", "scene_index": 2}]
    assert stash.scene(1).cover == JPEG


def test_edit_scenes_runs_one_hook_for_each_of_them(stash: FakeStash) -> None:
    stash.add_scene()
    stash.add_scene()
    runs = stash.edit_scenes([1, 2], tags=["x"], rating100=90)
    assert [context(run)["id"] for run in runs] == [1, 2]
    assert [scene.rating100 for scene in stash.scenes()] == [90, 90]


def test_changes_without_hooks_run_none(stash: FakeStash) -> None:
    stash.add_scene()
    stash.update_scene(1, title="x")
    stash.remove_scene(1)
    assert stash.host.runs == []


def test_a_disabled_plugin_hears_nothing(stash: FakeStash) -> None:
    stash.add_scene()
    ask(stash, "mutation{setPluginsEnabled(enabledMap: {probe: false})}")
    assert stash.edit_scene(1, title="x") == []
    assert ask(stash, "{plugins{id enabled}}") == {"plugins": [{"id": "probe", "enabled": False}]}


def test_an_error_of_a_hook_only_reaches_the_log(stash: FakeStash) -> None:
    install(stash, """print('{"error": "boom"}')""")
    stash.add_scene()
    ask(stash, "mutation{sceneUpdate(input: {id: 1, rating100: 1}){id}}")
    assert [entry.text for entry in stash.host.log] == [
        "Scene.Update.Post [Probe]: returned error: boom"
    ]


def test_a_plugin_that_cannot_start_silences_those_after_it(stash: FakeStash) -> None:
    broken = YML.replace("  - python3\n", "  - no-such-program\n")
    install(stash, "", broken, "a-broken")
    stash.add_scene()
    assert stash.edit_scene(1, rating100=1) == []
    assert "a-broken/no-such-program" in stash.host.log[0].text


LOOPING = """
    import json, sys, urllib.request
    given = json.load(sys.stdin)
    server = given["server_connection"]
    body = json.dumps({"query": "mutation{sceneUpdate(input: {id: 1, rating100: 1}){id}}"})
    cookie = "session=" + server["SessionCookie"]["Value"]
    url = "http://127.0.0.1:%d/graphql" % server["Port"]
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)).read()
    print('{"output": "ok"}')
"""


def test_a_hook_that_edits_leads_to_itself_ten_times_at_most(stash: FakeStash) -> None:
    install(stash, LOOPING)
    stash.add_scene()
    stash.edit_scene(1, rating100=5)
    assert len(stash.host.runs) == 10


def test_a_client_that_leaves_kills_the_hook_and_those_after_it(stash: FakeStash) -> None:
    asking = """
        import json, sys, time, urllib.request
        port = json.load(sys.stdin)["server_connection"]["Port"]
        urllib.request.urlopen("http://127.0.0.1:%d/started" % port)
        time.sleep(60)
    """
    install(stash, asking)
    install(stash, ECHO, name="z-later")
    stash.add_scene()
    body = json.dumps({"query": "mutation{sceneUpdate(input: {id: 1, rating100: 1}){id}}"})
    client = socket.create_connection(("127.0.0.1", stash.port))
    client.sendall(
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    stash.requests.wait_for(lambda request: request.path == "/started")
    client.close()
    stash.requests.wait_for(
        lambda request: request.kind == "graphql:sceneUpdate" and request.status is not None
    )
    [run] = stash.host.runs
    assert run.result.cancelled
    assert run.result.exit_code == -9
    assert stash.scene(1).rating100 == 1, "the edit was committed before"


def test_hooks_of_parallel_edits_run_at_the_same_time(stash: FakeStash) -> None:
    meeting = """
        import json, sys, urllib.request
        port = json.load(sys.stdin)["server_connection"]["Port"]
        urllib.request.urlopen("http://127.0.0.1:%d/meet" % port).read()
    """
    install(stash, meeting)
    stash.add_scene()
    hang = Hang()
    stash.inject(hang, lambda request: request.path == "/meet", times=3)
    threads = [threading.Thread(target=stash.edit_scene, args=(1,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    stash.requests.wait_for(lambda request: request.path == "/meet", timeout=30, count=3)
    hang.release()
    for thread in threads:
        thread.join()
    assert [run.result.error for run in stash.host.runs] == [None] * 3

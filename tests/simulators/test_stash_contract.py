"""The fake Stash answers, calls hooks and runs plugins as a real Stash does."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import build_schema

from simulators.stash import FakeStash, LogEntry, PluginResult
from simulators.stash.conformance import deviations, real_schema_path, validate_against_real
from simulators.stash.engine import small_schema
from simulators.stash.plugin_manifest import ManifestError, load
from simulators.stash.plugin_output import decode
from tests.simulators.probe import YML, ask, error_of, install

ECHO = """
    import json, sys
    print(json.dumps({"output": json.load(sys.stdin)["args"]}))
"""
JPEG = b"\xff\xd8\xff a cover"
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as server:
        install(server, ECHO)
        yield server


# -- the schema -----------------------------------------------------------------------------------


@pytest.mark.skipif(
    not real_schema_path().is_file(),
    reason=f"no introspection of a real Stash at {real_schema_path()} (set STASH_SCHEMA)",
)
def test_the_small_schema_is_a_part_of_the_real_one() -> None:
    assert deviations(small_schema()) == []
    for invented in ("checksum: String", "title: String!", "organized: Boolean", "urls: [Int!]!"):
        sdl = f"type Query {{ findScene(id: ID): Scene }} type Scene {{ {invented} }}"
        assert deviations(build_schema(sdl)) != []
    for query, complaint in [
        ("{ findScene(id: 1) { checksum } }", "Cannot query field 'checksum'"),
        ("{ findScenes(filter: {limit: 1}) { count } }", "limit"),
        ("{ findScene(id: 1) { id }", "Syntax Error"),
    ]:
        assert complaint in "".join(validate_against_real(query))


@pytest.mark.parametrize("query", ["{nope}", "{findScene(id: 1){nope}}", "{", "query($a: Int!){"])
def test_what_cannot_be_executed_gets_422(stash: FakeStash, query: str) -> None:
    response = requests.post(f"{stash.url}/graphql", json={"query": query}, timeout=9)
    assert (response.status_code, bool(response.json()["errors"])) == (422, True)


# -- queries --------------------------------------------------------------------------------------


def ids(stash: FakeStash, arguments: str) -> list[int]:
    found = ask(stash, f"{{findScenes({arguments}){{scenes{{id}}}}}}")
    return [int(scene["id"]) for scene in found["findScenes"]["scenes"]]


def test_a_scene_with_all_that_it_refers_to(stash: FakeStash) -> None:
    scene = stash.add_scene(
        title="Título",
        date="2024-05",
        files=["/media/x/a.mp4"],
        studio="Kid",
        performers=["Ann"],
        tags=["zeta", "Alpha"],
    )
    found = ask(
        stash,
        """query($id: ID!) { findScene(id: $id) {
             title details date rating100 updated_at files { path } tags { name }
             studio { name } performers { name } paths { screenshot } } }""",
        id=scene.id,
    )["findScene"]
    assert found.pop("paths")["screenshot"].startswith(f"{stash.url}/scene/1/screenshot?t=")
    assert found == {
        "title": "Título",
        "details": "",
        "date": "2024-05",
        "rating100": None,
        "updated_at": scene.updated_at,
        "files": [{"path": "/media/x/a.mp4"}],
        "tags": [{"name": "Alpha"}, {"name": "zeta"}],
        "studio": {"name": "Kid"},
        "performers": [{"name": "Ann"}],
    }
    assert ask(stash, "{findScene(id: 7){id}}") == {"findScene": None}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", [1, 2, 3]),
        ("filter: {per_page: 2}", [1, 2]),
        ("filter: {per_page: 2, page: 2}", [3]),
        ("filter: {per_page: -1}", [1, 2, 3]),
        ("filter: {per_page: 0}", []),
        ('filter: {sort: "id", direction: DESC}', [3, 2, 1]),
        ("scene_filter: {id: {value: 1, modifier: GREATER_THAN}}", [2, 3]),
        ("scene_filter: {tags: {value: [1], modifier: INCLUDES}}", [1, 2]),
        ("scene_filter: {performers: {value: [1], modifier: INCLUDES}}", [1]),
        ("scene_filter: {studios: {value: [1], modifier: INCLUDES}}", [1]),
    ],
)
def test_a_page_of_scenes(stash: FakeStash, arguments: str, expected: list[int]) -> None:
    stash.add_scene(tags=["t1"], performers=["p"], studio="Top")
    stash.add_scene(tags=["t1"], studio="Below")
    stash.add_scene()
    assert ids(stash, arguments or "filter: {}") == expected


def test_time_stamps_are_compared_as_text_in_the_servers_offset(tmp_path: Path) -> None:
    with FakeStash(tmp_path, now=lambda: NOON, utc_offset=timedelta(hours=2)) as stash:
        stash.add_scene()

        def newer_than(value: str) -> list[int]:
            criterion = f'updated_at: {{value: "{value}", modifier: GREATER_THAN}}'
            return ids(stash, f"scene_filter: {{{criterion}}}")

        assert newer_than("2026-01-01T13:59:59+02:00") == [1]
        assert newer_than("2026-01-01T14:00:00+02:00") == []
        assert newer_than("2026-01-01T13:00:00Z") == [1], "later in truth, yet smaller text"


def test_plugin_settings_are_replaced_as_a_whole(stash: FakeStash) -> None:
    stash.set_plugin_settings("mine", {"old": 1})
    stash.set_plugin_settings("other", {"a": 1})
    query = 'mutation($m: Map!){configurePlugin(plugin_id: "mine", input: $m)}'
    assert ask(stash, query, m={"new": 2.5}) == {"configurePlugin": {"new": 2.5}}
    only = ask(stash, '{configuration{plugins(include: ["mine", "absent"])}}')
    assert only["configuration"]["plugins"] == {"mine": {"new": 2.5}}


# -- edits and their hooks ------------------------------------------------------------------------


def contexts(stash: FakeStash) -> list[dict[str, Any]]:
    """What each hook was told."""
    return [json.loads(run.result.stdin)["args"]["hookContext"] for run in stash.host.runs]


def test_an_update_tells_its_hook_what_was_named(stash: FakeStash) -> None:
    stash.add_scene(title="t", files=["/a"], date="2024-01-01", rating100=5, studio="S", cover=JPEG)
    stash.edit_scene(1, date=None, studio=None, details="d")

    (seen,) = contexts(stash)
    assert (seen["id"], seen["type"]) == (1, "Scene.Update.Post")
    assert sorted(seen["inputFields"]) == ["date", "details", "id", "studio_id"]
    assert (len(seen["input"]), seen["input"]["title"]) == (24, None)
    scene = stash.scene(1)
    assert (scene.title, scene.date, scene.studio_id, scene.details) == ("t", None, None, "d")
    assert (scene.rating100, scene.cover) == (5, JPEG)


def test_a_bulk_update_runs_one_hook_for_each_scene(stash: FakeStash) -> None:
    for _ in range(2):
        stash.add_scene(tags=["old"])
    stash.edit_scenes([1, 2], organized=True, tags=["new"])
    assert [stash.snapshot()[each]["tags"] for each in (1, 2)] == [["new"], ["new"]]
    expected = {"ids": ["1", "2"], "organized": True, "tag_ids": {"ids": ["2"], "mode": "SET"}}
    assert [(each["id"], each["input"]) for each in contexts(stash)] == [
        (1, expected),
        (2, expected),
    ]


def test_scans_run_hooks_without_input_and_keep_the_time_stamp(stash: FakeStash) -> None:
    stash.scan_new(files=["/media/new.mp4"])
    before = stash.scene(1)
    later = stash.clock.now() + 100
    stash.clock.now = lambda: later
    stash.scan_moved(1, "/media/moved.mp4")
    assert [each["type"] for each in contexts(stash)] == ["Scene.Create.Post", "Scene.Update.Post"]
    assert all(each["input"] is None and "inputFields" not in each for each in contexts(stash))
    assert (stash.scene(1).path, stash.scene(1).updated_at) == (
        "/media/moved.mp4",
        before.updated_at,
    )


def test_a_save_moves_the_time_stamp_and_a_renamed_tag_does_not(stash: FakeStash) -> None:
    before = stash.add_scene(title="t", tags=["tag"])
    later = stash.clock.now() + 100
    stash.clock.now = lambda: later
    stash.rename_tag("tag", "Tag")
    assert (stash.snapshot()[1]["tags"], contexts(stash)) == (["Tag"], [])
    assert stash.scene(1).updated_at == before.updated_at
    stash.edit_scene(1, title="t")
    assert stash.scene(1).updated_at > before.updated_at


@pytest.mark.parametrize("kind", ["Performer", "Studio", "Tag"])
def test_a_destroyed_entity_tells_its_id_and_leaves_the_scenes_time_stamp(
    stash: FakeStash, kind: str
) -> None:
    install(stash, ECHO, YML.replace("Scene.Create.Post", f"{kind}.Destroy.Post"), "entities")
    before = stash.add_scene(performers=["Ann"], studio="S", tags=["a"])
    {
        "Performer": stash.destroy_performer,
        "Studio": stash.destroy_studio,
        "Tag": stash.destroy_tags,
    }[kind](1)
    assert [(each["type"], each["id"], each["input"]) for each in contexts(stash)] == [
        (f"{kind}.Destroy.Post", 1, {"id": "1"})
    ]
    assert stash.scene(1).updated_at == before.updated_at


def test_merges(stash: FakeStash) -> None:
    stash.add_scene(title="one", files=["/a"], tags=["old"])
    stash.add_scene(title="two", files=["/b"], tags=["kept"])
    stash.merge_tags(["old"], "kept")
    assert [stash.snapshot()[each]["tags"] for each in (1, 2)] == [["kept"], ["kept"]]
    stash.merge_scenes([1], 2)
    assert [[file.path for file in scene.files] for scene in stash.scenes()] == [["/b", "/a"]]
    assert contexts(stash) == []


# -- plugins --------------------------------------------------------------------------------------


def test_a_task_has_default_arguments_and_an_operation_has_none(stash: FakeStash) -> None:
    query = 'mutation{runPluginTask(plugin_id: "probe", task_name: "Work", args_map: {n: 2})}'
    job = stash.jobs.wait(int(ask(stash, query)["runPluginTask"]))
    assert (job.status, job.description) == ("FINISHED", "Running plugin task: Work")
    assert stash.host.runs[0].result.output == {"mode": "work", "n": 2}
    query = 'mutation{runPluginOperation(plugin_id: "probe", args: {a: 1})}'
    assert ask(stash, query) == {"runPluginOperation": {"a": 1}}
    install(stash, """print('{"error": "boom"}')""")
    assert error_of(stash, query) == "boom"


def test_jobs_run_one_at_a_time_and_can_be_stopped(stash: FakeStash) -> None:
    started, going_on = threading.Event(), threading.Event()

    def work(progress: Any) -> None:
        started.set()
        progress.cancel.subscribe(going_on.set)
        assert going_on.wait(30)

    running = stash.jobs.add("one", work)
    stash.jobs.add("two", lambda _: None)
    assert started.wait(10)
    assert [job.status for job in stash.jobs.queue()] == ["RUNNING", "READY"]
    stash.jobs.stop_all()
    assert stash.jobs.wait(running).status == "CANCELLED"
    assert stash.jobs.queue() == []


def test_a_plugin_gets_what_go_writes(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path, username="me")
    install(stash, "")
    stash.add_scene(files=["/a"])
    (hook,) = stash.edit_scene(1, title="<é & \u2028>")
    text = hook.result.stdin.decode()
    assert '"title":"\\u003cé \\u0026 \\u2028\\u003e"' in text
    given = json.loads(text)
    connection = given["server_connection"]
    assert list(connection) == ["Scheme", "Host", "Port", "SessionCookie", "Dir", "PluginDir"]
    assert list(connection["SessionCookie"])[:4] == ["Name", "Value", "Quoted", "Path"]
    assert list(given["args"]["hookContext"]) == ["id", "type", "input", "inputFields"]


def run(stash: FakeStash, script: str) -> PluginResult:
    install(stash, script)
    return stash.run_operation("probe", {})


def test_a_plugin_inherits_environment_and_working_directory(stash: FakeStash) -> None:
    stash.runner.env |= {"EXTRA": "more", "PATH_OF": None}
    script = """
        import json, os, sys
        print(json.dumps({"output": [sys.executable, sys.argv[0], os.environ.get("EXTRA")]}))
    """
    program = str(stash.root / "plugins" / "probe" / "plugin.py")
    assert run(stash, script).output == [sys.executable, program, "more"]


@pytest.mark.parametrize(
    ("stdout", "exit_code", "expected"),
    [
        (b'{"output": {"a": [1]}}\n', 0, ({"a": [1]}, None)),
        (b'{"error": "bad"}', 0, (None, "bad")),
        (b'{"Output": 1, "ERROR": null, "foo": 2}', 0, (1, None)),
        (b"", 0, ("", None)),
        (b'debug\n{"output": 1}', 0, ('debug\n{"output": 1}', None)),
        (b'{"output": NaN}', 0, ('{"output": NaN}', None)),
        (b"\xff", 0, ("\ufffd", None)),
        (b'{"output": 1}', 3, (1, "exit status 3")),
        (b"", -9, ("", "signal: killed")),
    ],
)
def test_stdout_and_exit_status_make_the_answer(
    stdout: bytes, exit_code: int, expected: tuple[object, str | None]
) -> None:
    assert decode(stdout, exit_code) == expected


def test_a_child_that_inherits_stdout_keeps_stash_waiting(stash: FakeStash) -> None:
    fifo = stash.root / "fifo"
    os.mkfifo(fifo)
    child = stash.root / "child.py"
    child.write_text(f"open({str(fifo)!r}).read()\nprint('child')\n")
    script = f"""
        import subprocess, sys
        print("parent", flush=True)
        null = subprocess.DEVNULL
        subprocess.Popen([sys.executable, {str(child)!r}], stdin=null, stderr=null)
    """
    results: list[PluginResult] = []
    thread = threading.Thread(target=lambda: results.append(run(stash, script)))
    thread.start()
    with fifo.open("w"):  # opens once the child reads
        assert results == []
    thread.join(30)
    assert results[0].output == "parent\nchild\n"


def test_log_lines_are_read_by_their_prefix(stash: FakeStash) -> None:
    script = r"""
        import sys
        for level in "tdiwe":
            sys.stderr.write(f"\x01{level}\x02  about {level}  \n")
        sys.stderr.write("bare line\r\n\x01p\x020.5\n\x01z\x02odd\n")
    """
    result = run(stash, script)
    prefix = "[Plugin / Probe] "
    assert result.logs == [
        LogEntry("trace", "about t", prefix),
        LogEntry("debug", "about d", prefix),
        LogEntry("info", "about i", prefix),
        LogEntry("warning", "about w", prefix),
        LogEntry("error", "about e", prefix),
        LogEntry("error", "bare line", prefix, prefixed=False),
        LogEntry("error", "\x01z\x02odd", prefix, prefixed=False),
    ]


def test_a_plugin_past_the_time_limit_fails_the_test(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path).start()
    install(stash, "import time; time.sleep(60)")
    stash.runner.timeout = 0.2
    assert "time limit" in error_of(stash, 'mutation{runPluginOperation(plugin_id: "probe")}')
    with pytest.raises(AssertionError, match="time limit"):
        stash.__exit__(None, None, None)


# -- plugin files ---------------------------------------------------------------------------------


def test_a_plugin_file_is_read_as_stash_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "My.Plugin.yml"
    path.write_text(r"""
version: 1.10
errLog: info
tasks:
  - name: 'It''s a task'
    execArgs: [--one, two]
    defaultArgs: {mode: all, force: true, none: null}
  - name: Second
settings:
  b_url:
    displayName: Address
  a_on:
    type: BOOLEAN
""")
    plugin = load(path)
    assert (plugin.id, plugin.version, plugin.err_log) == ("My.Plugin", "1.10", "info")
    first, _ = plugin.tasks
    assert (first.name, first.exec_args) == ("It's a task", ("--one", "two"))
    expected = {"mode": "all", "force": "true", "none": ""}
    assert first.default_args == expected, "argument values are text"
    assert [(each.name, each.type, each.display_name) for each in plugin.settings] == [
        ("a_on", "BOOLEAN", "a_on"),
        ("b_url", "STRING", "Address"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\nauthor: me\n", "field author not found in plugin"),
        ("name: a\nname: b\n", "already set"),
        ("settings:\n  x:\n    type: string\n", "invalid type"),
        ("tasks:\n  - name: a\n    triggeredBy: [x]\n", "field triggeredBy not found"),
        ("tasks:\n  name: a\n", "tasks must be a list"),
        ("name: [a]\n", "name must be text"),
        ("ui:\n  csp:\n    img-src: [x]\n", "field img-src not found in csp"),
        ("- a\n- b\n", "plugin must be a mapping"),
    ],
)
def test_what_stash_rejects_is_rejected(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "plugin.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=complaint):
        load(path)


# -- access and pictures --------------------------------------------------------------------------


def test_credentials_and_session_cookies(tmp_path: Path) -> None:
    now = [NOON]
    with FakeStash(tmp_path, username="me", api_key="key-123", now=lambda: now[0]) as stash:
        stash.add_scene(cover=JPEG)

        def status(**headers: str) -> int:
            body = {"query": "{version{version}}"}
            url = f"{stash.url}/graphql"
            return requests.post(url, json=body, headers=headers, timeout=9).status_code

        cookie = f"session={stash.gate.cookie_value()}"
        assert (status(), status(ApiKey="wrong"), status(Cookie="session=x")) == (401, 401, 401)
        assert (status(ApiKey="key-123"), status(Cookie=cookie)) == (200, 200)
        assert status(Cookie=f"session=x; {cookie}") == 401, "the first of two counts"
        page = requests.get(f"{stash.url}/scene/1/screenshot", timeout=9)
        assert (page.status_code, "/login?returnURL=" in page.url) == (200, True)
        now[0] += 3601
        assert status(Cookie=cookie) == 401
        assert "key-123" not in repr(stash.requests.all())


def test_a_cover_has_its_type_and_its_tag(stash: FakeStash) -> None:
    stash.add_scene(cover=JPEG)
    stash.add_scene()
    url = f"{stash.url}/scene/1/screenshot"
    first = requests.get(url, timeout=9)
    assert (first.content, first.headers["Content-Type"]) == (JPEG, "image/jpeg")
    headers = {"If-None-Match": first.headers["ETag"]}
    assert requests.get(url, headers=headers, timeout=9).status_code == 304
    stash.update_scene(1, cover=JPEG + b"!")
    assert requests.get(url, headers=headers, timeout=9).content == JPEG + b"!"
    drawing = requests.get(f"{stash.url}/scene/2/screenshot", timeout=9)
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert requests.get(f"{stash.url}/scene/4/screenshot", timeout=9).status_code == 404


def test_a_stopped_stash_refuses_and_comes_back_as_it_was(stash: FakeStash) -> None:
    stash.add_scene(title="kept")
    port = stash.port
    stash.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(stash.url, timeout=9)
    stash.start()
    assert stash.port == port
    assert ask(stash, "{findScene(id: 1){title}}") == {"findScene": {"title": "kept"}}

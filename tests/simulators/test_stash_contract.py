"""The fake Stash answers, calls hooks and runs plugins as a real Stash does."""

import json
import os
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import build_schema

from simulators.stash import FakeStash, LogEntry, ManifestError, PluginResult
from simulators.stash.conformance import NEWEST, deviations, validate_against_real
from simulators.stash.engine import small_schema
from simulators.stash.plugin_manifest import load
from simulators.stash.plugin_output import LogReader, decode

PLUGIN = """\
name: Probe
exec:
  - python3
  - "{pluginDir}/plugin.py"
hooks:
  - name: On anything
    triggeredBy:
      - Scene.Update.Post
      - Scene.Create.Post
      - Performer.Destroy.Post
      - Studio.Destroy.Post
      - Tag.Destroy.Post
tasks:
  - name: Work
    defaultArgs:
      mode: work
"""
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


def install(stash: FakeStash, script: str) -> None:
    source = stash.root / "source"
    source.mkdir(exist_ok=True)
    (source / "probe.yml").write_text(PLUGIN)
    (source / "plugin.py").write_text(textwrap.dedent(script))
    stash.install_plugin(source, name="probe", files=["probe.yml", "plugin.py"])


def ask(stash: FakeStash, query: str) -> Any:
    return requests.post(f"{stash.url}/graphql", json={"query": query}, timeout=30).json()


def contexts(stash: FakeStash) -> list[dict[str, Any]]:
    return [json.loads(run.result.stdin)["args"]["hookContext"] for run in stash.host.runs]


# -- the schema and queries -----------------------------------------------------------------------


def test_the_small_schema_is_a_part_of_the_real_one() -> None:
    assert deviations(small_schema(), NEWEST) == []
    for invented in ("checksum: String", "title: String!", "organized: Boolean", "urls: [Int!]!"):
        sdl = f"type Query {{ findScene(id: ID): Scene }} type Scene {{ {invented} }}"
        assert deviations(build_schema(sdl), NEWEST) != []
    for query, complaint in [
        ("{ findScene(id: 1) { checksum } }", "Cannot query field 'checksum'"),
        ("{ findScenes(filter: {limit: 1}) { count } }", "limit"),
        ("{ findScene(id: 1) { id }", "Syntax Error"),
    ]:
        assert complaint in "".join(validate_against_real(query, NEWEST))


@pytest.mark.parametrize("query", ["{nope}", "{findScene(id: 1){nope}}", "{", "query($a: Int!){"])
def test_what_cannot_be_executed_gets_422(stash: FakeStash, query: str) -> None:
    response = requests.post(f"{stash.url}/graphql", json={"query": query}, timeout=9)
    assert (response.status_code, bool(response.json()["errors"])) == (422, True)


@pytest.mark.parametrize(
    ("stamp", "count"),
    [
        ("2026-01-01T13:59:59+02:00", 1),
        ("2026-01-01T14:00:00+02:00", 0),
        ("2026-01-01T13:00:00Z", 1),  # later in truth, yet smaller text
    ],
)
def test_time_stamps_are_compared_as_text(tmp_path: Path, stamp: str, count: int) -> None:
    with FakeStash(tmp_path, now=lambda: NOON, utc_offset=timedelta(hours=2)) as stash:
        stash.add_scene()
        criterion = f'updated_at: {{value: "{stamp}", modifier: GREATER_THAN}}'
        answer = ask(stash, f"{{findScenes(scene_filter: {{{criterion}}}){{count}}}}")
        assert answer == {"data": {"findScenes": {"count": count}}}


# -- edits and their hooks ------------------------------------------------------------------------


def test_an_update_tells_its_hook_what_was_named(stash: FakeStash) -> None:
    stash.add_scene(title="t", files=["/a"], date="2024-01-01", rating100=5, studio="S")
    stash.edit_scene(1, date=None, studio=None, details="d")

    (seen,) = contexts(stash)
    assert (seen["id"], seen["type"]) == (1, "Scene.Update.Post")
    assert sorted(seen["inputFields"]) == ["date", "details", "id", "studio_id"]
    assert (len(seen["input"]), seen["input"]["title"]) == (24, None)
    scene = stash.scene(1)
    assert (scene.title, scene.date, scene.studio_id, scene.rating100) == ("t", None, None, 5)


def test_a_bulk_update_runs_one_hook_for_each_scene(stash: FakeStash) -> None:
    for _ in range(2):
        stash.add_scene(tags=["old"])
    stash.edit_scenes([1, 2], organized=True, tags=["new"])
    expected = {"ids": ["1", "2"], "organized": True, "tag_ids": {"ids": ["2"], "mode": "SET"}}
    assert [(each["id"], each["input"]) for each in contexts(stash)] == [
        (1, expected),
        (2, expected),
    ]


def test_which_edits_run_a_hook_and_move_the_time_stamp(stash: FakeStash) -> None:
    before = stash.scan_new(files=["/media/new.mp4"], performers=["Ann"], studio="S", tags=["a"])
    stamp = stash.scene(*before.ids).updated_at
    later = stash.clock.now() + 100
    stash.clock.now = lambda: later
    stash.scan_moved(1, "/media/moved.mp4")
    stash.update_tag("a", name="A")
    stash.destroy_performer(1)
    stash.destroy_studio(1)
    stash.destroy_tags(1)
    assert [(each["type"], each["input"], "inputFields" in each) for each in contexts(stash)] == [
        ("Scene.Create.Post", None, False),
        ("Scene.Update.Post", None, False),
        *((f"{kind}.Destroy.Post", {"id": "1"}, False) for kind in ("Performer", "Studio", "Tag")),
    ]
    assert (stash.scene(1).path, stash.scene(1).updated_at) == ("/media/moved.mp4", stamp)
    stash.edit_scene(1, title="t")
    assert stash.scene(1).updated_at > stamp


# -- plugins --------------------------------------------------------------------------------------


def test_a_task_has_default_arguments_and_an_operation_has_none(stash: FakeStash) -> None:
    query = 'mutation{runPluginTask(plugin_id: "probe", task_name: "Work", args_map: {n: 2})}'
    job = stash.jobs.wait(int(ask(stash, query)["data"]["runPluginTask"]))
    assert (job.status, job.description) == ("FINISHED", "Running plugin task: Work")
    assert stash.host.runs[0].result.output == {"mode": "work", "n": 2}
    query = 'mutation{runPluginOperation(plugin_id: "probe", args: {a: 1})}'
    assert ask(stash, query)["data"] == {"runPluginOperation": {"a": 1}}
    install(stash, """print('{"error": "boom"}')""")
    assert ask(stash, query)["errors"][0]["message"] == "boom"


def test_jobs_run_one_at_a_time_and_can_be_stopped(stash: FakeStash) -> None:
    started, going_on = threading.Event(), threading.Event()

    def work(job: Any) -> None:
        started.set()
        job.cancel.subscribe(going_on.set)
        assert going_on.wait(30)

    running = stash.jobs.add("one", work)
    stash.jobs.add("two", lambda _: None)
    assert started.wait(10)
    assert [job.status for job in stash.jobs.queue()] == ["RUNNING", "READY"]
    stash.jobs.stop_all()
    assert stash.jobs.wait(running).status == "CANCELLED"
    assert stash.jobs.queue() == []


def test_a_plugin_gets_what_go_writes(stash: FakeStash) -> None:
    stash.add_scene(files=["/a"])
    (hook,) = stash.edit_scene(1, title="<é & \u2028>")
    text = hook.result.stdin.decode()
    assert '"title":"\\u003cé \\u0026 \\u2028\\u003e"' in text
    given = json.loads(text)
    connection = given["server_connection"]
    assert list(connection) == ["Scheme", "Host", "Port", "SessionCookie", "Dir", "PluginDir"]
    assert list(connection["SessionCookie"])[:4] == ["Name", "Value", "Quoted", "Path"]
    assert list(given["args"]["hookContext"]) == ["id", "type", "input", "inputFields"]


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
        subprocess.Popen([{sys.executable!r}, {str(child)!r}], stdin=null, stderr=null)
    """
    install(stash, script)
    results: list[PluginResult] = []
    thread = threading.Thread(target=lambda: results.append(stash.run_operation("probe")))
    thread.start()
    with fifo.open("w"):  # opens once the child reads
        assert results == []
    thread.join(30)
    assert results[0].output == "parent\nchild\n"


def test_log_lines_are_read_by_their_prefix() -> None:
    progress: list[float] = []
    log = LogReader("Probe", on_progress=progress.append)
    log.feed(b"\x01t\x02  about t  \n\x01w\x02about")
    log.feed(b" w\nbare line\r\n\x01p\x020.5\n\x01z\x02odd")
    log.end()
    prefix = "[Plugin / Probe] "
    assert log.entries == [
        LogEntry("trace", "about t", prefix),
        LogEntry("warning", "about w", prefix),
        LogEntry("error", "bare line", prefix, prefixed=False),
        LogEntry("error", "\x01z\x02odd", prefix, prefixed=False),
    ]
    assert progress == [0.5]


def test_a_plugin_file_is_read_as_stash_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "My.Plugin.yml"
    path.write_text("""
version: 1.10
errLog: info
tasks:
  - name: 'It''s a task'
    execArgs: [--one, two]
    defaultArgs: {mode: all, force: true, none: null}
settings:
  b_url:
    displayName: Address
  a_on:
    type: BOOLEAN
""")
    plugin = load(path)
    assert (plugin.id, plugin.version, plugin.err_log) == ("My.Plugin", "1.10", "info")
    (task,) = plugin.tasks
    assert (task.name, task.exec_args) == ("It's a task", ("--one", "two"))
    assert task.default_args == {"mode": "all", "force": "true", "none": ""}
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
    drawing = requests.get(f"{stash.url}/scene/2/screenshot", timeout=9)
    assert drawing.headers["Content-Type"] == "image/svg+xml"

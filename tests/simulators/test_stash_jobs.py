"""The fake Stash's job queue, tasks, operations and scans."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.stash import FakeStash, JobError, Progress
from simulators.stash.testkit import ask, error_of, install

QUEUE = "{jobQueue{id status description progress startTime endTime addTime error}}"
FIND = "query($i: ID!){findJob(input: {id: $i}){status error progress description}}"
WORK = """
    import json, sys
    args = json.load(sys.stdin)["args"]
    print("\\x01p\\x020.25", file=sys.stderr)
    print("\\x01i\\x02working", file=sys.stderr)
    print(json.dumps({"output": args}))
"""
WAIT = """
    import json, sys, time, urllib.request
    port = json.load(sys.stdin)["server_connection"]["Port"]
    urllib.request.urlopen("http://127.0.0.1:%d/waiting" % port).read()
    time.sleep(60)
"""


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as stash:
        yield stash


class Gate:
    """A job that waits to be let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.open = threading.Event()

    def __call__(self, progress: Progress) -> None:
        self.started.set()
        progress.cancel.subscribe(self.open.set)
        assert self.open.wait(30)


def test_an_empty_queue_is_null(stash: FakeStash) -> None:
    assert ask(stash, QUEUE) == {"jobQueue": None}


def test_jobs_run_one_at_a_time(stash: FakeStash) -> None:
    first, second = Gate(), Gate()
    one = stash.start_job("Scanning...", first)
    two = stash.start_job("Generating...", second)
    assert first.started.wait(10)
    seen = ask(stash, QUEUE)["jobQueue"]
    assert [(job["id"], job["status"], job["progress"]) for job in seen] == [
        (str(one), "RUNNING", 0),
        (str(two), "READY", 0),
    ]
    assert seen[0]["description"] == "Scanning..."
    assert not second.started.is_set()
    first.open.set()
    assert second.started.wait(10)
    second.open.set()
    assert stash.jobs.wait(two).status == "FINISHED"
    assert ask(stash, QUEUE) == {"jobQueue": None}


def test_the_last_ten_jobs_can_still_be_found(stash: FakeStash) -> None:
    for number in range(1, 12):
        stash.jobs.wait(stash.start_job(f"job {number}", lambda progress: progress.set(7)))
    assert ask(stash, FIND, i=1) == {"findJob": None}
    found = ask(stash, FIND, i=2)["findJob"]
    expected = {"status": "FINISHED", "error": None, "progress": 1, "description": "job 2"}
    assert found == expected


def test_a_ready_job_is_cancelled_at_once_a_running_one_is_told(stash: FakeStash) -> None:
    first, second = Gate(), Gate()
    one = stash.start_job("one", first)
    two = stash.start_job("two", second)
    assert first.started.wait(10)
    assert ask(stash, "mutation{stopJob(job_id: 2)}") == {"stopJob": True}
    assert ask(stash, FIND, i=two)["findJob"]["status"] == "CANCELLED"
    ask(stash, "mutation{stopAllJobs}")
    assert stash.jobs.wait(one).status == "CANCELLED"
    assert not second.started.is_set()


def test_a_job_that_fails_says_why(stash: FakeStash) -> None:
    def fail(_progress: Progress) -> None:
        msg = "no"
        raise JobError(msg)

    job = stash.jobs.wait(stash.start_job("x", fail))
    assert (job.status, job.error) == ("FAILED", "no")


def test_a_task_is_queued_and_fed_its_default_arguments(stash: FakeStash) -> None:
    install(stash, WORK)
    query = """mutation($a: Map){runPluginTask(plugin_id: "probe", task_name: "Work",
                                              args_map: $a)}"""
    job_id = int(ask(stash, query, a={"force": True, "n": 2})["runPluginTask"])
    job = stash.jobs.wait(job_id)
    assert job.description == "Running plugin task: Work"
    assert (job.status, job.progress) == ("FINISHED", 0.25)
    [run] = stash.host.runs
    assert run.result.output == {"force": True, "mode": "work", "n": 2}
    assert run.result.progress == [0.25]
    assert run.result.messages("info") == ["working"]


def test_legacy_arguments_are_unwrapped(stash: FakeStash) -> None:
    install(stash, WORK)
    query = """mutation{runPluginTask(plugin_id: "probe", args: [
        {key: "s", value: {str: "x"}}, {key: "l", value: {a: [{i: 1}, {b: true}]}},
        {key: "o", value: {o: [{key: "k", value: {f: 1.5}}]}}, {key: "n"}])}"""
    stash.jobs.wait(int(ask(stash, query)["runPluginTask"]))
    expected = {"s": "x", "l": [1, True], "o": {"k": 1.5}, "n": None}
    assert stash.host.runs[0].result.output == expected, "without a task name no defaults"


@pytest.mark.parametrize("ending", ["""print('{"error": "boom"}')""", "raise SystemExit(3)"])
def test_a_task_that_reports_an_error_still_finishes(stash: FakeStash, ending: str) -> None:
    install(stash, ending)
    result = stash.run_task_to_end("probe", "Work")
    assert result.error in ("boom", "exit status 3")
    job = stash.jobs.find(1)
    assert job is not None
    assert (job.status, job.error) == ("FINISHED", None)
    assert stash.host.log[-1].text == f"Plugin returned error: {result.error}"


def test_a_task_that_cannot_start_fails(stash: FakeStash) -> None:
    install(stash, WORK)
    unknown = stash.jobs.wait(stash.run_task("nobody", "Work"))
    assert (unknown.status, unknown.error) == ("FAILED", "no plugin with ID nobody")
    nameless = stash.jobs.wait(stash.run_task("probe", "Rest"))
    assert nameless.error == "no task with name Rest in plugin Probe"


def test_stopping_a_task_kills_it(stash: FakeStash) -> None:
    install(stash, WAIT)
    job_id = stash.run_task("probe", "Work")
    stash.requests.wait_for(lambda request: request.path == "/waiting")
    stash.jobs.stop(job_id)
    assert stash.jobs.wait(job_id).status == "CANCELLED"
    assert stash.host.runs[0].result.exit_code == -9


def test_an_operation_answers_at_once_and_without_default_arguments(stash: FakeStash) -> None:
    install(stash, WORK)
    query = 'mutation{runPluginOperation(plugin_id: "probe", args: {mode: "status"})}'
    assert ask(stash, query) == {"runPluginOperation": {"mode": "status"}}
    assert stash.host.runs[0].result.progress == [], "operations have no progress"
    assert stash.run_operation("probe", {"a": 1}).output == {"a": 1}


def test_an_operations_error_is_a_graphql_error(stash: FakeStash) -> None:
    install(stash, """print('{"error": "boom"}')""")
    query = "mutation($p: ID!){runPluginOperation(plugin_id: $p)}"
    assert error_of(stash, query, p="probe") == "boom"
    ask(stash, "mutation{setPluginsEnabled(enabledMap: {probe: false})}")
    assert error_of(stash, query, p="probe") == "plugin probe is disabled"


def test_a_scan_does_what_was_planned(stash: FakeStash) -> None:
    stash.plan_scan(lambda: stash.scan_new(files=["/media/a.mp4"]))
    job_id = int(ask(stash, "mutation{metadataScan(input: {})}")["metadataScan"])
    job = stash.jobs.wait(job_id)
    assert (job.description, job.status) == ("Scanning...", "FINISHED")
    assert stash.scene(1).path == "/media/a.mp4"
    outside = 'mutation{metadataScan(input: {paths: ["/media/x", "/etc"]})}'
    assert error_of(stash, outside) == "path /etc is not in a library folder"


def test_a_scan_step_that_breaks_fails_its_job_and_no_other(stash: FakeStash) -> None:
    stash.plan_scan(lambda: stash.update_scene(99))
    job = stash.jobs.wait(int(ask(stash, "mutation{metadataScan(input: {})}")["metadataScan"]))
    assert job.status == "FAILED"
    [panic] = stash.jobs.panics
    assert "scene with id 99 not found" in panic
    stash.jobs.panics.clear()  # else it would fail the test
    assert stash.jobs.wait(stash.start_job("next", lambda _progress: None)).status == "FINISHED"


def test_a_plugin_past_the_tests_time_limit_fails_the_test(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path).start()
    install(stash, "import time; time.sleep(60)")
    stash.runner.timeout = 0.2
    assert "time limit" in error_of(stash, 'mutation{runPluginOperation(plugin_id: "probe")}')
    with pytest.raises(AssertionError, match="time limit"):
        stash.__exit__(None, None, None)

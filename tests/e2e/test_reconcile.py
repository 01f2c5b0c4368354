"""Reconciliation: every gap is found, queued once, and nothing is concluded from half an answer."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciliation import state as reconciliation_state
from simulators.rig import FOLDER, PLUGIN, Rig, png
from simulators.stash import PluginResult, Status, graphql_errors
from simulators.stash.request_log import LoggedRequest
from simulators.tuning import Tuning
from sync_queue.operations import clear_pending_items
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, no_worker, settle, sync_all
from tests.e2e.test_dead_letter_tasks import bury, postpone, queue_of, write
from tests.e2e.test_outages import jobs, state
from tests.e2e.test_restore import STASH
from tests.golden import assert_golden, figures

STATE = "reconciliation_state.json"
HOUR, DAY = 3600.0, 86_400.0


def reconcile(rig: Rig, mode: str = "reconcile_all", **arguments: Any) -> str:
    answer = rig.task(mode, **arguments)
    assert answer.error is None, answer.error
    return str(answer.output)


def fill(rig: Rig, count: int) -> list[int]:
    rig.tune(Tuning(page=5))
    return [rig.add_pair(f"s{number}", **STASH)[0] for number in range(count)]


def in_step(rig: Rig) -> None:
    """Sync all, and let no worker read back what a test then changes."""
    sync_all(rig)
    rig.stop_worker()


def later(rig: Rig) -> str:
    """A time stamp of Stash's that no sync has seen: they have whole seconds."""
    return rig.stash.clock.stamp_of(time.time() + 30)


def pages_after(rig: Rig, mark: int) -> list[int]:
    asked = rig.stash.requests.since(mark, "findScenes")
    return [one.variables["after"] for one in asked if "after" in one.variables]


def report(rig: Rig) -> Path:
    return max((rig.data / "reports").glob("reconciliation-*.txt"), key=os.path.getmtime)


def test_what_no_hook_told_of_is_found_once_and_then_both_libraries_agree(rig: Rig) -> None:
    ids = rig.add_library(7)
    in_step(rig)
    rig.plex.edit(rig.item_of(ids[0]).rating_key, summary="Another tool's")
    rig.plex.set_locks(rig.item_of(ids[1]).rating_key, {"title"})
    rig.stash.update_scene(ids[2], details="As after a rename: no time stamp moves", touch=False)
    rig.stash.update_scene(ids[3], cover=png(99), updated_at=later(rig))
    rig.stash.remove_scene(ids[4])

    first = reconcile(rig)
    settle(rig)
    mark = rig.plex.log.mark()
    second = reconcile(rig)

    assert_golden("reconciliation", "Gaps that no hook told of, and a second run", [first, second])
    assert rig.queued() == 0
    assert rig.plex.log.writes(mark) == []
    stored = state(rig, STATE)
    assert (stored["run_count"], stored["last_gaps_found"], stored["last_enqueued"]) == (2, 0, 0)
    assert (stored["last_scenes_checked"], stored["last_run_scope"]) == (6, "all")


def test_each_scope_looks_at_its_scenes_and_queues_none_twice(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"utc_offset": timedelta(hours=-9)})
    now = time.time()
    for number, age in enumerate((1 * HOUR, 23 * HOUR, 26 * HOUR, 8 * DAY)):
        stamp = rig.stash.clock.stamp_of(now - age)
        removed = rig.add_pair(f"s{number}", created_at=stamp, **STASH)[0]
    mine = rig.add_pair("mine", created_at=rig.stash.clock.stamp_of(now - 9 * DAY), **STASH)[1]
    rig.plex.edit(mine.rating_key, summary="Mine")
    rig.add_pair("nobody identified it", created_at=rig.stash.clock.stamp_of(now - 9 * DAY))

    with no_worker(rig):
        recent = reconcile(rig, "reconcile_recent")
        week = reconcile(rig, "reconcile_7days")
        empty = reconcile(rig, "reconcile_missing_metadata")
        whole = reconcile(rig)

    assert_golden("reconciliation", "Each scope after the other", [recent, week, empty, whole])
    rig.task("queue_status")
    assert rig.settled()
    rig.stash.remove_scene(removed)
    with queue_of(rig) as queue:
        known = queue.sync_log.scenes_between(0, removed)
        assert removed in known
        reconcile(rig, "reconcile_recent")  # an older scene that is gone is not its concern
        assert queue.sync_log.scenes_between(0, removed) == known


def test_a_report_tells_what_would_be_queued_and_changes_nothing(rig: Rig) -> None:
    ids = fill(rig, 7)
    in_step(rig)
    rig.plex.edit(rig.item_of(ids[0]).rating_key, summary="Another tool's")
    rig.plex.set_locks(rig.item_of(ids[1]).rating_key, {"title"})
    rig.stash.update_scene(ids[2], studio="Harbour Lane", details="Other")
    rig.add_pair("bare", **STASH)
    rig.stash.add_scene(title="Not there", tags=["T"], files=[f"{FOLDER}/not there.mp4"])
    before, mark = rig.plex.snapshot(), rig.plex.log.mark()

    answer = rig.stash.run_task_to_end(PLUGIN, "Reconcile (Report Only)")
    text = report(rig).read_text()

    assert answer.error is None
    told = str(answer.output).replace(str(report(rig)), "{report}")
    assert_golden("reconciliation", "A report only", [told])
    assert answer.progress[-1] == 1.0
    assert report(rig).stat().st_mode & 0o777 == 0o600
    assert re.search(r"^ +3 #+ summary$", text, re.M)
    assert re.search(r"^ +1 #+ studio not locked$", text, re.M)
    assert re.search(r"^ +1 #+ no item$", text, re.M)
    for value in ("Another tool's", "Harbour Lane", f"{FOLDER}/not there.mp4"):
        assert value in text
    assert rig.plex.log.writes(mark) == []
    assert rig.plex.snapshot() == before
    assert rig.queued() == 0
    assert not (rig.data / STATE).exists()


def test_each_gap_has_its_fate_and_a_waiting_job_keeps_its_time(rig: Rig) -> None:
    waits, failed, lost, plain = (rig.add_pair(f"s{n}", **STASH)[0] for n in range(4))
    with no_worker(rig):
        postpone(rig, waits)
        (job,) = jobs(rig)
        bury(rig, (failed, "PlexPermanentError", time.time()))
        bury(rig, (lost, "PlexNotFound", time.time()))
        path = rig.stash.scene(lost).files[0].path
        rig.plex.remove_item(rig.item_of(lost).rating_key)

        first = reconcile(rig)
        assert job in jobs(rig)
        assert {one["scene_id"] for one in jobs(rig)} == {waits, plain}

        rig.configure(reconcile_missing=False)
        left = reconcile(rig)

        rig.configure(reconcile_missing=True)
        rig.stash.update_scene(failed, updated_at=later(rig))
        rig.plex.add_item(rig.section, path)
        last = reconcile(rig)
        assert_golden("reconciliation", "Gaps that wait, failed or are left", [first, left, last])
        tries = {one["scene_id"]: one["data"].get("reconciled") for one in jobs(rig)}  # type: ignore[attr-defined]
        assert (tries[failed], tries[plain]) == (1, None)
        with queue_of(rig) as queue:
            queue.cap_waits(0)

    rig.task("queue_status")
    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: dead_scenes(rig) == set())


def begin(rig: Rig, pool: ThreadPoolExecutor) -> Future[PluginResult]:
    arguments = {"mode": "reconcile_all"}
    return pool.submit(rig.stash.run_operation, PLUGIN, arguments)


def kill_at_third_page(rig: Rig) -> None:
    rig.plex.faults.clear()
    hang = rig.plex.faults.hang(kind="metadata", after=2)
    with ThreadPoolExecutor() as pool:
        running = begin(rig, pool)
        assert hang.wait_for_hit(timeout=30)
        (pid,) = rig.task_pids()
        os.kill(pid, signal.SIGKILL)
        hang.release()
        assert running.result().exit_code == -signal.SIGKILL


def test_after_a_kill_the_next_run_goes_on_behind_the_last_stored_page(rig: Rig) -> None:
    ids = fill(rig, 18)
    with no_worker(rig):
        kill_at_third_page(rig)
        mark = rig.stash.requests.mark()

        answer = rig.task("reconcile_all")

        assert [10] in [figures(text) for text in answer.messages("info")]
        assert pages_after(rig, mark) == [ids[9], ids[14], ids[17]]
        assert figures(answer.output) == [18, 18, 18, 18]
        assert len(jobs(rig)) == 18

        with queue_of(rig) as queue:
            clear_pending_items(queue.connection)
        kill_at_third_page(rig)
        mark = rig.stash.requests.mark()
    rig.task("clear_dlq")

    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: state(rig, STATE)["run_count"] == 2)
    assert pages_after(rig, mark)[:3] == [ids[9], ids[14], ids[17]]
    assert state(rig, STATE)["last_enqueued"] == 18
    assert rig.events("reconciliation_resumed", scope="all scenes")


def test_two_at_once_are_one_run(rig: Rig) -> None:
    ids = fill(rig, 18)
    mark = rig.stash.requests.mark()
    hang = rig.plex.faults.hang(kind="metadata", after=1)
    with no_worker(rig), ThreadPoolExecutor() as pool:
        first = begin(rig, pool)
        assert hang.wait_for_hit(timeout=30)
        second = pool.submit(rig.task, "reconcile_all")
        # It shows how far the other one is: so it has seen that it has to wait.
        assert rig.wait_until(lambda: any(job.progress for job in rig.stash.jobs.queue()))
        hang.release()
        texts = [str(one.result().output) for one in (first, second)]

    assert_golden("reconciliation", "Two runs at once", texts)
    assert pages_after(rig, mark) == [0, ids[4], ids[9], ids[14], ids[17]]
    assert state(rig, STATE)["run_count"] == 1


def test_the_worker_runs_what_is_due_and_only_that_and_ends_as_before(rig: Rig) -> None:
    rig.tune(Tuning(linger=0.5))
    ids = fill(rig, 6)
    ended: Callable[[], bool] = lambda: not rig.worker_pids()  # noqa: E731

    def old(**times: float) -> None:
        hours_ago = time.time() - 2 * HOUR
        write(rig, STATE, {"last_run_time": hours_ago, "interval_run_time": hours_ago, **times})

    def edit(title: str = "New") -> None:
        assert rig.stash.edit_scene(ids[0], title=title)[0].result.output == "queued"
        assert rig.wait_until(lambda: rig.queued() == 0)
        assert rig.wait_until(ended)

    for settings in ({"reconcile_interval": "never"}, {"enabled": False}):
        rig.configure(**{"reconcile_interval": "hourly", "enabled": True, **settings})
        old()
        edit(f"New, with {settings}")
        rig.task("queue_status")
        assert rig.wait_until(ended)
        assert "run_count" not in state(rig, STATE)
    assert rig.events("reconciliation_begun", "bug") == []

    rig.configure(reconcile_interval="daily", reconcile_scope="7days", enabled=True)
    old(run_count=7)
    rig.task("queue_status")  # an invocation after an hour without a run
    assert rig.settled()
    assert rig.wait_until(ended)
    startup = state(rig, STATE)
    assert (startup["is_startup_run"], startup["run_count"]) == (True, 8)
    assert (startup["last_run_scope"], startup["last_enqueued"]) == ("24h", 6)
    assert startup["interval_run_time"] < startup["last_run_time"] - HOUR

    old(interval_run_time=0.0)
    rig.stash.update_scene(ids[1], details="Without a hook", touch=False)
    edit()
    assert rig.settled()
    regular = state(rig, STATE)
    assert (regular["last_run_scope"], regular["is_startup_run"]) == ("7days", False)
    assert regular["interval_run_time"] == regular["last_run_time"]
    assert rig.events("reconciliation_begun", scope="scenes created in the last 7 days")

    mark = rig.stash.requests.mark()
    edit()
    assert pages_after(rig, mark) == []
    assert len(rig.stash.requests.since(mark)) <= 4  # settings, the scene, its cover


def test_jobs_that_come_in_a_long_run_are_done_between_two_of_its_pages(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"reconcile_interval": "daily", "reconcile_scope": "all"})
    ids = fill(rig, 12)
    mark = rig.plex.log.mark()
    hang = rig.plex.faults.hang(kind="metadata")
    rig.task("queue_status")
    assert hang.wait_for_hit(timeout=30)
    rig.stash.edit_scene(ids[11], title="In between")
    hang.release()

    assert rig.settled()
    key = rig.item_of(ids[11]).rating_key
    asked = rig.plex.log.since(mark)
    edited = next(one.seq for one in asked if one.kind == "edit" and one.item_ids == str(key))
    reads = [one.seq for one in asked if one.kind == "metadata" and one.seq > edited]
    assert len(reads) >= 2  # the second and third page
    assert rig.wait_until((rig.data / STATE).exists)
    assert state(rig, STATE)["last_scenes_checked"] == 12


def test_what_would_empty_much_of_plex_waits_for_a_second_run_of_a_person(rig: Rig) -> None:
    ids = fill(rig, 14)
    in_step(rig)
    before = rig.plex.snapshot()
    for scene_id in ids:
        rig.stash.update_scene(scene_id, performers=[], tags=[], touch=False)

    def by_itself() -> None:
        asked = len(rig.events("reconciliation_ended", how="asks"))
        stored = state(rig, STATE) if (rig.data / STATE).exists() else {}
        write(rig, STATE, {**stored, "interval_run_time": 0.0, "tried_at": 0.0})
        rig.task("queue_status")
        assert rig.happened("reconciliation_ended", how="asks", count=asked + 1)
        assert rig.wait_until(lambda: state(rig, STATE)["interval_run_time"] > 0)
        rig.stop_worker()

    rig.configure(reconcile_interval="daily", reconcile_scope="all")
    by_itself()
    first = rig.task("reconcile_all")
    by_itself()
    other = rig.task("reconcile_missing_metadata")

    # What is relayed of the worker's log begins with its time.
    own = [text for text in first.messages("warning") if not text.startswith("[")]
    assert own == [first.output]
    assert_golden("reconciliation", "A run that would empty much of Plex", [first.output])
    assert figures(other.output)[-2:] == [0, 14]
    assert rig.queued() == 0
    assert rig.plex.snapshot() == before
    rig.task("reconcile_all")  # another result came between, so it asks again
    assert rig.queued() == 0
    assert figures(reconcile(rig))[-2:] == [14, 14]
    assert rig.settled(), rig.verdict().differences[:3]


def findings(count: int) -> Status:
    found = {"count": count, "scenes": []}
    return Status(200, json.dumps({"data": {"findScenes": found}}).encode(), "application/json")


def behind_the_first_page(request: LoggedRequest) -> bool:
    return bool(request.variables.get("after"))


def test_half_an_answer_of_either_side_queues_and_clears_nothing_and_says_so(rig: Rig) -> None:
    ids = fill(rig, 12)
    in_step(rig)
    for scene_id in ids:
        rig.stash.update_scene(scene_id, details="Without a hook", touch=False)
    nothing = rig.plex.add_section("Nothing", locations=["/nowhere"]).title
    plex, inject = rig.plex.faults, rig.stash.inject

    def list_ends_early() -> None:
        inject(findings(0), behind_the_first_page, times=None)

    faults: dict[str, Callable[[], object]] = {
        "Stash lists no scenes, although 12 were synced": lambda: inject(findings(0), "findScenes"),
        "Stash returned 0 of 5 scenes": lambda: inject(findings(12), "findScenes"),
        "out of memory": lambda: inject(graphql_errors("out of memory"), behind_the_first_page),
        "but returned none; see": list_ends_early,
        "Plex lists no files": lambda: rig.configure(plex_library=nothing),
        "listing ": lambda: plex.truncate(kind="listing"),
        "Plex lists the items of 12 scenes, but did not return these items": lambda: plex.status(
            404, kind="metadata"
        ),
        "503 (not ready) while reading 5 items. 0 scenes checked, 0 queued": lambda: plex.status(
            503, kind="metadata"
        ),
    }
    before = rig.plex.snapshot()
    with no_worker(rig):
        for words, begins in faults.items():
            rig.section.content_changed_at += 1  # so that the library is listed anew
            begins()
            answer = rig.task("reconcile_all")
            assert words in str(answer.error), (words, answer.error, answer.output)
            assert answer.output is None
            if words == "out of memory":  # the next run goes on from there
                list_ends_early()
                assert rig.task("reconcile_all").output is None
            assert rig.queued() == 0
            with queue_of(rig) as queue:  # each fault meets a run of its own
                assert len(queue.sync_log.scenes_between(0, 10**6)) == 12
                reconciliation_state.GapStore(queue.connection).clear()
            plex.clear()
            rig.stash.faults.clear()
            rig.configure(plex_library="")
        assert rig.plex.snapshot() == before
        assert state(rig, STATE).get("run_count", 0) == 0
        assert reconcile(rig).endswith("12 scenes to sync: 12 queued")


def _fail_to_write(fault: str) -> None:
    def fails(_self: object, _state: object) -> None:
        raise OSError(28, "No space left") if fault == "disk" else KeyError("oops")

    reconciliation_state.StateFile.write = fails  # type: ignore[assignment, method-assign]


@pytest.mark.parametrize("fault", ["disk", "bug"])
def test_no_fault_of_a_run_ends_the_worker(make_rig: MakeRig, fault: str) -> None:
    rig = make_rig(settings={"reconcile_interval": "daily", "reconcile_scope": "all"})
    rig.alter(reconciliation_state, _fail_to_write, fault=fault)
    scene_id, item = rig.add_pair("a", **STASH)

    rig.task("queue_status")
    code = {"disk": "reconciliation_rests", "bug": "bug"}[fault]
    assert rig.happened(code)
    (worker,) = rig.worker_pids()
    rig.stash.edit_scene(scene_id, title="After")

    assert rig.wait_until(lambda: item.title == "After")
    assert rig.worker_pids() == [worker]
    assert len(rig.events(code)) == 1

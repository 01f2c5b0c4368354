"""The tasks that look after what is stuck: clear, purge, recover, health, outages, status."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulators.rig import TOKEN, Rig
from simulators.tuning import Tuning
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from tests.e2e.steps import dead_scenes, no_worker, sync_all, sync_title
from tests.e2e.test_outages import quicken, state
from tests.golden import assert_golden, figures
from tests.sync_queue.support import job, postponed

HOUR, DAY = 3600.0, 86400.0
CLOSED = {"state": "closed", "failure_count": 0, "success_count": 0, "opened_at": None}


@contextmanager
def queue_of(rig: Rig) -> Iterator[QueueManager]:
    """The rig's durable state, in this process: no worker starts because of it."""
    folder = rig.data / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    queue = QueueManager(str(folder))
    try:
        yield queue
    finally:
        queue.close()


def bury(rig: Rig, *letters: tuple[int, str, float]) -> None:
    with queue_of(rig) as queue:
        for scene_id, error_type, at in letters:
            dead = job(scene_id, at=at)
            queue.dead_letters.add(dead, Failure(error_type, "as it was"), at)


def postpone(rig: Rig, scene_id: int) -> None:
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
        (claim,) = queue.claim(1)
        queue.release([postponed(claim, queue.clock() + 3000)])


def write(rig: Rig, name: str, content: Any) -> None:
    rig.data.mkdir(exist_ok=True)
    (rig.data / name).write_text(json.dumps(content))


def open_breaker(at: float) -> dict[str, Any]:
    return CLOSED | {"state": "open", "failure_count": 5, "opened_at": at}


def outage(started_at: float, ended_at: float | None, affected: int = 0) -> dict[str, Any]:
    duration = None if ended_at is None else ended_at - started_at
    return {"started_at": started_at, "ended_at": ended_at, "duration": duration,
            "jobs_affected": affected}  # fmt: skip


def an_outage(rig: Rig) -> tuple[float, float]:
    start = float(int(time.time()) - 2 * HOUR)
    write(rig, "outage_history.json", [outage(start - DAY, start - DAY + 60),
                                       outage(start, start + HOUR, 3)])  # fmt: skip
    return start, start + HOUR


def test_clear_queue_removes_what_waits_and_nothing_else(rig: Rig) -> None:
    with queue_of(rig) as queue:
        queue.enqueue([job(1)])
        queue.claim(1)
        queue.enqueue([job(scene_id) for scene_id in (1, 2, 3)])
    bury(rig, (9, "PlexPermanentError", time.time()))
    scene_id, _ = rig.add_pair("still in the spool")
    with no_worker(rig):
        rig.stash.edit_scene(scene_id, title="T")
        answer, again = rig.task("clear_queue"), rig.task("clear_queue")

    assert_golden("tasks", "Clear Pending Queue, twice", [answer.output, again.output])
    assert rig.wait_until(lambda: rig.queued() == 1)
    assert dead_scenes(rig) == {9}


def test_purge_and_clear_remove_dead_letters_and_nothing_else(rig: Rig) -> None:
    now = time.time()
    postpone(rig, 1)
    bury(rig, *((n, "PlexNotFound", now - n * DAY) for n in (1, 6, 8, 29, 31, 400)))

    arguments: tuple[dict[str, Any], ...] = ({"days": "30"}, {"days": " 7 "}, {})
    told = [rig.task("purge_dlq", **given).output for given in arguments]
    assert_golden("dead_letters", "Purge Old DLQ Entries of 30, 7 and 30 days", told)
    assert dead_scenes(rig) == {1, 6}

    bury(rig, (6, "SceneError", now))
    answer, again = rig.task("clear_dlq"), rig.task("clear_dlq")
    assert_golden("dead_letters", "Clear Dead Letters, twice", [answer.output, again.output])
    assert answer.messages("info")[-1] == answer.output
    assert dead_scenes(rig) == set()
    assert rig.wait_until(lambda: rig.queued() == 1)


def test_without_a_completed_outage_there_is_nothing_to_recover(rig: Rig) -> None:
    bury(rig, (1, "PlexServerDown", time.time()))
    never = rig.task("recover_outage_jobs")
    began = time.time() - 60
    write(rig, "outage_history.json", [outage(began, None)])
    write(rig, "circuit_breaker.json", open_breaker(began))
    ongoing = rig.task("recover_outage_jobs", include_optional="true")

    assert never.output == ongoing.output
    assert figures(never.output) == []
    assert dead_scenes(rig) == {1}


def test_recovery_takes_what_is_safe_inside_the_window_or_all_but_permanent(rig: Rig) -> None:
    ids = rig.add_library(10, covers=False)
    start, end = an_outage(rig)
    queued, gone = ids[6], 4711
    postpone(rig, queued)
    bury(
        rig,
        (ids[0], "PlexServerDown", start - 1),
        (ids[1], "PlexServerDown", start),
        (ids[2], "PlexServerDown", end),
        (ids[3], "PlexServerDown", end + 1),
        (ids[4], "PlexTemporaryError", start + 5),
        (ids[5], "PlexPermanentError", start + 5),
        (queued, "PlexServerDown", start + 5),
        (gone, "PlexServerDown", start + 5),
    )

    def are_synced(*scenes: int) -> bool:
        return all(rig.item_of(one).genres for one in scenes) and rig.queued() == 1

    first = rig.task("recover_outage_jobs")
    assert rig.wait_until(lambda: are_synced(ids[1], ids[2]))
    stay = {ids[0], ids[3], ids[4], ids[5], queued, gone}
    assert dead_scenes(rig) == stay

    second = rig.task("recover_outage_jobs")
    assert_golden("dead_letters", "Recover Outage Jobs, twice", [first.output, second.output])
    assert dead_scenes(rig) == stay

    kinds = ("PlexNotFound", "PlexAuthError", "PlexPermissionError")
    bury(rig, *((one, kind, start + 60) for one, kind in zip(ids[7:10], kinds, strict=True)))
    rig.task("recover_outage_jobs", include_optional="true")
    assert dead_scenes(rig) == stay - {ids[4]} | {ids[8], ids[9]}
    assert rig.wait_until(lambda: are_synced(ids[4], ids[7]))


def test_recovery_changes_nothing_while_plex_is_not_healthy_and_says_so(rig: Rig) -> None:
    ids = rig.add_library(2, covers=False)
    start, _ = an_outage(rig)
    bury(rig, *((one, "PlexServerDown", start + 60) for one in ids))

    def is_refused() -> bool:
        return rig.task("recover_outage_jobs", include_optional="true").error is not None

    rig.configure(plex_token="wrong-token-000000")
    assert is_refused()
    rig.configure(plex_token=TOKEN)
    rig.plex.maintenance(on=True)
    assert is_refused()
    rig.plex.stop()
    assert is_refused()
    assert dead_scenes(rig) == set(ids)
    assert rig.queued() == 0


def test_health_check_tells_what_is_wrong_and_what_to_do(rig: Rig) -> None:
    write(rig, "circuit_breaker.json", open_breaker(time.time()))
    texts = []

    def check() -> None:
        # A worker that probes Plex meanwhile moves the breaker on.
        text = str(rig.task("health_check").error)
        open_text = "open: no job runs until Plex works again"
        texts.append(re.sub("(?<=circuit breaker is ).*? again", open_text, text))

    rig.plex.stop()
    check()
    rig.plex.start()
    for wrong in ({"plex_token": "wrong-token-000000"}, {"plex_library": "Flims"},
                  {"plex_token": ""}):  # fmt: skip
        rig.configure(**{"plex_token": TOKEN, "plex_library": "", **wrong})
        check()
    rig.configure(plex_token=TOKEN)
    rig.plex.faults.status(403, kind="prefs")
    check()
    rig.plex.faults.clear()
    rig.plex.faults.body(b'<MediaContainer size="0"></MediaContainer>', kind="sections")
    check()

    assert_golden("status", "Health Check", texts)
    assert not [text for text in texts if TOKEN in text or "wrong-token" in text]


# -- status -------------------------------------------------------------------------------------


def test_any_task_ends_an_outage_whose_worker_was_killed(rig: Rig) -> None:
    """Nothing is queued that would need a worker: the task itself looks after the outage."""
    rig.tune(Tuning(shortest_probe=0.2))
    began = time.time() - 600
    write(rig, "outage_history.json", [outage(began, None, 1)])
    write(rig, "circuit_breaker.json", open_breaker(began))
    with queue_of(rig):
        pass

    rig.task("queue_status")

    assert rig.wait_until(lambda: state(rig, "circuit_breaker.json")["state"] == "closed")


def test_after_clear_match_cache_the_next_sync_lists_anew(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    sync_all(rig)
    rig.stop_worker()
    mark = rig.plex.log.mark()

    cleared, again = rig.task("clear_match_cache"), rig.task("clear_match_cache")
    assert rig.plex.log.count(kind="listing", since=mark) == 0
    sync_title(rig, ids[0], "After")

    assert_golden("tasks", "Clear Match Cache, twice", [cleared.output, again.output])
    assert rig.plex.log.count(kind="listing", since=mark) == 1

    assert rig.worker_pids()  # it has the index in memory
    rig.task("clear_match_cache")
    sync_title(rig, ids[1], "Under a living worker")
    assert rig.events("job_retried") == []


def test_process_queue_beside_a_waiting_worker_stops_with_the_cause(rig: Rig) -> None:
    quicken(rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.happened("plex_down", timeout=60)

    answer = rig.task("process_queue")

    assert figures(answer.error)[-1] == 1
    rig.plex.start()


def paused(rig: Rig) -> int:
    rig.configure(plex_token="wrong-token-000000")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.wait_until(lambda: "plex_token" in note(rig))
    return scene_id


def note(rig: Rig) -> str:
    return str(state(rig, "pause.json")["reason"]) if (rig.data / "pause.json").exists() else ""


def test_process_queue_beside_a_paused_worker_says_what_to_do(rig: Rig) -> None:
    quicken(rig)
    paused(rig)

    answer = rig.task("process_queue")
    assert "plex_token" in str(answer.error)
    assert figures(answer.error)[-1] == 1

    rig.configure(plex_token=TOKEN)
    answer = rig.task("process_queue")
    assert (answer.error, rig.queued()) == (None, 0)
    assert rig.verdict().agree, rig.verdict().differences


def test_a_pause_ends_when_its_jobs_are_removed_or_the_plugin_is_off(rig: Rig) -> None:
    quicken(rig)
    scene_id = paused(rig)

    def is_emptied() -> bool:
        rig.task("clear_queue")  # a try that is under way keeps its job
        return rig.queued() == 0

    assert rig.wait_until(is_emptied)
    assert rig.wait_until(lambda: not note(rig))

    rig.stash.edit_scene(scene_id, title="Again")
    assert rig.wait_until(lambda: "plex_token" in note(rig))
    postpone(rig, 99)
    rig.configure(enabled=False)
    assert rig.wait_until(lambda: not note(rig))
    assert rig.wait_until(lambda: rig.queued() == 1)


def test_a_job_that_fails_by_its_own_fault_shows_that_a_pause_is_over(rig: Rig) -> None:
    quicken(rig)
    scene_id = paused(rig)
    rig.plex.remove_item(rig.item_of(scene_id).rating_key)
    rig.configure(plex_token=TOKEN)

    assert rig.happened("job_retried", error="PlexNotFound")
    assert rig.wait_until(lambda: not note(rig))

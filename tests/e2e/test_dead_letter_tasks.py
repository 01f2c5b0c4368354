"""The tasks that look after what is stuck: clear, purge, recover, health, outages, status."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from shared.file_lock import FileLock
from simulators.rig import TOKEN, Rig
from simulators.tuning import Tuning
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import SyncJob
from tests.conftest import MakeRig
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
    """Dead letters: scene, type of error, moment."""
    with queue_of(rig) as queue:
        for scene_id, error_type, at in letters:
            dead = SyncJob.parse(json.dumps(job(scene_id, at=at)))
            queue.dead_letters.add(dead, Failure(error_type, "as it was"), at)


def dead_scenes(rig: Rig) -> set[int]:
    if not (rig.data / "queue" / "data.db").exists():
        return set()  # no worker has made the tables yet
    found: set[int] = set()
    with rig.database() as database, suppress(sqlite3.OperationalError):
        found |= {row[0] for row in database.execute("SELECT scene_id FROM dead_letters")}
    return found


def postpone(rig: Rig, scene_id: int) -> None:
    """A job that waits for its next try, longer than any test lasts."""
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
        (claim,) = queue.claim(1)
        queue.give_back([postponed(claim, queue.clock() + 3000)])


def write(rig: Rig, name: str, content: Any) -> None:
    rig.data.mkdir(exist_ok=True)
    (rig.data / name).write_text(json.dumps(content))


def outage(started_at: float, ended_at: float | None, affected: int = 0) -> dict[str, Any]:
    duration = None if ended_at is None else ended_at - started_at
    return {"started_at": started_at, "ended_at": ended_at, "duration": duration,
            "jobs_affected": affected}  # fmt: skip


def an_outage(rig: Rig) -> tuple[float, float]:
    """One that began two hours ago and lasted an hour, with whole seconds."""
    start = float(int(time.time()) - 2 * HOUR)
    write(rig, "outage_history.json", [outage(start - DAY, start - DAY + 60),
                                       outage(start, start + HOUR, 3)])  # fmt: skip
    return start, start + HOUR


# -- clear and purge ----------------------------------------------------------------------------


def test_clear_queue_removes_what_waits_and_nothing_else(rig: Rig) -> None:
    with queue_of(rig) as queue:
        queue.enqueue([job(1)])
        queue.claim(1)
        queue.enqueue([job(scene_id) for scene_id in (1, 2, 3)])
    bury(rig, (9, "PlexPermanentError", time.time()))
    lock = FileLock(str(rig.data / "worker.lock"))
    assert lock.try_acquire()  # as the worker that has the first in progress
    scene_id, _ = rig.add_pair("still in the spool")
    rig.stash.edit_scene(scene_id, title="T")

    answer = rig.task("clear_queue")
    again = rig.task("clear_queue")
    lock.release()

    assert_golden("tasks", "Clear Pending Queue, twice", [answer.output, again.output])
    assert rig.queued() == 1
    assert dead_scenes(rig) == {9}


def test_clear_dlq_removes_dead_letters_and_nothing_else(rig: Rig) -> None:
    postpone(rig, 1)
    now = time.time()
    bury(rig, (1, "PlexNotFound", now), (2, "PlexNotFound", now), (2, "SceneError", now))

    answer, again = rig.task("clear_dlq"), rig.task("clear_dlq")

    assert_golden("dead_letters", "Clear Dead Letters, twice", [answer.output, again.output])
    assert answer.messages("info")[-1] == answer.output
    assert rig.queued() == 1


def test_purge_removes_what_is_older_than_the_days_that_stash_passes_as_text(rig: Rig) -> None:
    now = time.time()
    postpone(rig, 1)
    bury(rig, *((n, "PlexNotFound", now - n * DAY) for n in (1, 6, 8, 29, 31, 400)))

    arguments: tuple[dict[str, Any], ...] = ({"days": "30"}, {"days": " 7 "}, {})
    told = [rig.task("purge_dlq", **given).output for given in arguments]

    assert_golden("dead_letters", "Purge Old DLQ Entries of 30, 7 and 30 days", told)
    assert dead_scenes(rig) == {1, 6}
    assert rig.queued() == 1


# -- recover outage jobs ------------------------------------------------------------------------


def test_without_a_completed_outage_there_is_nothing_to_recover(rig: Rig) -> None:
    bury(rig, (1, "PlexServerDown", time.time()))
    never = rig.task("recover_outage_jobs")
    write(rig, "outage_history.json", [outage(time.time() - 60, None)])
    opened = {"state": "open", "failure_count": 5, "opened_at": time.time() - 60}
    write(rig, "circuit_breaker.json", CLOSED | opened)
    ongoing = rig.task("recover_outage_jobs", include_optional="true")

    expected = "No completed outage is on record, so there is nothing to recover"
    assert never.output == ongoing.output == expected
    assert dead_scenes(rig) == {1}


def test_recovery_takes_what_is_safe_inside_the_window_and_a_second_one_changes_nothing(
    rig: Rig,
) -> None:
    ids = rig.add_library(8, covers=False)
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

    first = rig.task("recover_outage_jobs")

    assert rig.wait_until(lambda: bool(rig.item_of(ids[1]).genres and rig.item_of(ids[2]).genres))
    assert rig.wait_until(lambda: rig.queued() == 1)
    stay = {ids[0], ids[3], ids[4], ids[5], queued, gone}
    assert dead_scenes(rig) == stay

    second = rig.task("recover_outage_jobs")

    assert_golden("dead_letters", "Recover Outage Jobs, twice", [first.output, second.output])
    assert dead_scenes(rig) == stay


def test_recovery_of_all_retryable_takes_temporary_and_missing_but_never_permanent(
    rig: Rig,
) -> None:
    ids = rig.add_library(6, covers=False)
    start, _ = an_outage(rig)
    kinds = ("PlexTemporaryError", "PlexNotFound", "PlexServerDown", "PlexAuthError",
             "PlexPermanentError", "PlexPermissionError")  # fmt: skip
    bury(rig, *((one, kind, start + 60) for one, kind in zip(ids, kinds, strict=True)))

    rig.task("recover_outage_jobs", include_optional="true")

    assert dead_scenes(rig) == set(ids[3:])
    assert rig.wait_until(lambda: all(rig.item_of(one).genres for one in ids[:3]))


@pytest.mark.parametrize("away", ["down", "maintenance", "token"])
def test_recovery_changes_nothing_while_plex_is_not_healthy_and_says_so(
    rig: Rig, away: str
) -> None:
    ids = rig.add_library(2, covers=False)
    start, _ = an_outage(rig)
    bury(rig, *((one, "PlexServerDown", start + 60) for one in ids))
    if away == "token":
        rig.configure(plex_token="wrong-token-000000")
    elif away == "down":
        rig.plex.stop()
    else:
        rig.plex.maintenance(on=True)

    answer = rig.task("recover_outage_jobs", include_optional="true")

    assert answer.error is not None
    assert dead_scenes(rig) == set(ids)
    assert rig.queued() == 0


# -- health -------------------------------------------------------------------------------------


def test_health_check_tells_what_is_wrong_and_what_to_do(rig: Rig) -> None:
    write(rig, "circuit_breaker.json",
          CLOSED | {"state": "open", "failure_count": 5, "opened_at": time.time()})  # fmt: skip
    rig.plex.stop()
    down = rig.task("health_check")
    rig.plex.start()
    rig.configure(plex_token="wrong-token-000000")
    token = rig.task("health_check")
    rig.configure(plex_token=TOKEN, plex_library="Flims")
    library = rig.task("health_check")
    rig.configure(plex_token="")
    unset = rig.task("health_check")

    texts = [str(one.error) for one in (down, token, library, unset)]
    assert_golden("status", "Health Check", texts)
    assert not [text for text in texts if TOKEN in text or "wrong-token" in text]


def test_health_check_tells_that_the_token_may_not_edit(rig: Rig) -> None:
    fault = rig.plex.faults.status(403, kind="prefs")
    answer = rig.task("health_check")
    fault.clear()
    assert "plex_token" in str(answer.error)


def test_health_check_tells_that_plex_has_no_library(rig: Rig) -> None:
    fault = rig.plex.faults.body(b'<MediaContainer size="0"></MediaContainer>', kind="sections")
    answer = rig.task("health_check")
    fault.clear()
    assert answer.error is not None


# -- outages ------------------------------------------------------------------------------------


def test_outage_summary_tells_the_ongoing_one_only_while_the_breaker_is_open(rig: Rig) -> None:
    now = time.time()
    records = [outage(now - DAY, now - DAY + 60), outage(now - 125, None, 7)]
    write(rig, "outage_history.json", records)
    write(rig, "circuit_breaker.json", CLOSED)
    over = rig.task("outage_summary")
    write(rig, "circuit_breaker.json",
          CLOSED | {"state": "open", "failure_count": 5, "opened_at": now - 125})  # fmt: skip
    ongoing = rig.task("outage_summary")

    assert figures(ongoing.output)[:2] == [2, 1]
    assert figures(over.output)[:2] == [2, 2]
    assert "ongoing" in ongoing.output
    assert "ongoing" not in "\n".join(over.messages("info"))


# -- status -------------------------------------------------------------------------------------


def test_queue_status_survives_state_files_of_garbage(rig: Rig) -> None:
    rig.data.mkdir(exist_ok=True)
    for name in ("circuit_breaker", "recovery_state", "outage_history", "stats"):
        (rig.data / f"{name}.json").write_bytes(b"\xff{garbage")
    answer = rig.task("queue_status")
    assert answer.error is None


def test_any_task_ends_an_outage_whose_worker_was_killed(rig: Rig) -> None:
    """Check-on-invocation, with nothing queued that would need a worker (spec.md §6)."""
    rig.tune(Tuning(shortest_probe=0.2))
    now = time.time()
    write(rig, "outage_history.json", [outage(now - 600, None, 1)])
    write(rig, "circuit_breaker.json",
          CLOSED | {"state": "open", "failure_count": 5, "opened_at": now - 600})  # fmt: skip
    with queue_of(rig):
        pass

    rig.task("queue_status")

    assert rig.wait_until(lambda: state(rig, "circuit_breaker.json")["state"] == "closed")


# -- match cache --------------------------------------------------------------------------------


def test_clear_match_cache_forgets_and_the_next_sync_lists_anew(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    rig.task("all")
    assert rig.settled()
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    mark = rig.plex.log.mark()

    cleared, again = rig.task("clear_match_cache"), rig.task("clear_match_cache")
    assert rig.plex.log.count(kind="listing", since=mark) == 0
    rig.stash.edit_scene(ids[0], title="After")

    assert_golden("tasks", "Clear Match Cache, twice", [cleared.output, again.output])
    assert rig.wait_until(lambda: rig.item_of(ids[0]).title == "After")
    assert rig.plex.log.count(kind="listing", since=mark) == 1


def test_clear_match_cache_under_a_living_worker_costs_no_try(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Before")
    assert rig.wait_until(lambda: item.title == "Before" and rig.queued() == 0)
    assert rig.worker_pids()

    rig.task("clear_match_cache")
    rig.stash.edit_scene(scene_id, title="After")

    assert rig.wait_until(lambda: item.title == "After" or bool(rig.events("job_retried")))
    assert rig.events("job_retried") == []


def test_clear_match_cache_without_a_server_says_why(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.plex.stop()
    answer = rig.task("clear_match_cache")
    assert answer.error is not None


# -- process queue during an outage --------------------------------------------------------------


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
    """A scene whose edit waits because Plex refuses the token."""
    rig.configure(plex_token="wrong-token-000000")
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.wait_until(lambda: "plex_token" in note(rig))
    return scene_id


def note(rig: Rig) -> str:
    """Why nothing goes on, as the worker has written it down."""
    return str(state(rig, "pause.json")["reason"]) if (rig.data / "pause.json").exists() else ""


def test_process_queue_beside_a_paused_worker_stops_with_what_to_do(rig: Rig) -> None:
    quicken(rig)
    paused(rig)

    answer = rig.task("process_queue")

    assert "plex_token" in str(answer.error)
    assert figures(answer.error)[-1] == 1
    rig.configure(plex_token=TOKEN)
    assert rig.settled()


def test_process_queue_lets_a_paused_worker_notice_what_was_put_right(rig: Rig) -> None:
    quicken(rig)
    paused(rig)
    rig.configure(plex_token=TOKEN)

    answer = rig.task("process_queue")

    assert (answer.error, rig.queued()) == (None, 0)
    assert rig.verdict().agree, rig.verdict().differences


def test_what_comes_after_a_queue_was_emptied_waits_for_no_pause_of_before(rig: Rig) -> None:
    quicken(rig)
    paused(rig)

    def is_emptied() -> bool:
        rig.task("clear_queue")  # a try that is under way keeps its job
        return rig.queued() == 0

    assert rig.wait_until(is_emptied)
    assert rig.wait_until(lambda: not note(rig))


def test_a_job_that_fails_by_its_own_fault_shows_that_a_pause_is_over(rig: Rig) -> None:
    quicken(rig)
    scene_id = paused(rig)
    rig.plex.remove_item(rig.item_of(scene_id).rating_key)
    rig.configure(plex_token=TOKEN)

    assert rig.happened("job_retried", error="PlexNotFound")
    assert rig.wait_until(lambda: not note(rig))


def test_a_pause_ends_with_the_jobs_when_the_plugin_is_switched_off(rig: Rig) -> None:
    quicken(rig)
    paused(rig)
    postpone(rig, 99)

    rig.configure(enabled=False)

    assert rig.wait_until(lambda: not note(rig))
    assert rig.queued() == 1

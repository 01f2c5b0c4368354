"""View Queue Status and Outage Summary Report: what people read and what programs get."""

from __future__ import annotations

import time
from typing import Any

import pytest

from simulators.rig import Rig
from tests.e2e.answers import DAY, HOUR, MINUTE, asked, bury, opened, operation, story
from tests.e2e.test_dead_letter_tasks import outage, postpone, queue_of, write
from tests.golden import assert_golden
from tests.sync_queue.support import job

NEVER = {"runs": 0, "last_run_at": None, "scope": None, "startup_run": False, "scenes_checked": 0,
         "gaps": 0, "gaps_by_type": {"empty_metadata": 0, "stale_sync": 0, "missing": 0},
         "enqueued": 0, "under_way": None}  # fmt: skip


def test_a_quiet_house_is_told_in_one_line(rig: Rig) -> None:
    assert_golden("status", "Nothing waits", story(rig.task("queue_status")))


def trouble(rig: Rig) -> float:
    """An outage, a job that waits for its next try, dead letters, a past reconciliation."""
    now = time.time()
    postpone(rig, 1)
    bury(rig, 2, "PlexNotFound", "not there", now - HOUR)
    bury(rig, 3, "PlexNotFound", "not there", now - HOUR)
    bury(rig, 4, "SceneError", "the scene has no file", now - HOUR)
    began = now - HOUR - 5 * MINUTE - 30
    write(rig, "circuit_breaker.json", opened(now - 30 * MINUTE - 30))
    past = [outage(began - (9 - n) * DAY, began - (9 - n) * DAY + n * HOUR + 90, n)
            for n in range(1, 5)]  # fmt: skip
    write(rig, "outage_history.json", [*past, outage(began, None, 1)])
    write(rig, "recovery_state.json",
          {"recovery_count": 4, "last_recovery_time": now - 5 * DAY - 30,
           "last_check_time": now, "consecutive_failures": 9})  # fmt: skip
    write(rig, "stats.json", {"jobs_succeeded": 1234, "jobs_failed": 5, "jobs_to_dlq": 3})
    write(rig, "reconciliation_state.json",
          {"last_run_time": now - 2 * HOUR - 30, "last_run_scope": "24h", "last_gaps_found": 3,
           "last_gaps_by_type": {"empty_metadata": 1, "stale_sync": 2, "missing": 0},
           "last_enqueued": 3, "last_scenes_checked": 250, "is_startup_run": True,
           "run_count": 7})  # fmt: skip
    return began


def test_trouble_is_told_with_what_to_do_about_it(rig: Rig) -> None:
    trouble(rig)

    assert_golden("status", "Plex is away", story(rig.task("queue_status")))


def test_a_program_gets_all_of_it_with_stable_names_and_starts_no_worker(rig: Rig) -> None:
    began = trouble(rig)

    answer = asked(rig, "queue_status")

    now = answer["now"]
    assert rig.worker_pids() == []
    assert abs(now - time.time()) < 60
    assert answer == {
        "level": "fault",
        "text": answer["text"],
        "now": now,
        "queue": {"pending": 0, "in_progress": 0, "waiting_for_retry": 1,
                  "next_try_at": answer["queue"]["next_try_at"]},
        "done": {"completed": 1234, "failed_tries": 5, "dead_lettered": 3},
        "dead_letters": {"total": 3, "by_error_type": {"PlexNotFound": 2, "SceneError": 1}},
        "circuit_breaker": {"state": "open",
                            "opened_at": answer["circuit_breaker"]["opened_at"]},
        "recovery": answer["recovery"] | {"recoveries": 4},
        "reconciliation": {
            "runs": 7, "last_run_at": answer["reconciliation"]["last_run_at"], "scope": "24h",
            "startup_run": True, "scenes_checked": 250, "gaps": 3, "enqueued": 3,
            "gaps_by_type": {"empty_metadata": 1, "stale_sync": 2, "missing": 0},
            "under_way": None,
        },
        "outages": answer["outages"],
    }  # fmt: skip
    assert 2900 < answer["queue"]["next_try_at"] - now <= 3000
    assert now < answer["recovery"]["next_probe_at"] <= now + 60
    assert answer["outages"][0] == {"started_at": began, "ended_at": None, "duration_seconds": None,
                                    "scenes_waited": 1, "estimated": False}  # fmt: skip
    assert [one["scenes_waited"] for one in answer["outages"]] == [1, 4, 3]


def test_a_quiet_house_is_ok_to_a_program_and_all_members_are_there(rig: Rig) -> None:
    answer = asked(rig, "status")

    assert answer["level"] == "ok"
    assert answer["reconciliation"] == NEVER
    assert answer["circuit_breaker"] == {"state": "closed", "opened_at": None}
    assert answer["recovery"] == {"last_probe_at": None, "next_probe_at": None,
                                  "last_recovery_at": None, "recoveries": 0}  # fmt: skip
    assert answer["outages"] == []


def test_what_is_on_its_way_is_told_apart(rig: Rig) -> None:
    with queue_of(rig) as queue:
        queue.enqueue([job(1)])
        queue.claim(1)
        queue.enqueue([job(2), job(3)])
    answer = asked(rig, "queue_status")

    assert answer["queue"] == {"pending": 2, "in_progress": 1, "waiting_for_retry": 0,
                                      "next_try_at": None}  # fmt: skip
    assert rig.worker_pids() == []
    assert rig.queued() == 3


def test_an_edit_in_the_spool_counts_as_pending(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")
    spool = rig.data / "queue" / "spool"
    with queue_of(rig):
        spool.mkdir(exist_ok=True)
    (spool / f"{time.time_ns():020}-0000001-0000.metadata.scene_{scene_id}").touch()

    assert asked(rig, "status")["queue"]["pending"] == 1


# -- outages --------------------------------------------------------------------------------------


def two_outages(rig: Rig) -> float:
    began = float(int(time.time()) - HOUR - 5 * MINUTE - 30)
    first = began - 2 * DAY
    write(rig, "outage_history.json", [outage(first, first + HOUR, 12), outage(began, None, 3)])
    write(rig, "circuit_breaker.json", opened(began))
    return began


def test_the_outages_are_told_with_the_ongoing_one_and_what_to_do(rig: Rig) -> None:
    two_outages(rig)

    assert_golden("status", "Outages", story(rig.task("outage_summary")))


def test_a_program_gets_the_outages_newest_first_with_the_figures(rig: Rig) -> None:
    began = two_outages(rig)

    answer = asked(rig, "outages")

    ongoing = {"started_at": began, "ended_at": None, "duration_seconds": None,
               "scenes_waited": 3, "estimated": False}  # fmt: skip
    assert rig.worker_pids() == []
    assert answer == {
        "level": "fault",
        "text": answer["text"],
        "now": answer["now"],
        "tracked": 2,
        "completed": 1,
        "total_downtime_seconds": HOUR,
        "mttr_seconds": HOUR,
        "mtbf_seconds": 0.0,
        "availability_percent": 100.0,
        "ongoing": ongoing,
        "outages": [
            ongoing,
            {"started_at": began - 2 * DAY, "ended_at": began - 2 * DAY + HOUR,
             "duration_seconds": HOUR, "scenes_waited": 12, "estimated": False},
        ],
    }  # fmt: skip


# -- health ---------------------------------------------------------------------------------------


def test_a_healthy_plex_is_told_to_a_program(rig: Rig) -> None:
    answer = asked(rig, "health_check")

    assert answer["latency_seconds"] >= 0
    assert answer == {
        "level": "ok",
        "text": answer["text"],
        "reachable": True,
        "latency_seconds": answer["latency_seconds"],
        "token_accepted": True,
        "token_may_edit": True,
        "token_expires": False,
        "libraries": ["Scenes"],
        "libraries_in_plex": ["Scenes"],
        "library_choices": [{"name": "Scenes", "entry": "Scenes", "chosen": False}],
        "waiting": 0,
        "breaker_state": "closed",
    }


@pytest.mark.parametrize("away", ["down", "token", "library"])
def test_what_is_wrong_with_plex_is_an_answer_to_a_program_and_no_error(
    rig: Rig, away: str
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "token": {"plex_token": "wrong-token-000000"},
        "library": {"plex_library": "Flims"},
    }
    rig.configure(**changes.get(away, {}))
    if away == "down":
        rig.plex.stop()
    postpone(rig, 1)

    answer = asked(rig, "health_check")

    assert answer["level"] == "fault"
    assert answer["reachable"] is (away != "down")
    assert answer["token_accepted"] is {"down": None, "token": False, "library": True}[away]
    assert answer["libraries"] == []
    assert {"down": "plex_url", "token": "plex_token", "library": "plex_library"}[away] in answer[
        "text"
    ]
    assert rig.worker_pids() == []


def test_a_task_run_as_text_starts_the_worker_that_a_program_does_not(rig: Rig) -> None:
    postpone(rig, 1)

    operation(rig, "queue_status")
    without = rig.worker_pids()
    rig.task("queue_status")

    assert without == []
    assert len(rig.worker_pids()) == 1

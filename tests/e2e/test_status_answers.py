"""View Queue Status and Outage Summary Report: what people read and what programs get."""

import time
from typing import Any

from simulators.rig import TOKEN, Rig
from tests.e2e.answers import DAY, HOUR, MINUTE, asked, bury, story
from tests.e2e.test_dead_letter_tasks import CLOSED, open_breaker, outage, postpone, queue_of, write
from tests.golden import assert_golden, figures
from tests.sync_queue.support import job, spool

NEVER = {"runs": 0, "last_run_at": None, "scope": None, "startup_run": False, "scenes_checked": 0,
         "gaps": 0, "gaps_by_type": {"empty_metadata": 0, "stale_sync": 0, "missing": 0},
         "enqueued": 0, "under_way": None}  # fmt: skip


def trouble(rig: Rig) -> float:
    now = time.time()
    postpone(rig, 1)
    bury(rig, 2, "PlexNotFound", "not there", now - HOUR)
    bury(rig, 3, "PlexNotFound", "not there", now - HOUR)
    bury(rig, 4, "SceneError", "the scene has no file", now - HOUR)
    began = now - HOUR - 5 * MINUTE - 30
    write(rig, "circuit_breaker.json", open_breaker(now - 30 * MINUTE - 30))
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


def test_trouble_is_told_to_programs_and_to_people_with_what_to_do_about_it(rig: Rig) -> None:
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
    assert_golden("status", "Plex is away", story(rig.task("queue_status")))
    assert rig.the_worker(), "a task starts the worker that a program's question does not"


def test_a_quiet_house_is_ok_and_what_is_on_its_way_is_told_apart(rig: Rig) -> None:
    assert_golden("status", "Nothing waits", story(rig.task("queue_status")))
    answer = asked(rig, "status")

    assert answer["level"] == "ok"
    assert answer["reconciliation"] == NEVER
    assert answer["circuit_breaker"] == {"state": "closed", "opened_at": None}
    assert answer["recovery"] == {"last_probe_at": None, "next_probe_at": None,
                                  "last_recovery_at": None, "recoveries": 0}  # fmt: skip
    assert answer["outages"] == []

    with queue_of(rig) as queue:
        queue.enqueue([job(1)])
        queue.claim(1)
        queue.enqueue([job(2), job(3)])
    spool(rig.data / "queue", "metadata.scene_4")
    assert asked(rig, "queue_status")["queue"] == {
        "pending": 3, "in_progress": 1, "waiting_for_retry": 0, "next_try_at": None
    }  # fmt: skip
    assert rig.worker_pids() == []
    assert rig.wait_until(lambda: rig.queued() == 4)


def test_outages_are_told_newest_first_with_their_figures_and_what_to_do(rig: Rig) -> None:
    began = float(int(time.time()) - HOUR - 5 * MINUTE - 30)
    write(rig, "circuit_breaker.json", open_breaker(began))
    write(rig, "outage_history.json", [outage(began, None, 3)])
    assert asked(rig, "outages")["text"].startswith("1 outage of Plex; the latest began ")
    first = began - 2 * DAY
    write(rig, "outage_history.json", [outage(first, first + HOUR, 12), outage(began, None, 3)])

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
            {"started_at": first, "ended_at": first + HOUR,
             "duration_seconds": HOUR, "scenes_waited": 12, "estimated": False},
        ],
    }  # fmt: skip
    assert_golden("status", "Outages", story(rig.task("outage_summary")))

    rig.stop_worker()  # it would write the state of the breaker, too
    write(rig, "circuit_breaker.json", CLOSED)
    over = rig.task("outage_summary")
    assert figures(over.output)[:2] == [2, 2]
    assert "and continues" not in "\n".join(over.messages("info"))


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


def test_a_fault_of_plex_is_an_answer_to_a_program_and_no_error(rig: Rig) -> None:
    postpone(rig, 1)
    wrong: dict[str, tuple[dict[str, Any], bool | None]] = {
        "plex_token": ({"plex_token": "wrong-token-000000"}, False),
        "plex_library": ({"plex_token": TOKEN, "plex_library": "Flims"}, True),
        "plex_url": ({"plex_library": ""}, None),
    }
    for setting, (change, is_accepted) in wrong.items():
        rig.configure(**change)
        if setting == "plex_url":
            rig.plex.stop()

        answer = asked(rig, "health_check")

        assert answer["level"] == "fault"
        assert answer["reachable"] is (setting != "plex_url")
        assert answer["token_accepted"] is is_accepted
        assert answer["libraries"] == []
        assert setting in answer["text"]
        assert rig.worker_pids() == []

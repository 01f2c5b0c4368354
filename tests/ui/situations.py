"""States of the plugin that a page has to show, put into a rig's data folder."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulators.rig import PLUGIN, Rig
from sync_queue.dlq import Failure
from tests.e2e.test_dead_letter_tasks import queue_of, write
from tests.sync_queue.support import job

HOUR = 3600.0
LATER = 3_000.0  # seconds: no test lasts so long, and a worker leaves it alone


def ask(rig: Rig, mode: str, **arguments: Any) -> dict[str, Any]:
    result = rig.stash.run_operation(PLUGIN, {"mode": mode, "format": "json", **arguments})
    assert result.error is None, result.error
    assert isinstance(result.output, dict)
    return result.output


def refused(rig: Rig, mode: str, **arguments: Any) -> str:
    result = rig.stash.run_operation(PLUGIN, {"mode": mode, "format": "json", **arguments})
    assert result.error is not None
    return result.error


def wait_in_queue(rig: Rig, scene_ids: list[int], error: str | None = "PlexTemporaryError") -> None:
    now = time.time()
    jobs = [
        replace(
            job(one, at=now - 60), next_retry_at=now + LATER, last_error_type=error, retry_count=2
        )
        for one in scene_ids
    ]
    with queue_of(rig) as queue, queue.transaction():
        queue.connection.executemany(
            "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, ?, 0)",
            [(one.encoded(), now) for one in jobs],
        )


def bury(rig: Rig, scene_ids: list[int], error_type: str, message: str) -> None:
    at = time.time() - HOUR
    with queue_of(rig) as queue, queue.transaction():
        for one in scene_ids:
            dead = job(one, at=at)
            queue.dead_letters.add(dead, Failure(error_type, message), at)


def outage_now(rig: Rig, since: float) -> None:
    rig.plex.stop()
    breaker = {"state": "open", "failure_count": 5, "success_count": 0, "opened_at": since}
    write(rig, "circuit_breaker.json", breaker)
    past = [
        {"started_at": since - 50 * HOUR, "ended_at": since - 49 * HOUR, "duration": HOUR,
         "jobs_affected": 12},
        {"started_at": since - 20 * HOUR, "ended_at": since - 19.9 * HOUR, "duration": 360.0,
         "jobs_affected": 3},
    ]  # fmt: skip
    write(rig, "outage_history.json", [*past, {"started_at": since, "ended_at": None,
                                               "duration": None, "jobs_affected": 5}])  # fmt: skip


def busy_day(rig: Rig) -> None:
    hour = time.time() // HOUR * HOUR
    hours = []
    for ago in range(23, -1, -1):
        synced = (ago * 7) % 23
        hours.append(
            {
                "hour": hour - ago * HOUR,
                "synced": synced,
                "failed": int(ago == 5) * 4,
                "seconds": synced * 0.4,
                "arrived": synced,
                "waited": synced * (0.9 + ago % 5),
                "longest": 6.0 + ago,
            }
        )
    write(rig, "stats.json", {"jobs_succeeded": 230, "hours": hours})


def something_of_everything(rig: Rig) -> dict[str, dict[str, Any]]:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: rig.verdict().agree and rig.queued() == 0)
    rig.stop_worker()
    busy_day(rig)
    rig.plex.add_section("Clips, short", ["/media/clips"])
    other, _ = rig.add_pair("two", title="Two", details="What happens.")
    dry_run = ask(rig, "reconcile_recent", dry_run=True)
    rig.item_of(scene_id).title = "Something else"
    found = {mode: ask(rig, mode, scene_id=scene_id) for mode in ("scene_status", "inspect")}
    connection = ask(rig, "test_connection")
    wait_in_queue(rig, [other], "PlexNotFound")
    bury(rig, [4, 5], "SceneError", "the scene has no file")
    bury(rig, [6], "PlexAmbiguousMatch", "2 files of Plex could be it")
    outage_now(rig, time.time() - 60)
    doctor = ask(rig, "doctor")
    (rig.data / "circuit_breaker.json").unlink()
    overview = ask(rig, "overview")
    return {
        "overview": overview,
        "wake": {"text": "", "state": overview["state"]},
        "reconcile_recent": dry_run,
        "doctor": doctor,
        "test_connection": connection,
        **found,
    }


# -- each state of the one sentence --------------------------------------------------------------


def in_step(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: rig.verdict().agree and rig.queued() == 0)


def on_the_way(rig: Rig) -> None:
    wait_in_queue(rig, rig.add_library(2, covers=False))


def needs_you(rig: Rig) -> None:
    bury(rig, [1, 2], "PlexPermanentError", "Plex refused the title")


def disabled(rig: Rig) -> None:
    rig.configure(enabled=False)


def down(rig: Rig) -> float:
    since = time.time() - 60
    wait_in_queue(rig, rig.add_library(3, covers=False))
    outage_now(rig, since)
    return since


def paused(rig: Rig) -> None:
    rig.configure(plex_token="wrong-token-000000")
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: bool(ask(rig, "overview")["state"]["kind"] == "paused"))


def unconfigured(rig: Rig) -> None:
    rig.configure(plex_url="")


STATES: Mapping[str, Callable[[Rig], object]] = {
    "new": lambda _rig: None,
    "in-step": in_step,
    "on-the-way": on_the_way,
    "needs-you": needs_you,
    "disabled": disabled,
    "down": down,
    "paused": paused,
    "unconfigured": unconfigured,
}

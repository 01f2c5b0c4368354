"""Outages of every kind: edits are kept, a dead server is left in peace, and all arrives after."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulators.plex import FakePlex, Request
from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from simulators.tuning import Tuning
from sync_queue.database import connect
from sync_queue.operations import METADATA, enqueue, scene_job
from tests.certificates import make_certificate
from tests.conftest import MakeRig

SOAK = bool(os.environ.get("SOAK"))
EDITS = 200 if SOAK else 60  # more than a batch
SHORTEST_PROBE = 0.2  # seconds


@dataclass(frozen=True)
class Kind:
    """How Plex is away, and how it comes back."""

    begin: Callable[[FakePlex], object]
    end: Callable[[FakePlex], object]


def _end_of_faults(plex: FakePlex) -> None:
    plex.faults.clear()
    plex.cut_connections()


KINDS = {
    "refused": Kind(FakePlex.stop, FakePlex.start),
    "hanging": Kind(lambda plex: plex.faults.hang(), _end_of_faults),
    "maintenance": Kind(
        lambda plex: plex.maintenance(on=True), lambda plex: plex.maintenance(on=False)
    ),
    "500 on everything": Kind(lambda plex: plex.faults.status(500), _end_of_faults),
    "200 with HTML": Kind(lambda plex: plex.faults.html(), _end_of_faults),
    "half bodies": Kind(lambda plex: plex.faults.truncate(), _end_of_faults),
}


def quicken(rig: Rig) -> None:
    """Make the plugin look after Plex a few times a second."""
    rig.tune(
        Tuning(
            shortest_probe=SHORTEST_PROBE,
            longest_probe=0.5,
            first_pause=0.2,
            longest_pause=0.5,
            settings_look=0.5,
        )
    )


def state(rig: Rig, name: str) -> Any:
    """The content of a state file."""
    return json.loads((rig.data / name).read_text())


def jobs(rig: Rig) -> list[dict[str, object]]:
    """The jobs that wait or are in progress."""
    with rig.database() as database:
        rows = database.execute("SELECT data FROM ack_queue_default").fetchall()
    return [json.loads(row[0]) for row in rows]


def quicken_all(rig: Rig) -> None:
    """On top of that, let health checks give up soon, and 200 scenes follow each other quickly."""
    quicken(rig)
    rig.tune(Tuning(identity_timeout=(0.5, 0.5), first_rate=100.0, last_rate=400.0))


def bulk_edit(rig: Rig, ids: list[int], tag: str, *, hooks: bool) -> None:
    """Edit all these scenes, with a hook's process for each, or with one for the last.

    The others then are put into the queue by the function that their hooks would call.
    """
    last = ids if hooks else ids[-1:]
    if not hooks:
        for scene_id in ids[:-1]:
            rig.stash.update_scene(scene_id, tags=[tag])
        (rig.data / "queue").mkdir(mode=0o700, parents=True, exist_ok=True)
        database = connect(str(rig.data / "queue" / "data.db"))
        now = time.time()
        enqueue(database, [scene_job(one, METADATA, now) for one in ids[:-1]], now)
        database.close()
    runs = rig.stash.edit_scenes(last, tags=[tag])
    assert [run.result.output for run in runs] == ["queued"] * len(last)


def assert_nothing_spent(rig: Rig) -> None:
    assert {(job["retry_count"], job["last_error_type"]) for job in jobs(rig)} == {(0, None)}


def assert_left_in_peace(requests: list[Request]) -> None:
    """What was asked of a dead server: whether it is there, now and then."""
    assert {request.kind for request in requests} <= {"identity"}
    assert all(later.at - one.at >= 0.9 * SHORTEST_PROBE for one, later in pairwise(requests))


CASES = [
    (name, killed, False)
    for number, name in enumerate(KINDS)
    for killed in ((False, True) if SOAK else (number % 2 == 0,))
]


@pytest.mark.parametrize(
    ("name", "killed", "hooks"),
    [*CASES, ("maintenance", False, True)],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_after_any_outage_all_edits_arrive_without_a_task_and_without_a_retry_spent(
    make_rig: MakeRig, name: str, killed: bool, hooks: bool
) -> None:
    kind = KINDS[name]
    rig = make_rig(settings={"read_timeout": 5})
    quicken_all(rig)
    ids = rig.add_library(EDITS, covers=False)
    kind.begin(rig.plex)

    bulk_edit(rig, ids, "During the outage", hooks=hooks)
    assert rig.happened("plex_down", timeout=60)
    begun = time.time()
    mark = rig.plex.log.mark()
    if killed:
        rig.stop_worker()
    elif name != "refused":
        assert rig.wait_until(lambda: len(rig.plex.log.since(mark)) >= 2)
    assert len(jobs(rig)) == EDITS
    assert_nothing_spent(rig)
    assert_left_in_peace(rig.plex.log.since(mark))
    back = time.time()
    kind.end(rig.plex)
    if killed:
        rig.stash.edit_scene(ids[0], title="The next hook picks everything up")

    assert rig.happened("plex_back", timeout=60)
    assert rig.wait_until(lambda: rig.queued() == 0, 90)
    assert rig.verdict().agree, rig.verdict().differences[:3]
    (record,) = state(rig, "outage_history.json")
    assert record["started_at"] <= begun
    assert record["ended_at"] >= back
    assert record["duration"] == record["ended_at"] - record["started_at"]
    assert record["jobs_affected"] == EDITS
    with rig.database() as database:
        assert database.execute("SELECT COUNT(*) FROM dead_letters").fetchone() == (0,)


def shift_clock(rig: Rig, seconds: float) -> None:
    """Set the clock of all processes of the plugin, those that run included."""
    shift = rig.stash.root / "clock-shift"
    fresh = shift.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(shift)


def give_own_clock(rig: Rig) -> None:
    """Let the installed plugin's processes read the clock through a file that `shift_clock` sets.

    `time.time` is replaced before the plugin is imported.
    """
    shift = str(rig.stash.root / "clock-shift")
    shift_clock(rig, 0.0)
    rig.alter(time, _shift_clock, shift=shift)


def _shift_clock(shift: str) -> None:
    true_time = time.time

    def shifted() -> float:
        with open(shift) as file:
            return true_time() + float(file.read())

    time.time = shifted


SHIFTS = {"an hour back": -3600.0, "an hour ahead": 3600.0, "a year": 365 * 86400.0}


@pytest.mark.parametrize(
    ("seconds", "killed"),
    [
        pytest.param(seconds, killed, id=f"{name}, worker {'killed' if killed else 'lives'}")
        for number, (name, seconds) in enumerate(SHIFTS.items())
        for killed in ((False, True) if SOAK else (number % 2 == 0,))
    ],
)
def test_the_clock_may_be_set_in_an_outage(rig: Rig, seconds: float, killed: bool) -> None:
    quicken_all(rig)
    give_own_clock(rig)
    ids = rig.add_library(20, covers=False)
    rig.plex.maintenance(on=True)
    bulk_edit(rig, ids[:-1], "Before the step", hooks=False)
    assert rig.happened("plex_down", timeout=60)
    (open_record,) = state(rig, "outage_history.json")
    mark = rig.plex.log.mark()

    shift_clock(rig, seconds)
    if killed:
        rig.stop_worker()
    bulk_edit(rig, ids[-1:], "After the step", hooks=True)

    assert rig.wait_until(lambda: len(rig.plex.log.since(mark)) >= 3)
    assert_nothing_spent(rig)
    asked = [one for one in rig.plex.log.since(mark) if one.kind == "identity"]
    if not killed:
        assert_left_in_peace(rig.plex.log.since(mark))
    true_length = time.time() - open_record["started_at"]
    rig.plex.maintenance(on=False)
    assert rig.happened("plex_back", timeout=60)
    assert rig.wait_until(lambda: rig.queued() == 0, 90)
    assert rig.verdict().agree, rig.verdict().differences[:3]
    (record,) = state(rig, "outage_history.json")
    assert record["jobs_affected"] == len(ids)
    assert len(asked) >= 2
    if killed:  # nobody saw the clock being set: what is left is that it cannot be below nothing
        assert record["duration"] >= 0
    else:
        assert true_length <= record["duration"] <= time.time() - open_record["started_at"] + 1
    with rig.database() as database:
        assert database.execute("SELECT COUNT(*) FROM dead_letters").fetchone() == (0,)


def test_a_dead_server_gets_a_probe_now_and_then_and_nothing_else(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(4, covers=False)
    rig.plex.maintenance(on=True)
    rig.stash.edit_scenes(ids, tags=["T"])
    assert rig.happened("plex_down", timeout=60)
    mark = rig.plex.log.mark()

    assert rig.wait_until(lambda: len(rig.plex.log.since(mark)) >= 5)

    asked = rig.plex.log.since(mark)
    assert {request.kind for request in asked} == {"identity"}
    gaps = [later.at - one.at for one, later in pairwise(asked)]
    assert min(gaps) >= SHORTEST_PROBE


def test_a_wrong_token_is_one_message_no_dead_letter_and_everything_drains_once_it_is_right(
    rig: Rig,
) -> None:
    quicken(rig)
    ids = rig.add_library(8, covers=False)
    rig.configure(plex_token="wrong-token-000000")

    rig.stash.edit_scenes(ids, tags=["T"])
    assert rig.happened("sync_paused", error="PlexAuthError")
    rig.configure(plex_token=TOKEN)

    assert rig.settled(60), rig.verdict().differences[:3]
    assert len(rig.events("sync_paused")) == 1
    assert rig.wait_until(lambda: rig.queued() == 0)
    with rig.database() as database:
        assert database.execute("SELECT COUNT(*) FROM dead_letters").fetchone() == (0,)
    assert not (rig.data / "outage_history.json").exists()


def test_a_token_that_may_not_edit_pauses_and_says_which_one_is_needed(make_rig: MakeRig) -> None:
    rig = make_rig()
    quicken(rig)
    fault = rig.plex.faults.status(403, kind="edit")
    scene_id, item = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="T")
    assert rig.happened("sync_paused", error="PlexPermissionError")
    assert [job["retry_count"] for job in jobs(rig)] == [0]
    fault.clear()

    assert rig.wait_until(lambda: item.title == "T")


def test_a_redirect_is_not_followed_and_names_its_remedy(rig: Rig) -> None:
    quicken(rig)
    fault = rig.plex.faults.redirect("https://elsewhere.example/", 301)
    scene_id, item = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="T")
    assert rig.happened("sync_paused", error="PlexRedirectError")
    fault.clear()

    assert rig.wait_until(lambda: item.title == "T")


@pytest.mark.parametrize("trust", ["its file", "off"])
def test_a_certificate_that_nobody_trusts_is_told_with_its_remedy_and_can_be_trusted(
    make_rig: MakeRig, tmp_path: Path, trust: str
) -> None:
    rig = make_rig()
    quicken(rig)
    certificate = make_certificate(tmp_path, "IP:127.0.0.1")
    with FakePlex(token=TOKEN, tls=certificate.context) as plex:
        item = plex.add_item(plex.add_section("Scenes", [FOLDER]), f"{FOLDER}/a.mp4")
        scene_id, _ = rig.add_pair("a", tags=["T"])
        rig.stash.set_plugin_settings(PLUGIN, {"plex_url": plex.url, "plex_token": TOKEN})
        rig.stash.edit_scene(scene_id, title="T")
        assert rig.happened("sync_paused", error="PlexTlsError")

        trusting = {"plex_verify_tls": "off" if trust == "off" else str(certificate.file)}
        rig.stash.set_plugin_settings(
            PLUGIN, {"plex_url": plex.url, "plex_token": TOKEN, **trusting}
        )

        assert rig.wait_until(lambda: item.title == "T")
        assert bool(rig.events("tls_unverified")) is (trust == "off")
        rig.stop_worker()


def test_stash_being_away_is_no_outage_of_plex(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    rig.plex.stop()
    rig.stash.edit_scenes(ids, tags=["T"])
    rig.stop_worker()
    rig.plex.start()
    for name in ("circuit_breaker.json", "outage_history.json"):
        (rig.data / name).unlink(missing_ok=True)
    rig.stash.stop()
    rig.stash.edit_scene(ids[0], title="Stash is busy with something else")
    assert rig.happened("sync_paused", kind="stash")

    rig.stash.start()

    assert rig.settled(60), rig.verdict().differences[:3]
    assert not (rig.data / "outage_history.json").exists()


def test_an_update_under_a_living_worker_hands_over_to_the_new_version(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Old")
    assert rig.wait_until(lambda: item.title == "Old")
    (old,) = rig.worker_pids()
    rig.update_plugin()

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.wait_until(lambda: item.title == "New")
    assert rig.wait_until(lambda: old not in rig.worker_pids())
    assert rig.happened("worker_ended", outcome="updated")


def test_a_scene_that_plex_gets_later_is_synced_soon_after_it_is_there(rig: Rig) -> None:
    rig.tune(Tuning(refresh_interval=0.5))
    scene = rig.stash.add_scene(files=[f"{FOLDER}/late.mp4"], tags=["T"])
    rig.stash.edit_scene(scene.id, title="Late")
    assert rig.happened("job_retried", error="PlexNotFound")

    item = rig.plex.add_item(rig.section, f"{FOLDER}/late.mp4")
    rig.section.content_changed_at += 1

    assert rig.wait_until(lambda: item.title == "Late")


def test_a_damaged_database_is_set_aside_and_the_edit_that_found_it_is_kept(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and rig.queued() == 0)
    rig.stop_worker()
    for path in (rig.data / "queue").glob("data.db*"):
        path.write_bytes(b"this is no database, it only has its name " * 200)

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.wait_until(lambda: item.title == "Two")
    assert len(list((rig.data / "queue").glob("data.db.corrupt-*"))) >= 1


def test_what_was_waiting_in_a_damaged_database_is_found_again(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    lost_id, lost = rig.add_pair("b", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and rig.queued() == 0)
    rig.stop_worker()
    rig.stash.update_scene(lost_id, title="Lost")  # an edit whose job was in the database
    for path in (rig.data / "queue").glob("data.db*"):
        path.write_bytes(b"this is no database, it only has its name " * 200)

    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: (item.title, lost.title) == ("Two", "Lost"))
    assert rig.wait_until(lambda: not (rig.data / "queue" / "rebuilt.json").exists())


def test_what_was_waiting_in_a_database_that_was_emptied_is_found_again(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    lost_id, lost = rig.add_pair("b", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and rig.queued() == 0)
    rig.stop_worker()
    rig.stash.update_scene(lost_id, title="Lost")  # an edit whose job was in the database
    (rig.data / "queue" / "data.db-wal").unlink(missing_ok=True)
    (rig.data / "queue" / "data.db").write_bytes(b"")

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.wait_until(lambda: (item.title, lost.title) == ("Two", "Lost"))


def test_an_edit_beside_a_newer_versions_database_arrives_once_that_is_back(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    other_id, other = rig.add_pair("b", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and rig.queued() == 0)
    rig.stop_worker()
    with rig.database() as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute("PRAGMA user_version=99")

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.happened("worker_unusable")
    assert rig.wait_until(lambda: not rig.worker_pids())
    assert rig.queued() == 1
    with rig.database() as database:
        database.execute(f"PRAGMA user_version={version}")
    rig.stash.edit_scene(other_id, title="Three")
    assert rig.wait_until(lambda: (item.title, other.title) == ("Two", "Three"))


def test_an_edit_beside_a_locked_database_is_kept_and_taken_in(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: item.title == "One" and rig.queued() == 0)
    rig.stop_worker()
    with rig.database() as database:
        database.execute("BEGIN IMMEDIATE")
        run = rig.stash.edit_scene(scene_id, title="Two")[0].result
        database.execute("ROLLBACK")

    assert run.output == "queued"
    assert rig.wait_until(lambda: item.title == "Two" and rig.queued() == 0)


def test_an_index_that_cannot_be_used_is_named_and_not_the_queue(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    (rig.data / "library.db").mkdir(parents=True)

    rig.stash.edit_scene(scene_id, title="One")

    assert rig.happened("sync_paused", kind="database")
    (paused,) = rig.events("sync_paused")
    assert "library.db" in paused["reason"]
    assert "The index of Plex's files (library.db)" in str(rig.task("check_paths").error)
    (rig.data / "library.db").rmdir()
    assert rig.wait_until(lambda: item.title == "One")


def test_a_damaged_index_of_plexs_files_is_made_anew_and_costs_no_edit(rig: Rig) -> None:
    ids = rig.add_library(40, covers=False)
    rig.stash.edit_scenes(ids, tags=["One"])
    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    index = rig.data / "library.db"
    with closing(sqlite3.connect(index)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(index.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # every page but that of the schema
    index.write_bytes(content)

    rig.stash.edit_scene(ids[0], title="Two")

    assert rig.wait_until(lambda: rig.item_of(ids[0]).title == "Two")
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.events("index_rebuilt")
    assert not list((rig.data / "queue").glob("data.db.corrupt-*"))


@pytest.mark.parametrize("own_fault", [True, False], ids=["of the scene", "of nothing"])
def test_a_scene_that_fails_before_plex_is_asked_says_nothing_about_plex(
    rig: Rig, own_fault: bool
) -> None:
    failures = 4
    rig.data.mkdir(mode=0o700)
    breaker = {"state": "closed", "failure_count": failures, "success_count": 0, "opened_at": None}
    (rig.data / "circuit_breaker.json").write_text(json.dumps(breaker))
    files = [] if own_fault else [f"{FOLDER}/a.mp4"]
    scene = rig.stash.add_scene(files=files, tags=["T"])
    if files:
        rig.plex.add_item(rig.section, files[0])

    rig.stash.edit_scene(scene.id, title="T")

    assert rig.happened("job_dead_lettered" if own_fault else "scene_synced")
    assert rig.wait_until(lambda: rig.queued() == 0)
    counted = failures if own_fault else 0
    assert rig.wait_until(lambda: state(rig, "circuit_breaker.json")["failure_count"] == counted)

"""Outages of every kind: edits are kept, a dead server is left in peace, and all arrives after."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulators.plex import FakePlex, Request
from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from simulators.stash import VideoFile
from simulators.tuning import Tuning
from sync_queue.database import connect
from sync_queue.operations import METADATA, enqueue, scene_job
from tests.certificates import make_certificate
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, settle, sync_all, sync_title, synced_pair

SOAK = bool(os.environ.get("SOAK"))
EDITS = 200 if SOAK else 60  # more than a batch
SHORTEST_PROBE = 0.2  # seconds


def _end_of_faults(plex: FakePlex) -> None:
    plex.faults.clear()
    plex.cut_connections()


# How Plex is away: what begins it, and what ends it.
KINDS: dict[str, tuple[Callable[[FakePlex], object], Callable[[FakePlex], object]]] = {
    "refused": (FakePlex.stop, FakePlex.start),
    "hanging": (lambda plex: plex.faults.hang(), _end_of_faults),
    "maintenance": (
        lambda plex: plex.maintenance(on=True),
        lambda plex: plex.maintenance(on=False),
    ),
    "500 on everything": (lambda plex: plex.faults.status(500), _end_of_faults),
    "200 with HTML": (lambda plex: plex.faults.html(), _end_of_faults),
    "half bodies": (lambda plex: plex.faults.truncate(), _end_of_faults),
}


def quicken(rig: Rig) -> None:
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
    return json.loads((rig.data / name).read_text())


def jobs(rig: Rig) -> list[dict[str, object]]:
    with rig.database() as database:
        rows = database.execute("SELECT data FROM ack_queue_default").fetchall()
    return [json.loads(row[0]) for row in rows]


def quicken_all(rig: Rig) -> None:
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
    assert {request.kind for request in requests} <= {"identity"}
    assert all(later.at - one.at >= 0.9 * SHORTEST_PROBE for one, later in pairwise(requests))


CASES = [
    (name, killed)
    for number, name in enumerate(KINDS)
    for killed in ((False, True) if SOAK else (number % 2 == 0,))
]


@pytest.mark.parametrize(("name", "killed"), CASES, ids=str)
def test_all_edits_arrive_after_any_outage(make_rig: MakeRig, name: str, killed: bool) -> None:
    begin, end = KINDS[name]
    rig = make_rig(settings={"read_timeout": 5})
    quicken_all(rig)
    ids = rig.add_library(EDITS, covers=False)
    begin(rig.plex)

    bulk_edit(rig, ids, "During the outage", hooks=name == "500 on everything")
    assert rig.happened("plex_down", timeout=60)
    begun = time.time()
    mark = rig.plex.log.mark()
    if killed:
        rig.stop_worker()
    else:
        assert rig.wait_until(lambda: len(rig.plex.log.since(mark)) >= 3)
    assert len(jobs(rig)) == EDITS
    assert_nothing_spent(rig)
    assert_left_in_peace(rig.plex.log.since(mark))
    back = time.time()
    end(rig.plex)
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
    assert dead_scenes(rig) == set()


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
    assert dead_scenes(rig) == set()


Cure = Callable[[], object]


def _wrong_setting(name: str, value: str) -> Callable[[Rig], Cure]:
    def begin(rig: Rig) -> Cure:
        sound = rig.stash.plugin_settings(PLUGIN)[name]
        rig.configure(**{name: value})
        return lambda: rig.configure(**{name: sound})

    return begin


def _expired_token(rig: Rig) -> Cure:
    expired = rig.plex.faults.status(498, predicate=lambda asked: asked.kind != "identity")

    def cure() -> None:
        token = "a-new-token-0123456789"
        rig.configure(plex_token=token)
        rig.plex.token = token
        expired.clear()  # last: until then each try meets the same error

    return cure


# What pauses the sync until a person acts: the error, what `health_check` names, the fault.
PAUSES: dict[str, tuple[str, str, Callable[[Rig], Cure]]] = {
    "a wrong token": ("PlexAuthError", "plex_token", _wrong_setting("plex_token", "wrong-token-0")),
    "an expired token": ("PlexTokenExpired", "498", _expired_token),
    "a token that may not edit": (
        "PlexPermissionError", "", lambda rig: rig.plex.faults.status(403, kind="edit").clear
    ),
    "a redirect": (
        "PlexRedirectError", "elsewhere.example",
        lambda rig: rig.plex.faults.redirect("https://elsewhere.example/", 301).clear,
    ),
    "a malformed token": ("ConfigFault", "plex_token", _wrong_setting("plex_token", "shrt-tkn")),
    "a malformed address": ("ConfigFault", "plex_url", _wrong_setting("plex_url", "plex:32400")),
}  # fmt: skip


@pytest.mark.parametrize("name", PAUSES)
def test_a_fault_that_a_person_must_correct_pauses_the_sync(rig: Rig, name: str) -> None:
    error, named, begin = PAUSES[name]
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    cure = begin(rig)

    runs = rig.stash.edit_scenes(ids, tags=["T"])
    assert rig.happened("sync_paused", error=error)
    assert [run.result.output for run in runs] == ["queued"] * 3
    assert rig.wait_until(lambda: rig.queued() == 3)
    assert_nothing_spent(rig)
    if named:
        assert named in str(rig.task("health_check").error)
    cure()

    settle(rig)
    # A try with the old token may still be refused, with another error, after the new token is set.
    assert len(rig.events("sync_paused", error=error)) == 1
    assert dead_scenes(rig) == set()
    assert not (rig.data / "outage_history.json").exists()


def test_a_certificate_pauses_the_sync_until_it_is_trusted(rig: Rig, tmp_path: Path) -> None:
    quicken(rig)
    certificate = make_certificate(tmp_path, "IP:127.0.0.1")
    with FakePlex(token=TOKEN, tls=certificate.context) as plex:
        item = plex.add_item(plex.add_section("Scenes", [FOLDER]), f"{FOLDER}/a.mp4")
        scene_id, _ = rig.add_pair("a", tags=["T"])
        rig.configure(plex_url=plex.url)
        rig.stash.edit_scene(scene_id, title="By its file")
        assert rig.happened("sync_paused", error="PlexTlsError")

        rig.configure(plex_verify_tls=str(certificate.file))
        assert rig.wait_until(lambda: item.title == "By its file" and rig.queued() == 0)
        assert rig.events("tls_unverified") == []

        rig.configure(plex_verify_tls="off")
        rig.stash.edit_scene(scene_id, title="Unverified")
        assert rig.wait_until(lambda: item.title == "Unverified")
        assert rig.events("tls_unverified")
        rig.stop_worker()


def test_stash_being_away_is_no_outage_of_plex(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    rig.stash.stop()
    rig.stash.edit_scenes(ids, tags=["T"])
    assert rig.happened("sync_paused", kind="stash")

    rig.stash.start()

    assert rig.settled(60), rig.verdict().differences[:3]
    assert not (rig.data / "outage_history.json").exists()


def test_an_update_under_a_living_worker_hands_over_to_the_new_version(rig: Rig) -> None:
    scene_id, item = synced_pair(rig)
    (old,) = rig.worker_pids()
    rig.update_plugin()

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.wait_until(lambda: item.title == "New")
    assert rig.wait_until(lambda: old not in rig.worker_pids())
    assert rig.happened("worker_ended", outcome="updated")


@pytest.mark.parametrize("stash", [FOLDER, "/data/x"], ids=["by its path", "by name and size"])
def test_a_scene_that_plex_gets_later_is_synced_soon_after(rig: Rig, stash: str) -> None:
    rig.tune(Tuning(refresh_interval=0.5, not_found_back_off=600.0))
    rig.plex.add_item(rig.section, f"{FOLDER}/other.mp4", size=10)
    scene = rig.stash.add_scene(files=[VideoFile(f"{stash}/late.mp4", size=11)], tags=["T"])
    rig.stash.edit_scene(scene.id, title="Late")
    assert rig.happened("job_retried", error="PlexNotFound")

    item = rig.plex.add_item(rig.section, f"{FOLDER}/late.mp4", size=11)
    rig.section.content_changed_at += 1

    assert rig.wait_until(lambda: item.title == "Late")


@pytest.mark.parametrize("content", [b"this is no database " * 400, b""], ids=["damaged", "empty"])
def test_what_waited_in_a_database_that_is_lost_is_found_again(rig: Rig, content: bytes) -> None:
    scene_id, item = synced_pair(rig)
    lost_id, lost = rig.add_pair("b", tags=["T"])
    rig.stop_worker()
    rig.stash.update_scene(lost_id, title="Lost")  # an edit whose job was in the database
    for name in ("data.db", "data.db-wal"):
        (rig.data / "queue" / name).write_bytes(content)

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.wait_until(lambda: (item.title, lost.title) == ("Two", "Lost"))
    assert rig.wait_until(lambda: not (rig.data / "queue" / "rebuilt.json").exists())
    assert bool(list((rig.data / "queue").glob("data.db.corrupt-*"))) is bool(content)


def test_an_edit_beside_a_newer_versions_database_arrives_once_that_is_back(rig: Rig) -> None:
    """A worker of the older version ends: a living one, and each that starts."""
    scene_id, item = synced_pair(rig)
    other_id, other = rig.add_pair("b", tags=["T"])
    with rig.database() as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute("BEGIN IMMEDIATE")
        database.execute("PRAGMA user_version=99")
        os.utime(rig.manifest.directory / "Stash2Plex.py", (1.0, 1.0))  # another version, put back
        database.execute("COMMIT")  # an idle worker looks for other files when the queue changes
    assert rig.happened("worker_unusable")
    assert rig.wait_until(lambda: not rig.worker_pids())

    run = rig.stash.edit_scene(scene_id, title="Two")[0].result

    assert run.output == "queued"
    assert rig.happened("worker_unusable", count=2)
    assert rig.events("worker_failed", "bug") == []
    assert rig.wait_until(lambda: not rig.worker_pids())
    assert rig.wait_until(lambda: rig.queued() == 1)
    with rig.database() as database:
        database.execute(f"PRAGMA user_version={version}")
    rig.stash.edit_scene(other_id, title="Three")
    assert rig.wait_until(lambda: (item.title, other.title) == ("Two", "Three"))


def test_an_index_that_cannot_be_used_is_named_and_not_the_queue(rig: Rig) -> None:
    quicken(rig)
    scene_id, item = rig.add_pair("a", tags=["T"])
    (rig.data / "library.db").mkdir(parents=True)

    rig.stash.edit_scene(scene_id, title="One")

    assert rig.happened("sync_paused", kind="database")
    (paused,) = rig.events("sync_paused")
    assert "library.db" in paused["reason"]
    assert "library.db" in str(rig.task("check_paths").error)
    (rig.data / "library.db").rmdir()
    assert rig.wait_until(lambda: item.title == "One")


def test_a_damaged_index_of_plexs_files_is_made_anew_and_costs_no_edit(rig: Rig) -> None:
    ids = rig.add_library(40, covers=False)
    sync_all(rig)
    rig.stop_worker()
    index = rig.data / "library.db"
    with closing(sqlite3.connect(index)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(index.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # every page but that of the schema
    index.write_bytes(content)

    sync_title(rig, ids[0], "Two")

    assert rig.events("index_rebuilt")
    assert not list((rig.data / "queue").glob("data.db.corrupt-*"))


def test_only_a_scene_of_which_plex_was_asked_says_something_about_plex(rig: Rig) -> None:
    rig.data.mkdir(mode=0o700)
    breaker = {"state": "closed", "failure_count": 4, "success_count": 0, "opened_at": None}
    (rig.data / "circuit_breaker.json").write_text(json.dumps(breaker))

    def failures() -> int:
        return int(state(rig, "circuit_breaker.json")["failure_count"])

    rig.stash.edit_scene(rig.stash.add_scene(tags=["T"]).id, title="Without a file")
    assert rig.happened("job_dead_lettered")
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert failures() == 4

    scene_id, _ = rig.add_pair("a", tags=["T"])
    sync_title(rig, scene_id, "T")
    assert rig.wait_until(lambda: failures() == 0)

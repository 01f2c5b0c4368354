"""Every setting has its effect, and no wrong one stops anything."""

from __future__ import annotations

import ast
import os
from typing import Any

import pytest

from plex import session
from reconciliation import queueing
from simulators.plex import FakePlex
from simulators.rig import FOLDER, PLUGIN, REPOSITORY, TOKEN, Rig
from simulators.stash.plugin_manifest import load
from simulators.tuning import Tuning
from sync_queue import manager
from tests.conftest import MakeRig
from tests.e2e.test_dead_letter_tasks import dead_scenes, postpone
from tests.e2e.test_fields import EVERYTHING
from tests.e2e.test_outages import jobs, quicken
from tests.e2e.test_reconcile import fill, no_worker
from tests.golden import assert_golden, figures
from worker import timetable

HERE = "e2e/test_settings.py::"
_FIELDS = "e2e/test_fields.py::"
_TOGGLE = f"{_FIELDS}test_a_toggle_that_is_off_neither_sends_nor_clears_its_field_and_no_other"
_RECONCILE = "e2e/test_reconcile.py::"
_DUE = f"{_RECONCILE}test_the_worker_runs_what_is_due_and_only_that_and_ends_as_before"
# The setting → the test that shows its effect.
SHOWN_BY = {
    "plex_url": f"{HERE}test_a_living_worker_goes_over_to_another_server",
    "plex_token": "e2e/test_outages.py::test_a_wrong_token_is_one_message_no_dead_letter_and_"
    "everything_drains_once_it_is_right",
    "plex_library": f"{HERE}test_only_the_libraries_that_are_named_are_synced",
    "enabled": "e2e/test_worker.py::test_a_disabled_plugin_sends_nothing_and_says_so",
    "max_retries": f"{HERE}test_a_job_is_retried_as_often_as_it_may_be_and_then_dead",
    "poll_interval": f"{HERE}test_the_worker_looks_at_the_queue_at_its_interval",
    "strict_matching": "e2e/test_matching.py::"
    "test_without_strict_matching_the_best_is_taken_with_a_warning",
    "preserve_plex_edits": f"{_FIELDS}"
    "test_what_a_person_set_in_plex_survives_with_preserve_plex_edits",
    "connect_timeout": f"{HERE}test_the_time_outs_are_those_of_every_request_for_data",
    "read_timeout": f"{HERE}test_the_time_outs_are_those_of_every_request_for_data",
    "max_tags": f"{HERE}test_an_item_has_as_many_genres_as_it_may_have",
    "sync_master": f"{_FIELDS}test_the_master_toggle_off_sends_nothing_at_all",
    "sync_studio": _TOGGLE,
    "sync_summary": _TOGGLE,
    "sync_tagline": f"{_FIELDS}test_the_tagline_has_no_source_and_is_never_sent",
    "sync_date": _TOGGLE,
    "sync_performers": _TOGGLE,
    "sync_tags": _TOGGLE,
    "sync_poster": _TOGGLE,
    "sync_background": _TOGGLE,
    "sync_collection": _TOGGLE,
    "remove_overlay_label": "e2e/test_covers.py::"
    "test_a_new_poster_takes_kometas_label_away_only_if_that_is_wanted",
    "trigger_plex_scan": "e2e/test_folder_scans.py::"
    "test_the_very_first_event_after_the_installation_leads_to_its_scan",
    "skip_not_found": f"{HERE}test_scenes_that_plex_does_not_have_are_done_if_that_is_wanted",
    "debug_logging": f"{HERE}test_steps_are_told_only_with_debug_logging",
    "obfuscate_paths": f"{HERE}test_an_obfuscated_log_of_a_sync_has_no_path",
    "reconcile_interval": _DUE,
    "reconcile_scope": _DUE,
    "reconcile_missing": f"{_RECONCILE}test_each_gap_has_its_fate_and_a_waiting_job_keeps_its_time",
    "plex_unmatched_path_map": "e2e/test_edit.py::"
    "test_paths_that_differ_between_the_servers_are_mapped",
    "plex_verify_tls": "e2e/test_outages.py::"
    "test_a_certificate_that_nobody_trusts_is_told_with_its_remedy_and_can_be_trusted",
    "dlq_retention_days": "e2e/test_worker.py::"
    "test_dead_letters_past_their_retention_are_gone_when_a_worker_has_started",
    "reconcile_batch_size": f"{HERE}test_gaps_are_queued_in_batches_of_the_size_that_is_set",
}
NOT_SHOWN = {"dlq_retention_days", "reconcile_batch_size"}
# One wrong value of each kind, all at once.
WRONG = {
    "enabled": "maybe",
    "strict_matching": [],
    "sync_tags": {"on": 1},
    "sync_collection": 2,
    "max_retries": "1e400",
    "poll_interval": -1,
    "connect_timeout": True,
    "read_timeout": 10**30,
    "max_tags": 2.5,
    "plex_library": ["Scenes"],
    "reconcile_interval": "sometimes",
    "reconcile_scope": 24,
    "plex_unmatched_path_map": "/media /data",
    "plex_verify_tls": 5,
    "dlq_retention_days": "a month",
}
WRONG_ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"mode": "sing"},
    {"mode": ["all"]},
    {"mode": "all", "force": "perhaps"},
    {"mode": "all", "scene_id": 1},
    {"mode": "reconcile_all", "dryrun": True},
    {"mode": "reconcile_all", "dry_run": "maybe"},
    {"mode": "restore_values", "scene_id": 0},
    {"mode": "preview_sync", "scene_id": {}},
    {"mode": "recover_outage_jobs", "include_optional": []},
    {"mode": "purge_dlq", "days": 1e9},
    {"mode": "queue_status", "format": "xml"},
]


def test_every_setting_names_the_test_of_its_effect() -> None:
    settings = {setting.name for setting in load(REPOSITORY / "Stash2Plex.yml").settings}

    assert SHOWN_BY.keys() == settings | NOT_SHOWN


@pytest.mark.parametrize("name", SHOWN_BY)
def test_the_test_that_a_setting_names_exists(name: str) -> None:
    file, _, test = SHOWN_BY[name].partition("::")
    tree = ast.parse((REPOSITORY / "tests" / file).read_text(encoding="utf-8"))

    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


# the effects that no other module shows


def test_a_living_worker_goes_over_to_another_server(rig: Rig) -> None:
    scene_id, first = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="At the first")
    assert rig.wait_until(lambda: first.title == "At the first" and rig.queued() == 0)
    worker = rig.worker_pids()
    with FakePlex(token=TOKEN) as other:
        second = other.add_item(other.add_section("Scenes", [FOLDER]), f"{FOLDER}/a.mp4")
        rig.configure(plex_url=f" {other.url}/ ")

        rig.stash.edit_scene(scene_id, title="At the second")

        assert rig.wait_until(lambda: second.title == "At the second")
        assert rig.wait_until(lambda: rig.queued() == 0)
        assert rig.worker_pids() == worker
        assert first.title == "At the first"
        rig.stop_worker()


def test_only_the_libraries_that_are_named_are_synced(make_rig: MakeRig) -> None:
    """By name, by a name with a comma, and by number where two have the same name."""
    rig = make_rig(settings={"plex_library": " more , Clips, short, 4"})
    scene_id, item = rig.add_pair("a", tags=["T"])
    items = [
        rig.plex.add_item(rig.plex.add_section(title, [FOLDER]), f"{FOLDER}/a.mp4")
        for title in ("More", "Clips, short", "Twins", "Twins")
    ]
    assert [one.section.key for one in items] == [2, 3, 4, 5]
    *named, twin = items

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.wait_until(lambda: [one.title for one in named] == ["New"] * 3)
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert (item.title, twin.title) == ("a", "a")


@pytest.mark.parametrize("most", [1, 3])
def test_a_job_is_retried_as_often_as_it_may_be_and_then_dead(make_rig: MakeRig, most: int) -> None:
    rig = make_rig(settings={"max_retries": most})
    rig.tune(Tuning(back_off=0.3, shortest_delay=0.3))
    pairs = [rig.add_pair(name, tags=["T"]) for name in "abcd"]
    scene_id, item = pairs[0]
    key = str(item.rating_key)
    rig.plex.faults.status(500, kind="edit", predicate=lambda request: request.item_ids == key)

    for one, _ in pairs:  # a Plex that takes no edit at all would be waited for
        rig.stash.edit_scene(one, title="T")

    assert rig.wait_until(lambda: bool((rig.data / "queue").exists() and dead_scenes(rig)), 60)
    with rig.database() as database:
        letters = database.execute("SELECT scene_id, retry_count FROM dead_letters").fetchall()
    assert letters == [(scene_id, most)]


def _count_looks(looks: str) -> None:
    is_due = timetable.Timetable.a_job_is_due

    def counted(self: timetable.Timetable) -> bool:
        with open(looks, "a") as file:
            file.write("+")
        return is_due(self)

    timetable.Timetable.a_job_is_due = counted  # type: ignore[method-assign]


def _keep_due_times() -> None:
    manager.QueueManager.make_due = lambda _self, _wait: 0  # type: ignore[assignment, method-assign]


def test_the_worker_looks_at_the_queue_at_its_interval(make_rig: MakeRig) -> None:
    """With the default of 30 s there would be some looks after the edit, and one more here."""
    rig = make_rig(settings={"poll_interval": 0.2})
    looks = rig.manifest.directory / "looks"
    rig.alter(timetable, _count_looks, looks=str(looks))
    rig.alter(manager, _keep_due_times)
    scene_id, item = rig.add_pair("a", tags=["T"])
    waits, _ = rig.add_pair("b", tags=["T"])
    postpone(rig, waits)

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T" and len(jobs(rig)) == 1)
    assert rig.wait_until(lambda: len(looks.read_text()) >= 25)


def _note_time_outs(noted: str) -> None:
    request = session.PlexSession.request

    def requested(self: session.PlexSession, *args: Any, **options: Any) -> Any:
        with open(noted, "a") as file:
            file.write(f"{options['timeout']}\n")
        return request(self, *args, **options)

    session.PlexSession.request = requested  # type: ignore[method-assign]


def test_the_time_outs_are_those_of_every_request_for_data(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"connect_timeout": 7, "read_timeout": "90"})
    noted = rig.manifest.directory / "noted"
    rig.alter(session, _note_time_outs, noted=str(noted))
    scene_id, item = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T" and rig.queued() == 0)
    identity = "(5.0, 5.0)"  # a question of life or death, which has its own
    assert set(noted.read_text().splitlines()) - {identity} == {"(7.0, 90.0)"}


def test_an_item_has_as_many_genres_as_it_may_have(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"max_tags": 10})
    scene_id, item = rig.add_pair("a", tags=[f"Tag {number:02}" for number in range(12)])

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T")
    assert len(item.genres) == 10


@pytest.mark.parametrize("skip", [True, False])
def test_scenes_that_plex_does_not_have_are_done_if_that_is_wanted(
    make_rig: MakeRig, skip: bool
) -> None:
    rig = make_rig(settings={"skip_not_found": skip})
    scene = rig.stash.add_scene(files=[f"{FOLDER}/nowhere.mp4"], tags=["T"])

    rig.stash.edit_scene(scene.id, title="T")

    assert rig.happened(scene=scene.id)
    if skip:
        assert rig.wait_until(lambda: jobs(rig) == [])
    else:
        assert rig.wait_until(lambda: [job["retry_count"] for job in jobs(rig)] == [1])
    assert dead_scenes(rig) == set()


def test_an_item_that_came_since_the_last_look_is_not_taken_for_missing(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"skip_not_found": True})
    first, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(first, title="A")
    assert rig.wait_until(lambda: item.title == "A" and rig.queued() == 0)
    second, _ = rig.add_pair("b", tags=["T"])

    rig.stash.edit_scene(second, title="B")

    assert rig.happened("job_retried", scene=second, error="PlexNotFound")
    assert rig.wait_until(lambda: [job["retry_count"] for job in jobs(rig)] == [1])


@pytest.mark.parametrize("debug", [True, False])
def test_steps_are_told_only_with_debug_logging(make_rig: MakeRig, debug: bool) -> None:
    rig = make_rig(settings={"debug_logging": debug, "strict_mode": True})
    scene_id, item = rig.add_pair("a", **EVERYTHING)

    task = rig.task("queue_status")
    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T" and rig.queued() == 0)
    assert bool(rig.events("step")) is debug
    steps = [text for text in task.messages("info") if text.startswith("[DEBUG] ")]
    assert ["'strict_mode'" in text for text in steps] == [True] * debug


@pytest.mark.skipif(
    not (REPOSITORY / "validation" / "obfuscation.py").exists(), reason="not yet part of this"
)
def test_an_obfuscated_log_of_a_sync_has_no_path(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"obfuscate_paths": True, "debug_logging": True})
    scene_id, item = rig.add_pair("Nobody may read this name", tags=["T"])
    lost = rig.stash.add_scene(files=[f"{FOLDER}/Nor this one.mp4"], tags=["T"])

    rig.stash.edit_scene(scene_id, details="T")
    rig.stash.edit_scene(lost.id, details="T")

    assert rig.wait_until(lambda: item.summary == "T")
    assert rig.happened(scene=lost.id)
    for part in (FOLDER, "Nobody may read", "Nor this one", "/media"):
        assert part not in rig.worker_log()


def _die_after_a_batch() -> None:
    deal_with = queueing.GapQueue.deal_with

    def dies(self: queueing.GapQueue, gaps: Any) -> None:
        deal_with(self, gaps)
        os._exit(9)

    queueing.GapQueue.deal_with = dies  # type: ignore[assignment, method-assign]


@pytest.mark.parametrize("size", [10, 20])
def test_gaps_are_queued_in_batches_of_the_size_that_is_set(make_rig: MakeRig, size: int) -> None:
    """A kill after the first batch leaves that one queued and no more."""
    rig = make_rig(settings={"reconcile_batch_size": str(size)})
    fill(rig, 25)
    rig.alter(queueing, _die_after_a_batch)

    with no_worker(rig):
        rig.task("reconcile_all")

        assert rig.queued() == size


# wrong ones


def test_with_wrong_values_in_half_of_the_settings_edits_arrive_as_with_their_defaults(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(settings=WRONG)
    scene_id, _ = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="T")
    assert rig.settled(), rig.verdict().differences
    assert rig.wait_until(lambda: rig.queued() == 0)
    answer = rig.task("process_queue")

    assert answer.error is None
    own = [line for line in answer.messages("warning") if not line.startswith("[")]  # not relayed
    told = [event["message"] for event in rig.events("setting_wrong")]
    for texts in (told, own):
        for name, value in WRONG.items():
            assert sum(f" {name} is {value!r}" in text for text in texts) == 1
    shown = rig.stash.plugin_settings(PLUGIN)
    assert {name: shown[name] for name in WRONG} == WRONG  # what a person wrote stays


@pytest.mark.parametrize(
    ("name", "value"), [("plex_url", "plex:32400"), ("plex_token", ["x"]), ("plex_url", 5)]
)
def test_a_wrong_address_or_token_keeps_the_edits_until_it_is_right(
    rig: Rig, name: str, value: Any
) -> None:
    quicken(rig)
    scene_id, item = rig.add_pair("a", tags=["T"])
    sound = rig.stash.plugin_settings(PLUGIN)[name]
    rig.configure(**{name: value})

    hook = rig.stash.edit_scene(scene_id, title="T")[0].result
    assert rig.happened("sync_paused", error="ConfigFault")
    answer = rig.task("health_check")

    assert hook.output == "queued"
    assert f"{name} " in str(answer.error)
    assert rig.queued() == 1
    rig.configure(**{name: sound})
    assert rig.wait_until(lambda: item.title == "T")


def test_wrong_arguments_are_answered_in_words_and_nothing_is_done(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    mark = rig.plex.log.mark()

    told: list[str] = []
    for arguments in WRONG_ARGUMENTS:
        answer = rig.stash.run_operation(PLUGIN, arguments)
        assert answer.output is None
        told.append(str(answer.error))
        assert answer.messages("error") == [answer.error]

    assert_golden("tasks", "Arguments that cannot be used", told)
    assert len(rig.plex.log.since(mark)) == 0
    assert rig.stash.requests.count() == 0
    assert figures(rig.task("all").output)[:2] == [3, 3]
    assert rig.wait_until(lambda: all(rig.item_of(one).genres for one in ids))

"""Every setting has its effect, and no wrong one stops anything."""

import ast
import json
import os
from pathlib import Path
from typing import Any

from plex import connection
from reconciliation import engine
from simulators.plex import FakePlex
from simulators.rig import FOLDER, PLUGIN, REPOSITORY, TOKEN, Rig
from simulators.stash.plugin_manifest import load
from simulators.tuning import Tuning
from sync_queue import manager
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, no_worker, settle, sync_title, synced_pair
from tests.e2e.test_dead_letter_tasks import postpone
from tests.e2e.test_fields import EVERYTHING, TOGGLES, WITHOUT_SOURCE
from tests.e2e.test_mapping import MAPPINGS, SELECTIONS
from tests.e2e.test_outages import jobs
from tests.e2e.test_reconcile import fill
from tests.golden import assert_golden, figures
from worker import timetable

# The test that shows their effect → settings.
SHOWN_BY = {
    "test_not_selected.test_an_excluded_scene_gets_back_what_plex_held_until_it_is_selected_again":
        "when_not_selected",
    "test_settings.test_a_living_worker_goes_over_to_another_server": "plex_url",
    "test_outages.test_a_fault_that_a_person_must_correct_pauses_the_sync": "plex_token",
    "test_settings.test_only_the_libraries_that_are_named_are_synced": "plex_library",
    "test_worker.test_a_disabled_plugin_sends_nothing_and_says_so": "enabled",
    "test_settings.test_a_job_is_retried_as_often_as_it_may_be_and_then_dead": "max_retries",
    "test_settings.test_the_worker_looks_at_the_queue_at_its_interval": "poll_interval",
    "test_matching.test_without_strict_matching_the_best_is_taken_with_a_warning":
        "strict_matching",
    "test_fields.test_what_a_person_set_survives_while_preserve_plex_edits_is_on":
        "preserve_plex_edits",
    "test_pace.test_quiet_hours_send_nothing_and_have_an_end": "quiet_hours",
    "test_pace.test_no_more_scenes_are_sent_per_minute_and_an_edit_goes_first":
        "max_scenes_per_minute",
    "test_pace.test_the_worker_waits_while_plex_is_slow": "slow_down",
    "test_settings.test_time_outs_and_the_most_genres_are_as_set":
        "connect_timeout read_timeout max_tags",
    "test_mapping.test_the_settings_change_what_plex_shows_and_off_again_restore_it":
        " ".join(setting for setting, *_ in MAPPINGS),
    "test_mapping.test_a_scene_that_is_not_selected_is_never_sent":
        " ".join(SELECTIONS),
    "test_fields.test_the_master_toggle_off_sends_nothing_at_all": "sync_master",
    "test_fields.test_a_switch_that_is_off_leaves_its_field_unchanged": " ".join(TOGGLES),
    "test_fields.test_a_toggle_without_a_source_sends_nothing": " ".join(WITHOUT_SOURCE),
    "test_covers.test_a_new_poster_removes_kometas_label_only_if_that_is_wanted":
        "remove_overlay_label",
    "test_folder_scans.test_a_burst_of_new_scenes_in_one_folder_is_one_scan_of_that_folder":
        "trigger_plex_scan",
    "test_settings.test_a_scene_that_plex_does_not_have_is_done_if_that_is_wanted":
        "skip_not_found",
    "test_settings.test_steps_are_told_only_with_debug_logging": "debug_logging",
    "test_obfuscation.test_no_word_of_a_path_or_title_is_in_any_log": "obfuscate_paths",
    "test_reconcile.test_the_worker_runs_what_is_due_and_only_that_and_ends_as_before":
        "reconcile_interval reconcile_scope",
    "test_reconcile.test_each_gap_has_its_fate_and_a_waiting_job_keeps_its_time":
        "reconcile_missing",
    "test_edit.test_paths_that_differ_between_the_servers_are_mapped": "plex_unmatched_path_map",
    "test_outages.test_a_certificate_pauses_the_sync_until_it_is_trusted":
        "plex_verify_tls",
    "test_worker.test_a_worker_that_starts_removes_what_is_past_its_retention":
        "dlq_retention_days",
    "test_settings.test_gaps_are_queued_in_batches_of_the_size_that_is_set": "reconcile_batch_size",
}  # fmt: skip
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


def test_every_setting_has_a_test_of_its_effect() -> None:
    settings = {setting.name for setting in load(REPOSITORY / "Stash2Plex.yml").settings}
    found = {
        f"{path.stem}.{node.name}"
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }

    assert SHOWN_BY.keys() - found == set()
    assert {name for names in SHOWN_BY.values() for name in names.split()} == settings | NOT_SHOWN


def test_a_living_worker_goes_over_to_another_server(rig: Rig) -> None:
    scene_id, first = synced_pair(rig)
    worker = rig.worker_pids()
    with FakePlex(token=TOKEN) as other:
        second = other.add_item(other.add_section("Scenes", [FOLDER]), f"{FOLDER}/a.mp4")
        rig.configure(plex_url=f" {other.url}/ ")

        rig.stash.edit_scene(scene_id, title="At the second")

        assert rig.wait_until(lambda: second.title == "At the second")
        assert rig.wait_until(lambda: rig.queued() == 0)
        assert rig.worker_pids() == worker
        assert first.title == "One"
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


def test_a_job_is_retried_as_often_as_it_may_be_and_then_dead(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"max_retries": 3})
    rig.tune(Tuning(back_off=0.3, shortest_delay=0.3))
    pairs = [rig.add_pair(name, tags=["T"]) for name in "abcd"]
    scene_id, item = pairs[0]
    key = str(item.rating_key)
    rig.plex.faults.status(500, kind="edit", predicate=lambda request: request.item_ids == key)

    for one, _ in pairs:  # a Plex that takes no edit at all would be waited for
        rig.stash.edit_scene(one, title="T")

    assert rig.wait_until(lambda: dead_scenes(rig) == {scene_id}, 60)
    with rig.database() as database:
        assert database.execute("SELECT retry_count FROM dead_letters").fetchall() == [(3,)]
    assert [one.title for _, one in pairs[1:]] == ["T"] * 3
    assert rig.queued() == 0
    assert not (rig.data / "outage_history.json").exists()


def _count_looks(looks: str) -> None:
    is_due = timetable.Timetable.a_job_is_due

    def counted(self: timetable.Timetable) -> bool:
        with open(looks, "a") as file:
            file.write("+")
        return is_due(self)

    timetable.Timetable.a_job_is_due = counted  # type: ignore[method-assign]


def _keep_due_times() -> None:
    manager.QueueManager.cap_waits = lambda _self, _wait: 0  # type: ignore[assignment, method-assign]


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
    new_session = connection._new_session

    def noting_session(verify: bool | str) -> Any:
        session = new_session(verify)
        send = session.send

        def sent(*args: Any, **options: Any) -> Any:
            with open(noted, "a") as file:
                file.write(f"{options['timeout']}\n")
            return send(*args, **options)

        session.send = sent  # type: ignore[method-assign]
        return session

    connection._new_session = noting_session


def test_time_outs_and_the_most_genres_are_as_set(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"connect_timeout": 7, "read_timeout": "90", "max_tags": 10})
    noted = rig.manifest.directory / "noted"
    rig.alter(connection, _note_time_outs, noted=str(noted))

    _, item = synced_pair(rig, tags=[f"Tag {number:02}" for number in range(12)])

    identity = "(5.0, 5.0)"  # a question of life or death, which has its own
    assert set(noted.read_text().splitlines()) - {identity} == {"(7.0, 90.0)"}
    assert len(item.genres) == 10


def test_a_scene_that_plex_does_not_have_is_done_if_that_is_wanted(make_rig: MakeRig) -> None:
    """An item that came since the last look at Plex is not taken for missing."""
    rig = make_rig(settings={"skip_not_found": True})
    lost = rig.stash.add_scene(files=[f"{FOLDER}/nowhere.mp4"], tags=["T"])
    rig.stash.edit_scene(lost.id, title="T")
    assert rig.happened(scene=lost.id)
    assert rig.wait_until(lambda: jobs(rig) == [])

    came, _ = rig.add_pair("b", tags=["T"])
    rig.stash.edit_scene(came, title="B")

    assert rig.happened("job_retried", scene=came, error="PlexNotFound")
    assert rig.wait_until(lambda: [job["retry_count"] for job in jobs(rig)] == [1])
    assert dead_scenes(rig) == set()


def test_steps_are_told_only_with_debug_logging(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"strict_mode": True})
    scene_id, _ = rig.add_pair("a", **EVERYTHING)
    for debug in (False, True):
        rig.configure(debug_logging=debug)

        task = rig.task("queue_status")
        sync_title(rig, scene_id, f"T {debug}")

        assert bool(rig.events("step")) is debug
        steps = [text for text in task.messages("info") if text.startswith("[DEBUG] ")]
        assert ["'strict_mode'" in text for text in steps] == [True] * debug
        rig.stop_worker()


def _die_after_a_batch() -> None:
    queue_gaps = engine.GapDetectionEngine._queue_gaps

    def dies(*arguments: Any) -> None:
        queue_gaps(*arguments)
        os._exit(9)

    engine.GapDetectionEngine._queue_gaps = dies  # type: ignore[assignment, method-assign]


def test_gaps_are_queued_in_batches_of_the_size_that_is_set(make_rig: MakeRig) -> None:
    """A kill after the first batch leaves that one queued and no more."""
    rig = make_rig(settings={"reconcile_batch_size": "10"})
    fill(rig, 25)
    rig.alter(engine, _die_after_a_batch)

    with no_worker(rig):
        rig.task("reconcile_all")

        assert rig.wait_until(lambda: rig.queued() == 10)


def test_wrong_settings_have_their_defaults(make_rig: MakeRig) -> None:
    rig = make_rig(settings=WRONG)
    scene_id, _ = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="T")
    settle(rig)
    answer = rig.task("process_queue")

    assert answer.error is None
    own = [line for line in answer.messages("warning") if not line.startswith("[")]  # not relayed
    assert [line for line in own if "cannot be used" in line] == []
    told = [event["message"] for event in rig.events("setting_wrong")]
    for name, value in WRONG.items():
        said = repr(value) if isinstance(value, str) else json.dumps(value)
        assert sum(f" {name} is {said}" in text for text in told) == 1
    rig.stop_worker()
    for value in (5, WRONG["max_tags"]):  # a value that was corrected is reported again
        rig.configure(max_tags=value)
        again = rig.task("process_queue").messages("warning")
    assert len([line for line in again if "cannot be used" in line]) == 1
    shown = rig.stash.plugin_settings(PLUGIN)
    assert {name: shown[name] for name in WRONG} == WRONG  # what a person wrote stays


def test_wrong_arguments_are_answered_in_words_and_nothing_is_done(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    mark = rig.plex.log.mark()

    told: list[str] = []
    for arguments in (
        {"mode": "sing"},
        {"mode": "all", "force": "perhaps"},
        {"mode": "reconcile_all", "dryrun": True},
    ):
        answer = rig.stash.run_operation(PLUGIN, arguments)
        assert answer.output is None
        told.append(str(answer.error))
        assert answer.messages("error") == [answer.error]

    assert_golden("tasks", "Arguments that cannot be used", told)
    assert len(rig.plex.log.since(mark)) == 0
    assert rig.stash.requests.count() == 0
    assert figures(rig.task("all").output)[:2] == [3, 3]
    assert rig.wait_until(lambda: all(rig.item_of(one).genres for one in ids))

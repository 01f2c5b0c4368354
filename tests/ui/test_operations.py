"""What the page asks for: every state as one sentence, everything bounded, no secret in it."""

import json
import os
import re
import time
from typing import Any

import pytest

from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from tests.conftest import MakeRig
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.sync_queue.support import job
from tests.ui.situations import HOUR, ask, bury, outage_now, refused, wait_in_queue

HOSTILE = "<img src=x onerror=alert(1)>\u202eltr " + "x" * 65_536


def state(rig: Rig) -> dict[str, object]:
    found = ask(rig, "overview")["state"]
    assert isinstance(found, dict)
    return found


def sentence(rig: Rig) -> object:
    return state(rig)["sentence"]


# -- the sentence -------------------------------------------------------------------------------


def test_it_tells_how_to_begin_what_is_on_the_way_and_what_needs_somebody(rig: Rig) -> None:
    assert str(sentence(rig)).startswith("Nothing sent yet: edit a scene")
    scene = rig.stash.add_scene(files=[f"{FOLDER}/h.mp4"], title=HOSTILE)
    wait_in_queue(rig, [scene.id])
    (shown,) = ask(rig, "overview")["queue"]["next"]
    assert HOSTILE.startswith(shown["title"])
    assert len(shown["title"]) <= 255

    wait_in_queue(rig, [8])
    assert sentence(rig) == "2 scenes are on the way to Plex"
    wait_in_queue(rig, [9], "PlexNotFound")
    assert str(sentence(rig)).startswith(
        "2 scenes are on the way to Plex; 1 scene is not in Plex yet: let Plex scan"
    )
    assert ask(rig, "wake")["level"] == ask(rig, "queue_status")["level"] == "warning"
    assert "1 scene is not in Plex yet" in ask(rig, "queue_status")["text"]
    bury(rig, [1], "PlexPermanentError", "Plex refused the title")
    assert sentence(rig) == "1 scene needs attention; 3 scenes wait to be synced"
    bury(rig, [2], "SceneError", "the scene has no file")
    assert sentence(rig) == "2 scenes need attention; 3 scenes wait to be synced"


def test_after_a_sync_everything_is_in_plex(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.settled()
    assert rig.wait_until(lambda: rig.queued() == 0 and (rig.data / "stats.json").exists())

    found = ask(rig, "overview")

    assert found["text"] == "All synced scenes are up to date in Plex"
    assert found["level"] == "ok"
    (sync,) = found["syncs"]
    assert (sync["scene_id"], sync["title"], sync["outcome"]) == (scene_id, "Uno", "synced")
    assert "title" in sync["detail"]
    assert found["paths"]["in_plex"] == found["paths"]["scenes"] == 1
    assert found["paths"]["plex_files"] == 1
    assert sum(hour["synced"] for hour in found["hours"]) >= 1


def test_a_skipped_scene_does_not_count_as_synced(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("no metadata")
    ask(rig, "sync_scene", scene_id=scene_id)
    assert rig.wait_until(lambda: rig.queued() == 0 and (rig.data / "stats.json").exists())

    found = ask(rig, "overview")

    assert [sync["outcome"] for sync in found["syncs"]] == ["skipped"]
    assert sum(hour["synced"] for hour in found["hours"]) == 0
    assert found["state"]["kind"] == "nothing_yet"


def test_an_outage_has_its_beginning_and_what_waits_for_its_end(rig: Rig) -> None:
    scenes = rig.add_library(3, covers=False)
    wait_in_queue(rig, scenes)
    began = float(int(time.time()) - 600)
    outage_now(rig, began)

    found = ask(rig, "overview")

    assert (
        found["state"]["sentence"] == "Plex has been down since {since}; 3 scenes wait to be synced"
    )
    assert found["state"]["since"] == began
    assert re.fullmatch(
        r"Plex has been down since [\d: -]+; 3 scenes wait to be synced", found["text"]
    )
    assert found["level"] == "fault"
    assert [one["scenes_waited"] for one in found["outages"]["outages"]] == [5, 3, 12]
    assert found["outages"]["mttr_seconds"] == pytest.approx((HOUR + 360) / 2)


def test_a_plex_that_did_not_answer_just_now_is_no_way_that_all_is_well_on(rig: Rig) -> None:
    (scene_id,) = rig.add_library(1, covers=False)
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Uno")

    assert rig.wait_until(lambda: "did not answer" in str(sentence(rig)))

    found = ask(rig, "overview")
    assert found["text"] == (
        "Plex did not answer the last request; 1 scene waits to be synced; "
        "the next try is automatic"
    )
    assert found["level"] == "warning"
    rig.plex.start()
    assert rig.settled(60)
    assert rig.wait_until(lambda: sentence(rig) == "All synced scenes are up to date in Plex")


def test_settings_that_name_no_plex_come_before_everything_else(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_url": ""})
    bury(rig, [1], "SceneError", "the scene has no file")
    wait_in_queue(rig, [2])

    found = ask(rig, "overview")

    assert str(found["text"]).startswith("Nothing can be sent to Plex: plex_url is not set")
    assert str(found["text"]).endswith("; 1 scene waits to be synced")
    assert found["state"]["kind"] == "unconfigured"


def test_a_refused_token_is_shown_while_jobs_wait(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_token": "wrong-token-000000"})
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: state(rig)["kind"] == "paused")
    assert "token" in str(sentence(rig))

    rig.configure(plex_token=TOKEN)
    ask(rig, "wake")

    assert rig.wait_until(lambda: state(rig)["kind"] == "in_step")


def test_the_way_of_an_edit_to_plex_is_kept_for_each_hour(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id, at=time.time() - 90)])
    ask(rig, "wake")
    assert rig.settled()
    assert rig.wait_until(lambda: bool(ask(rig, "overview")["hours"]))
    ask(rig, "sync_scene", scene_id=scene_id)  # Plex gets nothing by it
    assert rig.wait_until(lambda: sum(one["synced"] for one in ask(rig, "overview")["hours"]) == 2)

    (hour,) = [one for one in ask(rig, "overview")["hours"] if one["arrived"]]

    assert hour["arrived"] == 1
    assert 90 <= hour["longest"] == hour["waited"] < 180


# -- bounds ---------------------------------------------------------------------------------------


def test_10000_jobs_and_5000_dead_letters_give_a_small_answer(rig: Rig) -> None:
    rig.add_library(60, covers=False)
    wait_in_queue(rig, list(range(1, 10_001)))
    bury(rig, list(range(1, 5_001)), "PlexPermanentError", "Plex refused it: " + "y" * 5000)

    found = ask(rig, "overview")

    assert found["queue"]["retrying"] == 10_000
    assert len(found["queue"]["next"]) == 50
    assert found["dead_letters"]["count"] == 5_000
    (group,) = found["dead_letters"]["groups"]
    assert (group["count"], len(group["newest"])) == (5_000, 10)
    assert len(json.dumps(found)) < 60_000


# -- what it changes ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["wake", "overview", "scene_status"])
def test_each_look_makes_sure_of_a_worker_where_something_waits(rig: Rig, mode: str) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    arguments = {"scene_id": scene_id} if mode == "scene_status" else {}
    assert ask(rig, mode, **arguments)["worker"] == "not needed"
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])

    assert ask(rig, mode, **arguments)["worker"] == "started"

    assert rig.settled()


def test_a_scene_tells_how_it_stands_and_is_synced_on_request(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    assert ask(rig, "scene_status", scene_id=scene_id)["text"] == "Never synced"

    assert ask(rig, "sync_scene", scene_id=scene_id)["text"] == f"Queued scene {scene_id}"

    assert rig.settled()
    assert rig.wait_until(lambda: rig.queued() == 0)
    found = ask(rig, "scene_status", scene_id=str(scene_id))
    assert found["text"].startswith("In Plex; synced ")
    assert "title" in found["items"][0]["fields"]


def test_a_scene_says_why_it_is_not_in_plex_and_what_to_do(rig: Rig) -> None:
    bury(rig, [7], "SceneError", "the scene has no file")
    found = ask(rig, "scene_status", scene_id=7)
    assert found["text"] == "The last sync failed: the scene has no file"
    assert found["remedy"].startswith("Scan for its file")
    wait_in_queue(rig, [8], None)
    assert ask(rig, "scene_status", scene_id=8)["remedy"] == ""
    wait_in_queue(rig, [9], "PlexNotFound")
    found = ask(rig, "scene_status", scene_id=9)
    assert found["text"].endswith(". Plex does not have the file; the next try is automatic")
    assert found["remedy"].startswith("Scan the library in Plex")
    assert found["level"] == "warning"

    outage_now(rig, time.time() - 60)
    found = ask(rig, "scene_status", scene_id=9)
    assert re.search(r"\. Plex has been down since [\d: -]+;", found["text"])
    assert ". Plex has been down since {since};" in found["sentence"]
    assert found["remedy"].startswith("Start Plex")
    assert found["level"] == "fault"


def test_only_the_named_dead_letters_are_dropped(rig: Rig) -> None:
    bury(rig, [1, 2], "SceneError", "the scene has no file")
    bury(rig, [1], "PlexPermanentError", "no")

    assert ask(rig, "drop_dlq", scene_id=1, error_type="SceneError")["removed"] == 1
    assert ask(rig, "drop_dlq", error_type="PlexPermanentError")["removed"] == 1
    assert "clear_dlq" in refused(rig, "drop_dlq")
    assert ask(rig, "overview")["dead_letters"]["count"] == 1


def test_a_path_is_tried_as_the_worker_would(rig: Rig) -> None:
    _, item = rig.add_pair("one")
    found = ask(rig, "try_path", path=f"{FOLDER}/one.mp4")
    assert found["items"] == [{"rating_key": item.rating_key, "path": f"{FOLDER}/one.mp4"}]
    assert found["rule"] == "full path"
    assert "Plex does not have" in ask(rig, "try_path", path=f"{FOLDER}/two.mp4")["text"]


def test_settings_are_saved_beside_the_others(rig: Rig) -> None:
    ask(rig, "save_settings", settings={"max_tags": 50, "sync_tags": False})

    stored = rig.stash.plugin_settings(PLUGIN)
    assert (stored["max_tags"], stored["sync_tags"]) == (50, False)
    assert stored["plex_token"] == TOKEN
    found = ask(rig, "overview")
    values = {one["name"]: one["value"] for one in found["settings"]}
    assert (values["max_tags"], values["sync_tags"], values["enabled"]) == (50, False, True)
    assert values["plex_token"] == "set"
    assert TOKEN not in json.dumps(found)


def test_a_saved_path_map_has_the_scenes_looked_for_that_were_not_found(rig: Rig) -> None:
    wait_in_queue(rig, [1], "PlexNotFound")
    wait_in_queue(rig, [2], "PlexTemporaryError")
    bury(rig, [3], "PlexAmbiguousMatch", "2 files of Plex could be it")
    bury(rig, [4], "SceneError", "the scene has no file")

    told = ask(rig, "save_settings", settings={"max_tags": 50})
    assert told["looked_for_again"] == 0
    before = time.time()
    told = ask(rig, "save_settings", settings={"plex_unmatched_path_map": "/a=>/b"})

    assert "it retries 2 unmatched scenes" in told["text"]
    with queue_of(rig) as queue:
        due = {one.scene_id: one.next_retry_at for one in queue.jobs_waiting(9)}
    assert set(due) == {1, 2, 3}
    assert before + 9 < min(due[1], due[3]) <= max(due[1], due[3]) < time.time() + 11
    assert len(rig.worker_pids()) == 1


NOT_SAVED: list[tuple[dict[str, object], str]] = [
    ({"max_tags": 5}, "max_tags is 5, which cannot be used; allowed: a whole number from 10 to "
                      "500; the current value (60) stays"),
    ({"sync_tags": "perhaps"}, "the current value (on) stays"),
    ({"plex_url": "nonsense"}, "an address such as http://192.168.1.10:32400; the stored value "
                               "stays"),
    ({"plex_url": ""}, "plex_url is required; the stored value stays"),
    ({"plex_token": "short"}, "plex_token cannot be used"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "why"), NOT_SAVED)
def test_a_value_that_cannot_be_used_is_refused_with_what_stays_in_force(
    make_rig: MakeRig, settings: dict[str, object], why: str
) -> None:
    rig = make_rig(settings={"max_tags": 60})
    before = rig.stash.plugin_settings(PLUGIN)

    answer = ask(rig, "save_settings", settings=settings | {"sync_date": False})

    assert answer["level"] == "fault"
    (name,) = settings
    assert why in answer["refused"][name]
    assert list(answer["refused"]) == [name]
    assert "default" not in answer["text"]
    assert rig.stash.plugin_settings(PLUGIN) == before
    failed = rig.task("save_settings", settings=settings)
    assert why in str(failed.error)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"no_such": 1}, "there is no setting no_such"),
        ({}, "settings is missing"),
        ("x", "must be a JSON object of setting names and values"),
    ],
)
def test_what_is_no_setting_is_not_saved(rig: Rig, settings: object, why: str) -> None:
    before = rig.stash.plugin_settings(PLUGIN)
    assert why in refused(rig, "save_settings", settings=settings)
    assert rig.stash.plugin_settings(PLUGIN) == before


def test_a_stored_value_that_has_no_effect_is_named(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"max_tags": 5})
    settings = {one["name"]: one for one in ask(rig, "overview")["settings"]}
    assert settings["max_tags"]["problem"].startswith("max_tags is 5, which cannot be used")
    assert settings["max_tags"]["problem"].endswith("; the default is in force")
    assert settings["max_tags"]["value"] == 100
    assert settings["sync_tags"]["problem"] == ""


# -- settings that are not saved ------------------------------------------------------------------


def test_unsaved_settings_are_tried_with_any_scene_and_change_nothing(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"only_organized": True})
    fields: dict[str, Any] = {"title": "First one", "studio": "Studio", "organized": True}
    first, _ = rig.add_pair("a", **fields)
    rig.add_pair("b", **fields | {"title": "Second"})
    ask(rig, "sync_scene", scene_id=first)
    assert rig.wait_until(lambda: rig.item_of(first).title == "First one" and rig.queued() == 0)
    rig.stop_worker()
    before = rig.stash.plugin_settings(PLUGIN), rig.plex.snapshot(), sorted(os.listdir(rig.data))
    settings = {"title_template": "{studio}: {title}", "sync_tags": "on", "plex_url": "http://x:1"}

    for scene, title in ((str(first), "First one"), ("FIRST", "First one"), ("", "Second")):
        found = ask(rig, "try_settings", scene=scene, settings=settings)
        (item,) = found["tried"]
        assert item["fields"]["title"]["wanted"] == f"Studio: {title}"
    found = ask(rig, "try_settings", scene="first", settings=settings)
    assert found["text"] == f'Scene {first} "First one" would change in Plex: title'
    (item,) = found["tried"]
    assert item["fields"]["title"]["in_plex"] == "First one"
    assert item["fields"]["studio"] == {"in_plex": "Studio", "wanted": "Studio"}
    assert "would not change in Plex" in ask(rig, "try_settings", scene=str(first))["text"]
    after = rig.stash.plugin_settings(PLUGIN), rig.plex.snapshot(), sorted(os.listdir(rig.data))
    assert after == before


@pytest.mark.parametrize(
    ("scene", "settings", "why"),
    [
        (
            "",
            {"only_organized": True},
            "by your settings: the scene is not organized (only_organized)",
        ),
        ("1", {}, "Plex has no item for /media/scenes/a.mp4"),
        ("2", {}, "it has no file in Stash"),
        ("3", {}, "no studio, performers, tags, details or date"),
    ],
)
def test_a_scene_that_would_not_be_sent_is_explained_when_settings_are_tried(
    rig: Rig, scene: str, settings: dict[str, Any], why: str
) -> None:
    rig.stash.add_scene(files=[f"{FOLDER}/a.mp4"], title="One", details="What happens.")
    rig.stash.add_scene(files=[], title="Two", details="What happens.")
    rig.add_pair("three", title="Three")
    rig.add_pair("four", title="Four", details="What happens.")
    found = ask(rig, "try_settings", scene=scene, settings=settings)
    assert why in found["text"]
    assert (found["level"], found["tried"]) == ("warning", [])


def test_settings_that_cannot_be_tried_are_refused_with_the_reason(rig: Rig) -> None:
    assert "Stash has no scene yet" in refused(rig, "try_settings")
    assert "no scene 'x y'; enter its number" in refused(rig, "try_settings", scene="x y")
    found = ask(rig, "try_settings", settings={"max_tags": 5})
    assert "max_tags is 5, which cannot be used" in found["refused"]["max_tags"]
    rig.add_pair("a", title="One", details="What happens.")
    rig.plex.stop()
    assert "nothing answers at Plex's address" in refused(rig, "try_settings")

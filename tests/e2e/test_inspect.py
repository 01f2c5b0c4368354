"""Inspect Scene: why is my scene not in Plex?"""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from simulators.rig import FOLDER, Rig
from simulators.stash import PluginResult, VideoFile
from sync_queue.dlq import Failure
from tests.conftest import MakeRig
from tests.e2e.answers import HOUR, asked, bury, story
from tests.e2e.test_dead_letter_tasks import postpone, queue_of
from tests.golden import assert_golden
from tests.sync_queue.support import job

KNOWN: dict[str, Any] = {
    "title": "Ada",
    "details": "Told",
    "studio": "Northlight",
    "date": "2024-05-01",
    "tags": ["Night"],
}


def synced(rig: Rig, name: str = "a", **fields: Any) -> int:
    """A scene that is in step, with no worker about."""
    scene_id, _ = rig.add_pair(name, **(KNOWN | fields))
    rig.task("all")
    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    return scene_id


def inspect(rig: Rig, scene_id: int) -> PluginResult:
    return rig.task("inspect", scene_id=str(scene_id))


def test_a_scene_in_step_is_told_with_where_it_is_and_what_was_sent(rig: Rig) -> None:
    scene_id = synced(rig)

    assert_golden("inspect", "A scene that is in step", story(inspect(rig, scene_id)))


def test_what_differs_is_told_per_field_and_what_to_do(rig: Rig) -> None:
    scene_id = synced(rig)
    item = rig.item_of(scene_id)
    rig.plex.edit(item.rating_key, genres=["Mine"])
    rig.stash.update_scene(scene_id, title="Ada again")

    # The cover is compared once Stash's time stamp, of whole seconds, has moved.
    told = [line for line in story(inspect(rig, scene_id)) if "cover" not in line]

    assert_golden("inspect", "A scene that differs", told)


def test_a_value_that_is_right_and_not_locked_is_told_apart(rig: Rig) -> None:
    scene_id = synced(rig)
    item = rig.item_of(scene_id)
    rig.plex.set_locks(item.rating_key, set(item.locks) - {"studio"})

    (item,) = asked(rig, "inspect", scene_id=str(scene_id))["items"]

    assert (item["differences"], item["to_lock"]) == ({}, ["studio"])


@pytest.mark.parametrize("how", ["waits", "put off", "in progress", "switched off", "dead"])
def test_what_becomes_of_a_scene_out_of_step_is_told(rig: Rig, how: str) -> None:
    scene_id = synced(rig)
    rig.stash.update_scene(scene_id, title="Other")
    if how == "switched off":
        rig.configure(enabled=False)
    elif how == "put off":
        postpone(rig, scene_id)
    elif how == "dead":
        at = time.time() - 2 * HOUR - 30
        bury(rig, scene_id, "PlexPermanentError", "editing: Plex refused", at)
    else:
        with queue_of(rig) as queue:
            queue.enqueue([job(scene_id)])
            if how == "in progress":
                queue.claim(1)

    answer = asked(rig, "inspect", scene_id=str(scene_id))

    text = re.sub(r"\d+m \d+s", "…", answer["text"])
    assert_golden("inspect", f"A scene that differs: {how}", [text])
    under_way = how in ("waits", "put off", "in progress")
    assert answer["level"] == ("ok" if under_way else "warning")
    assert [one["state"] for one in answer["jobs"]] == (
        ["in_progress" if how == "in progress" else "waiting"] if under_way else []
    )
    assert [one["error_type"] for one in answer["dead_letters"]] == (
        ["PlexPermanentError"] if how == "dead" else []
    )


def test_a_file_that_plex_has_elsewhere_only_is_told_with_its_namesakes(make_rig: MakeRig) -> None:
    rig = make_rig()
    for folder in ("one", "two"):
        rig.plex.add_item(rig.section, f"{FOLDER}/{folder}/x.mp4", size=77)
    scene = rig.stash.add_scene(
        title="Ada", tags=["T"], files=[VideoFile("/stash/x.mp4", size=1_000)]
    )

    answer = asked(rig, "inspect", scene_id=str(scene.id))

    assert answer["state"] == "not_in_plex"
    assert answer["files"] == [
        {"path": "/stash/x.mp4", "size_bytes": 1_000, "plex_path": "/stash/x.mp4", "rule": None,
         "rating_keys": [], "candidates": []}
    ]  # fmt: skip
    assert answer["items"] == []


def test_the_rule_and_the_mapped_path_are_told(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_unmatched_path_map": f"{FOLDER}=>/stash"})
    item = rig.plex.add_item(rig.section, f"{FOLDER}/x.mp4")
    scene = rig.stash.add_scene(title="Ada", tags=["T"], files=["/stash/x.mp4"])

    answer = asked(rig, "inspect", scene_id=str(scene.id))

    (file,) = answer["files"]
    assert (file["rule"], file["plex_path"]) == ("set_mapping", f"{FOLDER}/x.mp4")
    assert file["rating_keys"] == [item.rating_key]


def test_several_candidates_are_all_named(rig: Rig) -> None:
    for folder in ("one", "two"):
        rig.plex.add_item(rig.section, f"{FOLDER}/{folder}/x.mp4", size=77)
    scene = rig.stash.add_scene(tags=["T"], files=[VideoFile("/stash/x.mp4", size=77)])

    answer = asked(rig, "inspect", scene_id=str(scene.id))

    assert answer["state"] == "ambiguous"
    (file,) = answer["files"]
    assert {(one["path"], one["library"]) for one in file["candidates"]} == {
        (f"{FOLDER}/one/x.mp4", "Scenes"), (f"{FOLDER}/two/x.mp4", "Scenes"),
    }  # fmt: skip


def test_a_scene_that_waits_for_its_metadata_or_its_file_is_told_so(rig: Rig) -> None:
    raw, _ = rig.add_pair("raw", title="Raw")
    fileless = rig.stash.add_scene(title="No file", tags=["T"]).id

    answers = [asked(rig, "inspect", scene_id=str(one)) for one in (raw, fileless, 4711)]

    assert [one["state"] for one in answers] == ["no_metadata", "no_file", "not_in_stash"]
    assert_golden("inspect", "Scenes that are not sent", [one["text"] for one in answers])


def test_an_item_that_shows_another_scene_is_told(rig: Rig) -> None:
    rig.stash.add_scene(title="First", tags=["T"], files=[f"{FOLDER}/1.mp4"])
    second = rig.stash.add_scene(title="Second", tags=["T"], files=[f"{FOLDER}/2.mp4"]).id
    item = rig.plex.add_item(rig.section, f"{FOLDER}/1.mp4", f"{FOLDER}/2.mp4")
    rig.task("all")
    assert rig.wait_until(lambda: item.title == "First" and rig.queued() == 0)

    answer = asked(rig, "inspect", scene_id=str(second))

    assert answer["state"] == "shown_elsewhere"
    assert_golden("inspect", "An item that shows another scene", [answer["text"]])


@pytest.mark.parametrize("away", ["down", "token", "no settings"])
def test_without_plex_it_still_tells_what_it_knows(rig: Rig, away: str) -> None:
    scene_id = synced(rig)
    postpone(rig, scene_id)
    if away == "down":
        rig.plex.stop()
    else:
        rig.configure(plex_token="" if away == "no settings" else "wrong-token-000000")

    answer = asked(rig, "inspect", scene_id=str(scene_id))

    assert (answer["state"], answer["level"]) == ("unknown", "fault")
    assert answer["plex_problem"] in answer["text"]
    assert answer["sent"][0]["fields"]["title"] == "Ada"
    assert answer["last_job"]["outcome"] == "synced"
    assert len(answer["jobs"]) == 1


def test_a_plex_that_breaks_off_the_search_is_not_one_that_lacks_the_file(rig: Rig) -> None:
    rig.add_pair("a", tags=["T"])
    scene = rig.stash.add_scene(title="Gone", tags=["T"], files=[f"{FOLDER}/gone.mp4"])
    lacking = asked(rig, "inspect", scene_id=str(scene.id))
    rig.plex.faults.status(503, kind="file_filter")

    answer = asked(rig, "inspect", scene_id=str(scene.id))

    assert lacking["state"] == "not_in_plex"
    assert (answer["state"], answer["level"]) == ("unknown", "fault")
    assert "503" in answer["text"]


def test_without_stash_it_still_tells_what_it_knows(rig: Rig) -> None:
    scene_id = synced(rig)
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
        (claim,) = queue.claim(1)
        queue.bury(claim, Failure("PlexNotFound", "as it was"))
    rig.stash.stop()

    told = story(inspect(rig, scene_id))

    told = [re.sub(r"http://[^ ]+", "{stash}", line) for line in told]
    assert_golden("inspect", "Stash does not answer", told)


def test_a_program_gets_all_of_it(rig: Rig) -> None:
    scene_id = synced(rig)
    key = rig.item_of(scene_id).rating_key
    rig.stash.update_scene(scene_id, title="Other", tags=["Night", "Rain"])

    answer = asked(rig, "inspect", scene_id=str(scene_id))

    assert rig.worker_pids() == []
    assert json.loads(json.dumps(answer)) == answer
    assert answer["items"] == [
        {"rating_key": key, "library": "Scenes", "files": [f"{FOLDER}/a.mp4"],
         "differences": {
             "title": {"in_plex": "Ada", "wanted": "Other"},
             "tags": {"in_plex": ["Night"], "wanted": ["Night", "Rain"]},
         },
         "to_lock": [], "preserved": [], "refused": []}
    ]  # fmt: skip
    assert answer["files"] == [
        {"path": f"{FOLDER}/a.mp4", "size_bytes": 1_000_000, "plex_path": f"{FOLDER}/a.mp4",
         "rule": "full_path", "rating_keys": [key], "candidates": []}
    ]  # fmt: skip
    assert (answer["state"], answer["title"], answer["enabled"]) == ("differs", "Other", True)
    assert answer["now"] - HOUR < answer["plex_looked_at"] <= answer["now"]
    assert answer["now"] - HOUR < answer["sent"][0]["sent_at"] <= answer["now"]
    assert (answer["stash_problem"], answer["plex_problem"]) == (None, None)


def test_looking_changes_nothing(rig: Rig) -> None:
    scene_id = synced(rig)
    rig.stash.update_scene(scene_id, title="Other")
    before, mark = rig.plex.snapshot(), rig.plex.log.mark()

    inspect(rig, scene_id)

    assert rig.plex.log.writes(mark) == []
    assert rig.plex.snapshot() == before
    assert rig.queued() == 0


def test_the_button_alone_is_told_how_to_name_the_scene(rig: Rig) -> None:
    answer = rig.task("inspect")

    assert_golden("inspect", "The button alone", [str(answer.error)])

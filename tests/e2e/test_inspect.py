import json
import re
import time
from typing import Any

from simulators.rig import FOLDER, TOKEN, Rig
from simulators.stash import PluginResult, VideoFile
from sync_queue.dlq import Failure
from sync_queue.operations import clear_pending_items
from tests.e2e.answers import HOUR, asked, bury, story
from tests.e2e.steps import sync_all
from tests.e2e.test_dead_letter_tasks import postpone, queue_of
from tests.golden import assert_golden
from tests.sync_queue.support import job, postponed

KNOWN: dict[str, Any] = {
    "title": "Ada",
    "details": "Told",
    "studio": "Northlight",
    "date": "2024-05-01",
    "tags": ["Night"],
}


def synced(rig: Rig) -> int:
    scene_id, _ = rig.add_pair("a", **KNOWN)
    sync_all(rig)
    rig.stop_worker()
    return scene_id


def inspect(rig: Rig, scene_id: int) -> PluginResult:
    return rig.task("inspect", scene_id=str(scene_id))


def test_a_scene_is_told_with_where_it_is_what_was_sent_and_what_differs(rig: Rig) -> None:
    scene_id = synced(rig)
    item = rig.item_of(scene_id)
    assert_golden("inspect", "A scene that is in step", story(inspect(rig, scene_id)))

    locks = set(item.locks)
    rig.plex.set_locks(item.rating_key, locks - {"studio"})
    (told,) = asked(rig, "inspect", scene_id=str(scene_id))["items"]
    assert (told["differences"], told["to_lock"]) == ({}, ["studio"])
    rig.plex.set_locks(item.rating_key, locks)

    rig.plex.edit(item.rating_key, genres=["Mine"])
    rig.stash.update_scene(scene_id, title="Ada again")
    before, mark = rig.plex.snapshot(), rig.plex.log.mark()
    # The cover is compared once Stash's time stamp, of whole seconds, has moved.
    told_lines = story(inspect(rig, scene_id))
    lines = [line for line in told_lines if "cover" not in line.lower()]
    assert_golden("inspect", "A scene that differs", lines)
    answer = asked(rig, "inspect", scene_id=str(scene_id))
    assert json.loads(json.dumps(answer)) == answer
    assert answer["items"] == [
        {"rating_key": item.rating_key, "library": "Scenes", "files": [f"{FOLDER}/a.mp4"],
         "differences": {
             "title": {"in_plex": "Ada", "wanted": "Ada again"},
             "tags": {"in_plex": ["Mine"], "wanted": ["Night"]},
         },
         "to_lock": [], "preserved": [], "refused": []}
    ]  # fmt: skip
    assert answer["files"] == [
        {"path": f"{FOLDER}/a.mp4", "size_bytes": 1_000_000, "plex_path": f"{FOLDER}/a.mp4",
         "rule": "full_path", "rating_keys": [item.rating_key], "candidates": []}
    ]  # fmt: skip
    assert (answer["state"], answer["title"], answer["enabled"]) == ("differs", "Ada again", True)
    assert answer["now"] - HOUR < answer["plex_looked_at"] <= answer["now"]
    assert answer["now"] - HOUR < answer["sent"][0]["sent_at"] <= answer["now"]
    assert (answer["stash_problem"], answer["plex_problem"]) == (None, None)

    assert rig.plex.log.writes(mark) == []
    assert rig.plex.snapshot() == before
    assert rig.queued() == 0
    assert_golden("inspect", "The button alone", [str(rig.task("inspect").error)])


def test_what_becomes_of_a_scene_out_of_step_is_told(rig: Rig) -> None:
    scene_id = synced(rig)
    rig.stash.update_scene(scene_id, title="Other")

    def told(how: str) -> dict[str, Any]:
        answer = asked(rig, "inspect", scene_id=str(scene_id))
        text = re.sub(r"\d+m \d+s", "…", answer["text"])
        assert_golden("inspect", f"A scene that differs: {how}", [text])
        return answer

    def states(answer: dict[str, Any]) -> list[str]:
        assert answer["level"] == "ok"
        assert answer["dead_letters"] == []
        return [one["state"] for one in answer["jobs"]]

    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
        assert states(told("waits")) == ["waiting"]
        (claim,) = queue.claim(1)
        assert states(told("in progress")) == ["in_progress"]
        queue.release([postponed(claim, queue.clock() + 3000)])
        assert states(told("put off")) == ["waiting"]
        clear_pending_items(queue.connection)
    rig.configure(enabled=False)
    off = told("switched off")
    rig.configure(enabled=True)
    at = time.time() - 2 * HOUR - 30
    bury(rig, scene_id, "PlexPermanentError", "editing: Plex refused", at)
    dead = told("dead")

    assert off["level"] == dead["level"] == "warning"
    assert off["jobs"] == off["dead_letters"] == dead["jobs"] == []
    assert [one["error_type"] for one in dead["dead_letters"]] == ["PlexPermanentError"]


def test_a_file_is_told_with_its_rule_and_its_candidates(rig: Rig) -> None:
    for folder in ("one", "two"):
        rig.plex.add_item(rig.section, f"{FOLDER}/{folder}/x.mp4", size=77)

    def inspected(path: str, size: int) -> dict[str, Any]:
        file = VideoFile(path, size=size)
        scene = rig.stash.add_scene(title="Ada", tags=["T"], files=[file])
        return asked(rig, "inspect", scene_id=str(scene.id))

    lacking = inspected("/stash/x.mp4", 1_000)
    assert lacking["state"] == "not_in_plex"
    assert lacking["files"] == [
        {"path": "/stash/x.mp4", "size_bytes": 1_000, "plex_path": "/stash/x.mp4", "rule": None,
         "rating_keys": [], "candidates": []}
    ]  # fmt: skip
    assert lacking["items"] == []

    several = inspected("/elsewhere/x.mp4", 77)
    assert several["state"] == "ambiguous"
    (file,) = several["files"]
    assert {(one["path"], one["library"]) for one in file["candidates"]} == {
        (f"{FOLDER}/one/x.mp4", "Scenes"), (f"{FOLDER}/two/x.mp4", "Scenes"),
    }  # fmt: skip

    item = rig.plex.add_item(rig.section, f"{FOLDER}/mapped.mp4")
    rig.configure(plex_unmatched_path_map=f"{FOLDER}=>/mapped")
    (file,) = inspected("/mapped/mapped.mp4", 1_000_000)["files"]
    assert (file["rule"], file["plex_path"]) == ("set_mapping", f"{FOLDER}/mapped.mp4")
    assert file["rating_keys"] == [item.rating_key]

    rig.plex.faults.status(503, kind="file_filter")
    broken_off = inspected(f"{FOLDER}/gone.mp4", 1_000)
    assert (broken_off["state"], broken_off["level"]) == ("unknown", "fault")
    assert "503" in broken_off["text"]


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


def test_without_plex_it_still_tells_what_it_knows(rig: Rig) -> None:
    scene_id = synced(rig)
    postpone(rig, scene_id)
    for away in ("token", "no settings", "down"):
        if away == "down":
            rig.configure(plex_token=TOKEN)
            rig.plex.stop()
        else:
            rig.configure(plex_token="" if away == "no settings" else "wrong-token-000000")

        answer = asked(rig, "inspect", scene_id=str(scene_id))

        assert (answer["state"], answer["level"]) == ("unknown", "fault"), away
        assert answer["plex_problem"] in answer["text"]
        assert answer["sent"][0]["fields"]["title"] == "Ada"
        assert answer["last_job"]["outcome"] == "synced"
        assert len(answer["jobs"]) == 1


def test_without_stash_it_still_tells_what_it_knows(rig: Rig) -> None:
    scene_id = synced(rig)
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
        (claim,) = queue.claim(1)
        queue.dead_letter(claim, Failure("PlexNotFound", "as it was"))
    rig.stash.stop()

    told = story(inspect(rig, scene_id))

    told = [re.sub(r"http://[^ ]+", "{stash}", line) for line in told]
    assert_golden("inspect", "Stash does not answer", told)

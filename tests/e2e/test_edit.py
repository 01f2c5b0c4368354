"""The promise: an edit in Stash reaches Plex with nobody doing anything more."""

from simulators.oracle import IMAGE_LOCKS, LOCKS
from simulators.rig import FOLDER, Rig, png
from simulators.stash import SceneFields
from tests.conftest import MakeRig
from tests.e2e.steps import settle, sync_all, synced_pair

EVERYTHING: SceneFields = {
    "title": "A night, a lamp & <Zoë>",
    "details": "First paragraph.\n\nSecond, with “quotes” and 東京.",
    "date": "2024-05-06",
    "studio": "Northlight, Ltd",
    "performers": ["Mia Okafor", "René Dubois"],
    "tags": ["Night, rain", "Slow [motion]"],
    "cover": png(1),
}


def test_an_edit_arrives_with_every_field_image_and_lock(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a")

    runs = rig.stash.edit_scene(scene_id, **EVERYTHING)

    assert [run.result.output for run in runs] == ["queued"]
    assert rig.settled(), rig.verdict().differences
    assert item.title == "A night, a lamp & <Zoë>"
    assert item.collections == ("Northlight, Ltd",)
    assert item.poster == item.art == png(1)
    assert item.locks >= LOCKS | IMAGE_LOCKS


def test_what_stash_does_not_know_keeps_what_plex_has(rig: Rig) -> None:
    """One scene has no title; nobody has identified the other one yet."""
    titleless, named = rig.add_pair("file-name")
    unknown, item = rig.add_pair("a")
    rig.plex.edit(item.rating_key, summary="set in Plex", lock=False)

    rig.stash.edit_scene(titleless, details="Something")
    rig.stash.edit_scene(unknown, rating100=80)

    assert rig.happened("scene_skipped", scene=unknown)
    settle(rig)
    assert (named.title, item.summary) == ("file-name", "set in Plex")


def test_what_is_emptied_in_stash_is_emptied_in_plex_and_stays_so(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    sync_all(rig)

    rig.stash.edit_scene(scene_id, details="", date=None, studio=None, performers=[], tags=[])

    assert rig.wait_until(lambda: not item.genres and rig.queued() == 0)
    assert (item.summary, item.studio, item.originally_available_at) == ("", "", "")
    assert (item.actors, item.collections) == ((), ())
    rig.plex.agent[item.rating_key] = {
        "summary": "Agent's", "studio": "Agent's", "genres": ["Agent's"], "actors": ["Agent's"],
        "collections": ["Agent's"],
    }  # fmt: skip
    rig.plex.refresh_item(item.rating_key)
    assert (item.summary, item.studio) == ("", "")
    assert (item.genres, item.actors, item.collections) == ((), (), ())


def test_a_collection_of_the_user_is_never_taken_away(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", studio="First")
    rig.plex.edit(item.rating_key, collections=["Mine", "First"])

    rig.stash.edit_scene(scene_id, studio="Second")
    assert rig.wait_until(lambda: "Second" in item.collections)
    rig.stash.edit_scene(scene_id, studio="Third")
    assert rig.wait_until(lambda: "Third" in item.collections)

    assert sorted(item.collections) == ["First", "Mine", "Third"]


def test_a_collection_that_came_by_an_edit_without_an_answer_is_ours_to_remove(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    fault = rig.plex.faults.unanswered(kind="edit")
    rig.stash.edit_scene(scene_id, studio="First")
    assert rig.wait_until(lambda: item.collections == ("First",))

    rig.stash.edit_scene(scene_id, studio="Second")
    fault.clear()

    assert rig.settled(), rig.verdict().differences
    assert item.collections == ("Second",)


def test_a_bulk_edit_of_fifty_scenes_arrives_with_one_write_at_a_time(rig: Rig) -> None:
    ids = rig.add_library(50, covers=False)
    mark = rig.plex.log.mark()

    runs = rig.stash.edit_scenes(ids, tags=["Bulk", "Edit"])

    assert len(runs) == 50
    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.plex.log.max_writes_in_flight == 1
    # A few scenes may be edited twice: their first sync had begun before their hook ran.
    assert rig.plex.log.count("edit", since=mark) <= 60


def test_paths_that_differ_between_the_servers_are_mapped(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_unmatched_path_map": "/plex/video=>/data"})
    scene = rig.stash.add_scene(files=["/data/a/b.mp4"], tags=["Mapped"])
    item = rig.plex.add_item(rig.section, "/plex/video/a/b.mp4")

    rig.stash.edit_scene(scene.id, title="B")

    assert rig.wait_until(lambda: item.title == "B" and item.genres == ("Mapped",))


def test_a_remembered_key_that_now_belongs_to_another_video_is_not_written_to(rig: Rig) -> None:
    scene_id, item = synced_pair(rig)
    rig.plex.move_file(f"{FOLDER}/a.mp4", f"{FOLDER}/another.mp4")

    rig.stash.edit_scene(scene_id, title="Must not appear")

    assert rig.happened("job_retried", error="PlexNotFound")
    assert item.title == "One"
    assert rig.wait_until(lambda: rig.queued() == 1)

"""Performers, studios and tags that change, and scenes that go, reach Plex without a task."""

import time
from collections.abc import Callable

import pytest

from simulators.rig import FOLDER, Rig
from simulators.stash import PluginRun
from sync_queue.sync_log import NO_SCENE
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, hang_in_edit, no_worker, settle, sync_all
from tests.e2e.test_dead_letter_tasks import bury, postpone


def synced(rig: Rig, count: int = 3) -> list[int]:
    ids = []
    for number in range(count):
        whose = "Other" if number == count - 1 else "Old"
        scene_id, _ = rig.add_pair(
            f"s{number}", title=f"S {number}", performers=[f"{whose} name", "Ann"],
            studio=f"{whose} house", tags=[f"{whose} tag", "kept"],
        )  # fmt: skip
        ids.append(scene_id)
    sync_all(rig)
    return ids


def written_since(rig: Rig, mark: int) -> set[int]:
    keys = (one.item_ids.split(",") for one in rig.plex.log.writes(mark))
    return {int(key) for some in keys for key in some}


def logged_scenes(rig: Rig) -> set[int]:
    with rig.database() as database:
        rows = [
            row[0]
            for table in ("scene_log", "sync_log")
            for row in database.execute(f"SELECT scene_id FROM {table}")
        ]
    return set(rows) - {NO_SCENE}


RENAMES: tuple[Callable[[Rig], list[PluginRun]], ...] = (
    lambda rig: rig.stash.update_performer("Old name", name="New name"),
    lambda rig: rig.stash.update_studio("Old house", name="New house"),
    lambda rig: rig.stash.update_tag("Old tag", name="New tag"),
)


def test_a_new_name_reaches_exactly_its_scenes(rig: Rig) -> None:
    ids = synced(rig)
    for number, rename in enumerate(RENAMES, start=1):
        mark = rig.plex.log.mark()

        (run,) = rename(rig)

        assert run.result.output == "queued"
        settle(rig)
        assert written_since(rig, mark) == {rig.item_of(one).rating_key for one in ids[:2]}
        *_, queued = found = rig.events("scenes_queued")
        assert len(found) == number
        assert queued["outcome"] == ["2 scenes queued"]
        assert "None" not in queued["message"] + str(run.result.logs)

    mark = rig.plex.log.mark()
    rig.stash.update_tag("New tag", name="New tag")
    assert rig.happened("scenes_queued", count=len(RENAMES) + 1)
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.plex.log.writes(mark) == []
    not_shown = rig.stash.update_tag("kept", favorite=True)
    assert [run.result.output for run in not_shown] == ["nothing to sync"]
    assert rig.queued() == 0


def test_traits_of_entities_reach_exactly_their_scenes(make_rig: MakeRig) -> None:
    rig = make_rig(
        settings={
            "leave_out_performer_genders": "male",
            "leave_out_performer_tags": "Extra",
            "performer_disambiguation": "always",
            "collections_from": "parent_studio; groups",
        }
    )
    stash, library = rig.stash, rig.stash.library
    _, item = rig.add_pair("a", studio="House", performers=["Ada", "Zoe"], groups=["Group"])
    rig.add_pair("other", studio="Other house", performers=["Ann"], groups=["Other group"])
    parent, other_parent, mark = (
        *(library.studios.add(name).id for name in ("Parent", "Other parent")),
        library.tags.add("Mark").id,
    )
    library.studios.update("House", parent_id=parent)
    rig.task("all")
    rig.task("process_queue")
    steps: list[tuple[Callable[[], list[PluginRun]], set[str]]] = [
        (lambda: stash.update_group("Group", name="Series"), {"Ada", "Zoe", "Parent", "Series"}),
        (lambda: stash.update_studio("Parent", name="Mother"), {"Ada", "Zoe", "Mother", "Series"}),
        (
            lambda: stash.update_studio("House", parent_id=other_parent),
            {"Ada", "Zoe", "Other parent", "Series"},
        ),
        (
            lambda: stash.update_performer("Zoe", disambiguation="singer"),
            {"Ada", "Zoe (singer)", "Other parent", "Series"},
        ),
        (
            lambda: stash.update_performer("Ada", gender="MALE"),
            {"Zoe (singer)", "Other parent", "Series"},
        ),
        (
            lambda: stash.update_performer("Zoe", tag_ids=(mark,)),
            {"Zoe (singer)", "Other parent", "Series"},
        ),
        (lambda: stash.update_tag("Mark", name="Extra"), {"Other parent", "Series"}),
        (
            lambda: stash.destroy_tags("Extra"),
            {"Zoe (singer)", "Other parent", "Series"},
        ),
        (lambda: stash.destroy_group("Series"), {"Zoe (singer)", "Other parent"}),
    ]
    began = rig.plex.log.mark()
    for change, shown in steps:
        (run,) = change()

        assert run.result.output == "queued"
        assert rig.wait_until(
            lambda shown=shown: {*item.collections, *(a.name for a in item.actors)} == shown  # type: ignore[misc]
        )
        assert rig.wait_until(lambda: rig.queued() == 0)
    assert written_since(rig, began) == {item.rating_key}


def test_a_destroyed_performer_studio_and_tag_disappear_from_their_items(rig: Rig) -> None:
    ids = synced(rig)
    with no_worker(rig):
        rig.stash.destroy_performer("Old name")
        rig.stash.destroy_studio("Old house")
        rig.stash.destroy_tags("Old tag")

    rig.task("process_queue")

    assert rig.settled(), rig.verdict().differences
    item = rig.item_of(ids[0])
    assert (item.studio, item.genres, item.collections) == ("", ("kept",), ())
    assert [actor.name for actor in item.actors] == ["Ann"]


def test_tags_destroyed_together_cost_one_look_at_the_library(rig: Rig) -> None:
    names = [f"tag {number}" for number in range(6)]
    ids = [rig.add_pair(f"s{n}", title="T", tags=[names[n], "kept"])[0] for n in range(6)]
    sync_all(rig)
    with no_worker(rig):
        runs = rig.stash.destroy_tags(*names)
    mark = rig.stash.requests.mark()

    rig.task("process_queue")

    assert [run.result.output for run in runs] == ["queued"] * 6
    assert rig.settled(), rig.verdict().differences
    assert {rig.item_of(one).genres for one in ids} == {("kept",)}
    walks = rig.stash.requests.since(mark, lambda one: one.operation == "ScenesWith")
    assert len(walks) == 1


def test_merged_tags_are_one_in_plex(rig: Rig) -> None:
    ids = synced(rig)

    (run,) = rig.stash.merge_tags(["Old tag", "Other tag"], into="kept")

    assert run.result.output == "queued"
    assert rig.settled(), rig.verdict().differences
    assert {rig.item_of(one).genres for one in ids} == {("kept",)}


def test_a_destroyed_scene_is_forgotten_with_its_waiting_job_and_its_dead_letter(rig: Rig) -> None:
    gone, busy, last = synced(rig)
    with no_worker(rig):
        postpone(rig, gone)
        bury(rig, (gone, "PlexNotFound", time.time()), (last, "PlexPermanentError", time.time()))

    (run,) = rig.stash.destroy_scene(gone)

    assert run.result.output == "queued"
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert dead_scenes(rig) == {last}
    assert logged_scenes(rig) == {busy, last}
    assert rig.happened("job_done", scene=gone)

    hang = hang_in_edit(rig, busy, title="New")
    rig.stash.destroy_scene(busy)  # while the scene is being synced
    hang.release()
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert logged_scenes(rig) == {last}


@pytest.mark.parametrize("preserve", [False, True])
def test_an_item_shows_the_destination_of_a_scene_merge(make_rig: MakeRig, preserve: bool) -> None:
    rig = make_rig(settings={"preserve_plex_edits": preserve})
    item = rig.plex.add_item(rig.section, f"{FOLDER}/nobody.mp4", f"{FOLDER}/a.mp4")
    source = rig.stash.add_scene(title="Source", tags=["a"], files=[f"{FOLDER}/a.mp4"]).id
    target, _ = rig.add_pair("b", title="Target", tags=["b"])
    rig.task("all")
    assert rig.settled()
    assert rig.wait_until(lambda: item.title == "Source" and rig.queued() == 0)

    rig.stash.merge_scenes([source], into=target)
    assert rig.task("preview_sync").error is None
    assert source in logged_scenes(rig)
    rig.stash.edit_scene(target, details="One of them now")

    assert rig.settled(), rig.verdict().differences
    assert (item.title, item.genres) == ("Target", ("b",))
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert logged_scenes(rig) == {target}


def test_a_scene_merged_away_leaves_no_value_that_passes_for_a_persons(make_rig: MakeRig) -> None:
    """Its own job, or that of a tag, may find it gone before the other scene is edited."""
    rig = make_rig(settings={"preserve_plex_edits": True})
    source, item = rig.add_pair("a", title="Source", tags=["a"], studio="House", details="Long")
    target, _ = rig.add_pair("b", title="Target", tags=["b"], studio="Mill")
    rig.task("all")
    assert rig.settled()
    rig.stash.merge_scenes([source], into=target)
    rig.stash.update_tag("a", name="A")
    assert rig.wait_until(lambda: source not in logged_scenes(rig))

    rig.stash.edit_scene(target, title="Both")

    assert rig.settled(), rig.verdict().differences
    assert (item.title, item.collections, item.summary) == ("Both", ("Mill",), "")


def test_an_item_goes_over_when_its_file_was_given_to_another_scene(rig: Rig) -> None:
    item = rig.plex.add_item(rig.section, f"{FOLDER}/nobody.mp4", f"{FOLDER}/a.mp4")
    source, own = rig.add_pair("s", title="Source", tags=["a"])
    file = rig.stash.scene(source).files[0]
    rig.stash.update_scene(source, files=[file, f"{FOLDER}/a.mp4"])
    target, _ = rig.add_pair("b", title="Target", tags=["b"])
    rig.task("all")
    assert rig.wait_until(lambda: item.title == "Source" and rig.queued() == 0)
    given = rig.stash.scene(source).files[1]

    rig.stash.update_scene(source, files=[file])
    rig.stash.update_scene(target, files=[*rig.stash.scene(target).files, given])
    rig.stash.edit_scene(target, details="With one more file")

    assert rig.settled(), rig.verdict().differences
    assert (item.title, own.title) == ("Target", "Source")


def test_an_item_stays_with_a_scene_that_still_has_a_file_in_it(rig: Rig) -> None:
    files = [f"{FOLDER}/nobody.mp4", f"{FOLDER}/a.mp4", f"{FOLDER}/b.mp4"]
    item = rig.plex.add_item(rig.section, *files)
    first = rig.stash.add_scene(title="First", tags=["a"], files=files[1:2]).id
    rig.stash.edit_scene(first, details="x")
    assert rig.wait_until(lambda: item.title == "First" and rig.queued() == 0)
    second = rig.stash.add_scene(title="Second", tags=["b"], files=files[2:]).id

    rig.stash.edit_scene(second, details="y")

    assert rig.happened("scene_skipped", scene=second)
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert item.title == "First"

"""Restore Plex Values: the first write is reversible, whatever happens in between."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from simulators.plex import FakePlex
from simulators.rig import FOLDER, Rig, png
from simulators.stash import PluginResult
from simulators.tuning import Tuning
from tests.e2e.steps import hang_in_edit, sync_all, sync_title, synced_pair
from tests.e2e.test_dead_letter_tasks import postpone
from tests.e2e.test_fields import refused
from tests.e2e.test_outages import quicken
from tests.golden import assert_golden, figures

COUNT = 6
STASH: dict[str, Any] = {
    "title": "From Stash",
    "details": "Told in Stash",
    "date": "2024-05-06",
    "studio": "Northlight",
    "performers": ["Mia Okafor"],
    "tags": ["Night, rain"],
}
SHELVES = {"posters", "arts"}  # Plex keeps every upload for good, shown or not


def fill(rig: Rig) -> list[int]:
    ids = []
    for number in range(COUNT):
        scene_id, item = rig.add_pair(f"s{number}", cover=png(number), **STASH)
        ids.append(scene_id)
        key = item.rating_key
        if number % 2:
            rig.plex.edit(
                key,
                lock=number % 3 == 0,
                title=f"Mine {number}",
                summary=f"My words {number}\n\nand more",
                studio="My studio",
                originally_available_at="2001-02-03",
                genres=["Mine", "Comma, too", "Outdoor"],
                actors=["My actor", "Another, one"],
                collections=["My collection", "Northlight"][: number % 3 + 1],
            )
        if number % 3:
            rig.plex.edit(key, lock=number == 4, poster=png(100 + number), art=png(200 + number))
        if number == 5:
            rig.plex.set_locks(key, ["genre", "thumb", "contentRating"])
    return ids


def look(rig: Rig, *ids: int) -> dict[str, Any]:
    keys = {str(rig.item_of(one).rating_key) for one in ids}
    return {
        key: {name: value for name, value in state.items() if name not in SHELVES}
        for key, state in rig.plex.snapshot().items()
        if not ids or key in keys
    }


def memory(rig: Rig) -> list[int]:
    with rig.database() as database:
        return [
            database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for table in ("sync_log", "originals", "scene_log")
        ]


def ask(rig: Rig, *, age: float = 60.0) -> PluginResult:
    answer = rig.task("restore_values")
    path = rig.data / "restore_question.json"
    question = json.loads(path.read_text())
    path.write_text(json.dumps(question | {"at": question["at"] - age}))
    return answer


def restore(rig: Rig) -> PluginResult:
    ask(rig)
    return rig.task("restore_values")


def test_a_second_start_confirms_the_number_of_scenes_of_the_first(rig: Rig) -> None:
    fill(rig)
    before = look(rig)
    sync_all(rig)
    synced = look(rig)

    first = ask(rig, age=-60.0)  # the second start comes early, however slow this machine is
    double_click = rig.task("restore_values", format="json").output
    unread = look(rig)
    restored = restore(rig)
    sync_all(rig)
    once_more = rig.task("restore_values")

    assert_golden("tasks", "Restore Plex Values asks", [first.output])
    assert (double_click["level"], double_click["asks"]) == ("warning", True)
    assert (double_click["scenes"], double_click["items"]) == (COUNT, COUNT)
    assert unread == synced != before
    assert figures(restored.output)[0] == COUNT
    assert figures(once_more.output)[:2] == [COUNT, COUNT]
    assert look(rig) == synced


@pytest.mark.parametrize("append", [True, False])
@pytest.mark.parametrize("upload_locks", [True, False])
def test_all_items_are_again_what_they_were(rig: Rig, append: bool, upload_locks: bool) -> None:
    rig.plex.switches.tags_append = append
    rig.plex.switches.remove_before_add = append
    rig.plex.switches.upload_locks_thumb = upload_locks
    fill(rig)
    before = look(rig)
    sync_all(rig)
    assert look(rig) != before
    mark = rig.plex.log.mark()

    first = restore(rig)
    edits = rig.plex.log.count("edit", since=mark)
    second = rig.task("restore_values")

    assert_golden("tasks", "Restore Original Plex Values, twice", [first.output, second.output])
    assert look(rig) == before
    assert edits == COUNT
    assert memory(rig) == [0, 0, 0]


def test_one_scene_alone_is_restored_and_syncs_again_as_if_it_never_had(rig: Rig) -> None:
    ids = fill(rig)
    before = look(rig, ids[1])
    sync_all(rig)
    others = look(rig, *ids[2:])

    answer = rig.task("restore_values", scene_id=str(ids[1]))

    assert figures(answer.output)[0] == 1
    assert look(rig, ids[1]) == before
    assert look(rig, *ids[2:]) == others
    assert figures(rig.task("all").output)[:2] == [COUNT, 1]
    sync_all(rig)
    rig.task("restore_values", scene_id=str(ids[1]))
    assert look(rig, ids[1]) == before


def test_a_lingering_worker_makes_room_at_once(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", **STASH)
    before = look(rig)
    sync_title(rig, scene_id, "Just edited")
    (worker,) = rig.worker_pids()

    answer = restore(rig)

    assert figures(answer.output)[0] == 1
    assert look(rig) == before
    assert rig.wait_until(lambda: worker not in rig.worker_pids())
    assert rig.happened("worker_ended", outcome="stopped")
    rig.stash.edit_scene(scene_id, title="Edited again")
    assert rig.wait_until(lambda: item.title == "Edited again")


def test_a_busy_worker_that_makes_no_room_is_told_with_what_to_do(rig: Rig) -> None:
    rig.tune(Tuning(takeover_patience=0.5))
    first, _ = rig.add_pair("a", **STASH)
    sync_all(rig)
    hang = hang_in_edit(rig, first, title="Hangs")

    answer = restore(rig)

    assert answer.error is not None
    hang.release()
    assert rig.settled()


KILLS: dict[str, Callable[[FakePlex], Any]] = {
    "before an edit": lambda plex: plex.faults.hang(kind="edit", after=2, times=1),
    "after an edit": lambda plex: plex.faults.hang(kind="edit", after=2, times=1, applied=True),
    "before an image": lambda plex: plex.faults.hang(kind="image_select", after=3, times=1),
    "after an image": lambda plex: plex.faults.hang(
        kind="image_select", after=2, times=1, applied=True
    ),
    "before the list of images": lambda plex: plex.faults.hang(kind="poster_list", times=1),
}


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
@pytest.mark.parametrize("upload_locks", [True, False] if os.environ.get("SOAK") else [True])
def test_a_run_that_was_killed_is_finished_by_the_next(
    rig: Rig, kill: Callable[[FakePlex], Any], upload_locks: bool
) -> None:
    rig.plex.switches.upload_locks_thumb = upload_locks
    fill(rig)
    before = look(rig)
    sync_all(rig)
    fault = kill(rig.plex)
    ask(rig)
    job = rig.stash.run_task("Stash2Plex", None, {"mode": "restore_values"})
    assert fault.wait_for_hit(timeout=30)
    rig.stash.jobs.stop(job)
    rig.stash.jobs.wait(job)
    fault.clear()
    assert look(rig) != before

    answer = rig.task("restore_values")

    assert answer.error is None
    assert look(rig) == before
    assert memory(rig) == [0, 0, 0]


def test_an_outage_ends_the_run_and_the_next_goes_on_from_there(rig: Rig) -> None:
    fill(rig)
    before = look(rig)
    sync_all(rig)
    fault = rig.plex.faults.status(503, kind="edit", after=2)

    stopped = restore(rig)
    fault.clear()
    finished = rig.task("restore_values")

    assert stopped.error is not None
    assert {2, COUNT - 2} <= set(figures(stopped.error))
    assert figures(finished.output)[0] == COUNT - 2
    assert look(rig) == before


def test_an_item_of_which_plex_refuses_anything_stops_no_other(rig: Rig) -> None:
    ids = fill(rig)
    before = look(rig)
    sync_all(rig)
    keys = [str(rig.item_of(one).rating_key) for one in ids]
    of_one_field = rig.plex.faults.status(
        400, predicate=lambda asked: asked.item_ids == keys[0] and refused("summary")(asked)
    )
    of_one_item = rig.plex.faults.status(
        500, kind="edit", predicate=lambda asked: asked.item_ids == keys[1]
    )

    first = restore(rig)
    of_one_field.clear()
    of_one_item.clear()
    second = rig.task("restore_values")

    assert figures(first.output)[:2] == [COUNT - 2, 2]
    assert any(f"scene {ids[0]} was not " in text for text in first.messages("warning"))
    assert figures(second.output)[0] == 2
    assert look(rig) == before


def test_what_is_gone_or_another_video_by_now_is_left_alone(rig: Rig) -> None:
    ids = fill(rig)
    sync_all(rig)
    rig.plex.remove_item(rig.item_of(ids[0]).rating_key)
    stranger = rig.item_of(ids[1])
    rig.plex.move_file(f"{FOLDER}/s1.mp4", f"{FOLDER}/of another video.mp4")
    shown = rig.plex.snapshot()[str(stranger.rating_key)]

    answer = restore(rig)

    assert figures(answer.output)[:2] == [COUNT - 2, 2]
    assert rig.plex.snapshot()[str(stranger.rating_key)] == shown


def test_an_item_whose_file_was_renamed_on_both_sides_is_restored(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", **STASH)
    sync_all(rig)
    rig.plex.move_file(f"{FOLDER}/a.mp4", f"{FOLDER}/renamed.mp4")
    rig.stash.scan_moved(scene_id, f"{FOLDER}/renamed.mp4")
    rig.task("clear_match_cache")
    rig.stash.edit_scene(scene_id, details="After the move")
    assert rig.wait_until(lambda: item.summary == "After the move" and rig.queued() == 0)

    answer = restore(rig)

    assert figures(answer.output)[0] == 1
    assert (item.title, item.summary, item.locks) == ("a", "", frozenset())


def test_what_somebody_changed_since_stays_as_it_is(rig: Rig) -> None:
    _, chosen = rig.add_pair("chosen", cover=png(1), **STASH)
    rig.plex.edit(chosen.rating_key, lock=False, poster=png(2))
    _, locked = rig.add_pair("locked", cover=png(1), **STASH)
    sync_all(rig)
    assert "thumb" in locked.locks
    for item in (chosen, locked):
        rig.plex.edit(item.rating_key, poster=png(3))
    rig.plex.edit(chosen.rating_key, collections=["Northlight", "Added since"])

    restore(rig)

    assert (chosen.poster, chosen.art) == (png(3), None)
    assert chosen.collections == ("Added since",)
    assert locked.poster == png(3)
    assert "thumb" in locked.locks
    assert "art" not in locked.locks


@pytest.mark.parametrize("arrives", [True, False], ids=["it arrives", "its answer never comes"])
def test_an_image_that_was_sent_later_is_locked_as_before(rig: Rig, arrives: bool) -> None:
    rig.plex.switches.upload_locks_thumb = True
    rig.configure(sync_poster=False)
    scene_id, item = rig.add_pair("a", cover=png(1), **STASH)
    sync_and_stop(rig, scene_id, "One")
    rig.plex.edit(item.rating_key, poster=png(3))
    rig.configure(sync_poster=True)
    if not arrives:
        fault = rig.plex.faults.hang(kind="poster_upload", times=1, applied=True)
        rig.stash.edit_scene(scene_id, title="Two")
        assert fault.wait_for_hit(timeout=20)
        assert rig.wait_until(lambda: item.poster == png(1))
        rig.stop_worker()
        fault.release()
    sync_and_stop(rig, scene_id, "Three")
    assert item.poster == png(1)

    restore(rig)

    assert item.poster == png(3)
    assert "thumb" in item.locks
    assert "art" not in item.locks


def sync_and_stop(rig: Rig, scene_id: int, title: str) -> None:
    sync_title(rig, scene_id, title)
    rig.stop_worker()


def cut_off(rig: Rig, scene_id: int, *, title: str, **fields: Any) -> None:
    """An edit that Plex carries out, and a worker that is killed before it hears of it."""
    fault = hang_in_edit(rig, scene_id, applied=True, title=title, **fields)
    item = rig.item_of(scene_id)
    assert rig.wait_until(lambda: item.title == title)
    rig.stop_worker()
    fault.release()


def test_a_field_that_was_sent_later_or_never_is_as_a_person_wrote_it(rig: Rig) -> None:
    rig.configure(sync_summary=False)
    (scene_id, item), (never_sent, other) = (rig.add_pair(name, **STASH) for name in "ab")
    for one in (scene_id, never_sent):
        sync_title(rig, one, "One")
    rig.stop_worker()
    for written in (item, other):
        rig.plex.edit(written.rating_key, summary="My own words")
    rig.configure(sync_summary=True)
    sync_title(rig, scene_id, "Two")
    assert item.summary == STASH["details"]

    restore(rig)

    assert [one.title for one in (item, other)] == ["a", "b"]
    assert [one.summary for one in (item, other)] == ["My own words"] * 2
    assert item.locks == other.locks == {"summary"}


@pytest.mark.parametrize("preserve", [True, False])
def test_a_first_write_that_was_cut_off_is_not_what_plex_held(rig: Rig, preserve: bool) -> None:
    rig.configure(sync_summary=False, preserve_plex_edits=preserve)
    scene_id, item = rig.add_pair("a", **STASH)
    sync_and_stop(rig, scene_id, "One")
    rig.plex.edit(item.rating_key, lock=False, summary="My own words")
    rig.configure(sync_summary=True)
    for title in ("Two", "Three"):
        cut_off(rig, scene_id, title=title, details=f"Told for {title}")
        assert item.summary == f"Told for {title}"
    rig.stash.edit_scene(scene_id, details="Told at last")
    assert rig.wait_until(lambda: item.summary == "Told at last" and rig.queued() == 0)

    restore(rig)

    assert (item.title, item.summary, item.locks) == ("a", "My own words", frozenset())


@pytest.mark.parametrize("preserve", [True, False])
def test_an_edit_of_a_killed_worker_is_taken_back_whole(rig: Rig, preserve: bool) -> None:
    rig.configure(preserve_plex_edits=preserve)
    scene_id, item = rig.add_pair("a", **STASH)
    before = look(rig)
    cut_off(rig, scene_id, title="One")
    rig.configure(enabled=False)
    assert (item.title, item.collections) == ("One", ("Northlight",))

    restore(rig)

    assert look(rig) == before


@pytest.mark.parametrize("finished", [True, False], ids=["sent again", "never sent again"])
def test_words_written_after_a_lost_first_write_come_back(rig: Rig, finished: bool) -> None:
    scene_id, item = rig.add_pair("a", **STASH)
    hang_in_edit(rig, scene_id, title="One")
    rig.stop_worker()
    rig.plex.edit(item.rating_key, summary="My own words")
    if finished:
        sync_and_stop(rig, scene_id, "Two")
        assert item.summary == STASH["details"]

    restore(rig)

    assert (item.title, item.summary) == ("a", "My own words")
    assert item.locks == {"summary"}


def test_no_cover_of_ours_comes_back_however_often_it_had_changed(rig: Rig) -> None:
    scene_id, bare = rig.add_pair("bare", cover=png(1), **STASH)
    other_id, pictured = rig.add_pair("pictured", cover=png(2), **STASH)
    rig.plex.edit(pictured.rating_key, lock=False, poster=png(9))
    sync_all(rig)
    rig.stash.edit_scene(scene_id, cover=png(3))
    rig.stash.edit_scene(other_id, cover=png(4))
    assert rig.wait_until(lambda: (bare.poster, pictured.art) == (png(3), png(4)))
    assert rig.wait_until(lambda: rig.queued() == 0)

    for _ in range(2):
        restore(rig)
        assert (bare.poster, bare.art) == (None, None)
        assert (pictured.poster, pictured.art) == (png(9), None)
        sync_all(rig)


def test_scenes_that_wait_in_the_queue_are_named_and_stay_there(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a", **STASH)
    sync_all(rig)
    rig.stop_worker()
    postpone(rig, scene_id)

    answer = restore(rig)

    assert [1] in [figures(text) for text in answer.messages("warning")]
    assert rig.wait_until(lambda: rig.queued() == 1)


def test_a_plex_that_was_set_up_anew_in_an_outage_gets_back_what_it_held(rig: Rig) -> None:
    quicken(rig)
    scene_id, old = synced_pair(rig, **STASH)
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Two")
    assert rig.happened("plex_failed")
    rig.plex.machine_identifier = "f" * 40
    rig.plex.remove_item(old.rating_key)
    new = rig.plex.add_item(rig.section, f"{FOLDER}/a.mp4")
    rig.plex.edit(new.rating_key, lock=False, summary="What the new Plex held")
    rig.plex.start()
    assert rig.wait_until(lambda: new.title == "Two" and rig.queued() == 0, 120)
    assert rig.events(error="PlexNotFound") == []

    restore(rig)

    assert new.summary == "What the new Plex held"

import re
import time

from simulators.rig import FOLDER, Rig
from simulators.traffic import hang
from tests.e2e.answers import DAY, HOUR, MINUTE, PATHLESS, asked, bury, story
from tests.e2e.steps import dead_scenes
from tests.e2e.test_dead_letter_tasks import an_outage, postpone, queue_of
from tests.e2e.test_outages import quicken
from tests.golden import assert_golden, figures


def letters(rig: Rig) -> list[int]:
    now = time.time()
    ids = [rig.add_pair(name, title=title)[0] for name, title in (("a b", "Ada"), ("c", ""))]
    ids.append(rig.stash.add_scene(title="Third").id)
    bury(rig, ids[0], "PlexNotFound", PATHLESS.format("a b"), now - 3 * DAY - HOUR - 30)
    bury(rig, ids[2], "SceneError", "the scene has no file", now - 2 * DAY - HOUR - 30)
    bury(rig, ids[1], "PlexNotFound", PATHLESS.format("c"), now - HOUR - 5 * MINUTE - 30)
    return ids


def test_they_are_told_by_reason_newest_first_with_what_to_do(rig: Rig) -> None:
    first, second, third = letters(rig)

    answer = asked(rig, "dead_letters")

    scenes = [one.pop("scenes") for one in answer["groups"]]
    groups = [
        (one["error_type"], one["count"], bool(one["what_to_do"])) for one in answer["groups"]
    ]
    assert groups == [("PlexNotFound", 2, True), ("SceneError", 1, True)]
    assert [[(one["scene_id"], one["title"]) for one in group] for group in scenes] == [
        [(second, "c.mp4"), (first, "Ada")],
        [(third, "Third")],
    ]
    assert scenes[1][0]["message"] == "the scene has no file"
    assert 2 * DAY < answer["now"] - scenes[1][0]["failed_at"] < 3 * DAY
    assert {key: answer[key] for key in ("level", "total", "groups_left_out")} == {
        "level": "warning", "total": 3, "groups_left_out": 0,
    }  # fmt: skip
    assert rig.worker_pids() == []
    assert_golden("dead_letters", "Show Dead Letters", story(rig.task("show_dlq")))

    rig.stash.inject(hang, "findScene", times=None)
    assert rig.task("show_dlq").error is None
    rig.stash.stop()
    told = [re.sub(r"http://[^ ]+", "{stash}", line) for line in story(rig.task("show_dlq"))]
    assert_golden("dead_letters", "Show Dead Letters without Stash", told)


def test_thousands_are_told_in_a_bounded_number_of_lines_and_one_request(rig: Rig) -> None:
    now = time.time()
    with queue_of(rig) as queue, queue.transaction():
        for number in range(2500):
            queue.connection.execute(
                "INSERT INTO dead_letters (scene_id, job_data, error_type, error_message, "
                "failed_at) VALUES (?, '{}', ?, ?, datetime(?, 'unixepoch'))",
                (number + 1, f"Error{number % 25}", f"scene {number} is odd", now - number),
            )
    rig.task("queue_status")  # the first task of an installation writes its settings down
    asked_before = rig.stash.requests.count()

    told = story(rig.task("show_dlq"))
    answer = asked(rig, "show_dlq")

    assert figures(told[-1])[:2] == [2500, 25]
    assert figures(told[-2]) == [5]
    assert [figures(line) for line in told].count([90]) == 20
    assert len(told) == 20 * 12 + 2
    assert [len(group["scenes"]) for group in answer["groups"]] == [10] * 20
    assert (answer["total"], answer["groups_left_out"]) == (2500, 5)
    assert {group["count"] for group in answer["groups"]} == {100}
    # The task asks for the settings as well.
    assert rig.stash.requests.count() - asked_before == 3


def test_retry_queues_all_for_people_and_programs(rig: Rig) -> None:
    ids = rig.add_library(4, covers=False)
    last = ids.pop()
    for one in ids:
        bury(rig, one, "PlexTemporaryError", "as it was", time.time())

    answer = rig.task("retry_dlq")
    again = rig.task("retry_dlq")

    assert_golden("dead_letters", "Retry Dead Letters, twice", [*story(answer), *story(again)])
    assert rig.wait_until(lambda: all(rig.item_of(one).genres for one in ids))
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    bury(rig, last, "PlexNotFound", "as it was", time.time())
    bury(rig, None, "KeyError", "'x'", time.time())  # the job of a tag

    program = asked(rig, "retry_dlq")

    assert program == {
        "level": "ok", "text": program["text"], "requeued": 2, "already_queued": 0,
        "not_in_stash": 0, "unreadable": 0, "requeued_scene_ids": [last],
        "already_queued_scene_ids": [],
    }  # fmt: skip
    assert rig.settled(), rig.verdict().differences[:3]
    assert dead_scenes(rig) == set()


def test_one_type_or_one_scene_can_be_chosen_and_an_unknown_type_is_refused(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    for one, kind in zip(ids, ("PlexNotFound", "PlexNotFound", "SceneError"), strict=True):
        bury(rig, one, kind, "as it was", time.time())

    unknown = rig.task("retry_dlq", error_type="PlexNotFuond")
    assert_golden("dead_letters", "A type of error that does not occur", [str(unknown.error)])
    assert dead_scenes(rig) == set(ids)
    of_type_and_scene = rig.task("retry_dlq", error_type="plexnotfound", scene_id=str(ids[1]))
    left = dead_scenes(rig)
    of_type = rig.task("retry_dlq", error_type=" SceneError ")
    other_scene = rig.task("retry_dlq", scene_id="999")

    assert figures(of_type_and_scene.output) == figures(of_type.output) == [1]
    assert left == {ids[0], ids[2]}
    assert dead_scenes(rig) == {ids[0]}
    assert other_scene.error is None


def test_what_is_queued_already_or_gone_or_no_job_is_left_and_counted(rig: Rig) -> None:
    (kept,) = rig.add_library(1, covers=False)
    queued, gone = 70, 4711
    postpone(rig, queued)
    for one in (kept, queued, gone):
        bury(rig, one, "PlexNotFound", "as it was", time.time())
    with queue_of(rig) as queue, queue.transaction():
        queue.connection.execute(
            "INSERT INTO dead_letters (job_data, error_type, failed_at) "
            "VALUES ('no json', 'UnreadableJob', datetime('now'))"
        )

    answer = rig.task("retry_dlq")

    assert_golden("dead_letters", "Retry Dead Letters, in part", story(answer))
    assert rig.wait_until(lambda: bool(rig.item_of(kept).genres))
    assert dead_scenes(rig) == {queued, gone, None}


def test_a_program_may_recover_and_then_the_worker_is_started(rig: Rig) -> None:
    (one,) = rig.add_library(1, covers=False)
    start, _ = an_outage(rig)
    bury(rig, one, "PlexServerDown", "as it was", start + 60)

    assert asked(rig, "recover_outage_jobs")["recovered"] == 1

    assert rig.settled()


def test_without_stash_all_are_queued_again_and_it_is_said_that_nobody_checked(rig: Rig) -> None:
    bury(rig, 4711, "PlexNotFound", "as it was", time.time())
    rig.stash.stop()

    answer = rig.task("retry_dlq")

    assert figures(answer.output) == [1]
    assert len(answer.messages("warning")) == 1


def test_a_scene_whose_plex_is_away_waits_in_the_queue(rig: Rig) -> None:
    quicken(rig)
    scene_id, item = rig.add_pair("a", title="After", tags=["T"])
    bury(rig, scene_id, "PlexNotFound", f"Plex has no item for {FOLDER}/a.mp4", time.time())
    rig.plex.stop()

    rig.task("retry_dlq")
    rig.plex.start()

    assert rig.wait_until(lambda: item.title == "After", 60)

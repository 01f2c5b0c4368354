"""What the detached worker did reaches Stash's log: once, in bounds, whoever comes next."""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.processes.worker_log import create_worker_log, leave_record
from app.relay import FEW_SCENES, MOST_LINES, MOST_STEPS, relay_worker_log
from shared.data_folder import DataFolder
from shared.events import Event
from shared.file_lock import FileLock
from shared.log import Log
from tests.golden import assert_golden
from tests.test_worker_log import close_logs

TIME = re.compile(r"\[\d\d:\d\d:\d\d\]")


LINE = {"time": "2024-05-06 14:02:07.123456", "level": "warning", "code": "", "message": "Said"}


class Desk:
    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(str(root))
        self.folder.create()
        self.worker = create_worker_log(self.folder.worker_log, self.folder.unreported)
        self.worker.show_steps = True
        self.records: list[tuple[str, str]] = []

    def relay(self, most: int | None = None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        log = Log(lambda level, text, *_: told.append((level, TIME.sub("[t]", text))))
        relay_worker_log(self.folder, log, most)
        return told

    def synced(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.ended(Event.SCENE_SYNCED, number)

    def ended(self, event: Event, number: int) -> None:
        label = f"Scene {number}"
        self.worker.event(event, label=label, changed=["title"], reason="why", seconds=1)

    def rotate(self) -> None:
        """As the worker does when its file is full: the next line is the first of another."""
        close_logs()
        os.replace(self.folder.worker_log, f"{self.folder.worker_log}.1")
        self.worker = create_worker_log(self.folder.worker_log, self.folder.unreported)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path)
    close_logs()


def test_each_line_is_told_once_and_at_its_level(desk: Desk) -> None:
    desk.worker.event(Event.WORKER_STARTED, pid=7)
    desk.synced(1, 1)
    desk.worker.event(Event.PLEX_DOWN, reason="nothing answers")
    desk.worker.debug("for developers")
    synced, down = desk.relay()
    assert (synced[0], down[0]) == ("i", "w")
    assert desk.relay() == []
    desk.worker.event(Event.PLEX_BACK, duration="2m 5s", scenes=3)
    assert [level for level, _ in desk.relay()] == ["i"]


def test_many_scenes_are_one_line(desk: Desk) -> None:
    desk.synced(1, 480)
    for number, event in enumerate((
        Event.SCENE_IN_STEP, Event.SCENE_SKIPPED, Event.JOB_RETRIED, Event.JOB_DEAD_LETTERED
    ), 481):  # fmt: skip
        desk.ended(event, number)
    desk.worker.event(Event.DRAIN_PROGRESS, jobs=480, seconds=3, ends=["480 synced"])
    retried, dead, ends = desk.relay()
    assert (retried[0], "scene 483" in retried[1]) == ("w", True)
    assert (dead[0], "scene 484" in dead[1]) == ("e", True)
    assert ends[0] == "i"
    assert_golden("log", "Many jobs have ended", [ends[1]])


def test_a_few_scenes_are_told_one_by_one(desk: Desk) -> None:
    desk.synced(1, FEW_SCENES)
    assert len(desk.relay()) == FEW_SCENES
    desk.synced(1, FEW_SCENES + 1)
    assert len(desk.relay()) == 1


def test_warnings_and_steps_are_bounded_and_the_rest_is_counted(desk: Desk) -> None:
    for number in range(1000):
        desk.worker.warning(f"Something is wrong with scene {number}")
        desk.worker.step(f"Scene {number}: item 1: title differs")
    told = desk.relay()
    assert len(told) == MOST_LINES + MOST_STEPS + 1
    assert told[-1][0] == "w"
    assert_golden("log", "More lines than are relayed", [told[-1][1]])


def test_a_line_that_is_still_being_written_waits_for_its_end(desk: Desk) -> None:
    desk.synced(1, 1)
    desk.relay()
    whole = json.dumps(LINE) + "\n"
    with open(desk.folder.worker_log, "a", encoding="utf-8") as file:
        file.write(whole[:40])
        file.flush()
        assert desk.relay() == []
        file.write(whole[40:])
    assert desk.relay() == [("w", "[2024-05-06 14:02:07] Said")]


def test_a_line_behind_half_a_line_is_told_and_a_broken_one_is_not(desk: Desk) -> None:
    with open(desk.folder.worker_log, "a", encoding="utf-8") as file:
        file.write("no record\n")
        file.write(json.dumps(LINE)[:50] + json.dumps(LINE) + "\n")
        file.write(json.dumps(LINE)[:50] + "\n\n[]\n{}\n")
    assert desk.relay() == [("w", "[2024-05-06 14:02:07] Said")]


def test_a_rotation_loses_no_line_and_doubles_none(desk: Desk) -> None:
    desk.worker.warning("one")
    desk.relay()
    desk.worker.warning("two")
    desk.rotate()
    desk.worker.warning("three")
    assert [text for _, text in desk.relay()] == ["[t] two", "[t] three"]
    desk.rotate()
    assert desk.relay() == []
    desk.worker.warning("four")
    desk.rotate()
    desk.worker.warning("five")
    desk.rotate()
    desk.worker.warning("six")
    # Of what was rotated away twice nothing is left.
    assert [text for _, text in desk.relay()] == ["[t] five", "[t] six"]


def test_processes_at_once_tell_each_line_once(desk: Desk) -> None:
    for number in range(MOST_LINES):
        desk.worker.warning(f"line {number}")
    with ThreadPoolExecutor(8) as pool:
        told = [text for each in pool.map(lambda _: desk.relay(), range(8)) for _, text in each]
    assert sorted(told) == sorted(f"[t] line {number}" for number in range(MOST_LINES))


def test_whoever_finds_another_at_it_goes_on_at_once(desk: Desk) -> None:
    desk.worker.warning("said")
    lock = FileLock(desk.folder.relay_lock)
    assert lock.try_acquire()
    assert desk.relay() == []
    lock.release()
    assert desk.relay() == [("w", "[t] said")]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"offset": "x"}', '{"offset": 7}', "\0"])
def test_a_damaged_memory_of_what_was_told_breaks_nothing(desk: Desk, content: str) -> None:
    desk.worker.warning("said")
    Path(desk.folder.relayed).write_text(content)
    assert desk.relay() == [("w", "[t] said")]
    assert desk.relay() == []


def test_a_log_that_cannot_be_read_is_no_matter(desk: Desk) -> None:
    os.unlink(desk.folder.worker_log)
    assert desk.relay() == []
    os.mkdir(desk.folder.worker_log)
    assert [level for level, _ in desk.relay()] == ["d"]


def test_news_stand_until_they_were_told_and_a_hook_leaves_what_is_too_much(desk: Desk) -> None:
    desk.worker.debug("no news")
    assert not os.path.exists(desk.folder.unreported)
    for number in range(4):
        desk.worker.warning(f"line {number}")
    assert os.path.exists(desk.folder.unreported)
    first = desk.relay(most=200)
    assert 0 < len(first) < 4
    assert os.path.exists(desk.folder.unreported)
    rest = desk.relay()
    assert [text for _, text in first + rest] == [f"[t] line {number}" for number in range(4)]
    assert not os.path.exists(desk.folder.unreported)
    desk.worker.warning("more")
    assert os.path.exists(desk.folder.unreported)


def test_where_it_stands_is_a_file_of_its_own(desk: Desk) -> None:
    desk.worker.warning("said")
    desk.relay()
    place = json.loads(Path(desk.folder.relayed).read_text())
    assert place["offset"] == os.path.getsize(desk.folder.worker_log)


def test_a_message_of_a_worker_without_a_log_is_reported_once(desk: Desk) -> None:
    os.unlink(desk.folder.worker_log)
    leave_record(desk.folder.unreported, Event.WORKER_NOT_STARTED, "One thing\nand another")
    leave_record(desk.folder.unreported, Event.WORKER_NOT_STARTED, "A later start meets the same")

    ((level, text),) = desk.relay()
    assert (level, "One thing\\nand another" in text) == ("e", True)
    assert desk.relay() == []
    leave_record(desk.folder.unreported, Event.WORKER_NOT_STARTED, "Again")
    assert len(desk.relay()) == 1


def test_a_sign_of_news_that_cannot_be_read_keeps_nobody_from_the_log(desk: Desk) -> None:
    desk.worker.info("A line")
    Path(desk.folder.unreported).write_bytes(b"\xff\x00 no line at all " * 10_000)

    assert desk.relay() == [("i", "[t] A line")]
    assert not os.path.exists(desk.folder.unreported)

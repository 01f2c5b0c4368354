"""What the detached worker did reaches Stash's log: once, in bounds, whoever comes next."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from app.relay import FEW_SCENES, MOST_LINES, MOST_STEPS, relay_worker_log
from app.worker_failure import leave_word
from app.worker_log import create_worker_log
from shared.data_folder import DataFolder
from shared.file_lock import FileLock
from shared.log import Log
from shared.redaction import Secrets

TIME = re.compile(r"\[\d\d:\d\d:\d\d\]")


def close_logs() -> None:
    """Close the files of the worker's logs, as the end of its process does."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, RotatingFileHandler):
            handler.close()


class Desk:
    """A data folder with a worker that writes its log, and a Stash that reads ours."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(str(root))
        self.folder.create()
        self.worker = create_worker_log(self.folder.worker_log, Secrets(), self.folder.news)
        self.worker.show_steps = True
        self.records: list[tuple[str, str]] = []

    def relay(self, most: int | None = None) -> list[tuple[str, str]]:
        """What one invocation tells, without its times."""
        told: list[tuple[str, str]] = []
        log = Log(lambda level, text: told.append((level, TIME.sub("[t]", text))), Secrets())
        relay_worker_log(self.folder, log, most)
        return told

    def synced(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.worker.info(f"Scene {number} (T): synced: title; 0.1 s")

    def rotate(self) -> None:
        """As the worker does when its file is full: the next line is the first of another."""
        close_logs()
        os.replace(self.folder.worker_log, f"{self.folder.worker_log}.1")
        self.worker = create_worker_log(self.folder.worker_log, Secrets(), self.folder.news)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path)
    close_logs()


def test_each_line_is_told_once_and_at_its_level(desk: Desk) -> None:
    desk.worker.info("The worker has started (process 7)")
    desk.worker.info("Scene 1 (A): synced: title, 2 tags; 0.2 s")
    desk.worker.warning("Plex is down: nothing answers. Edits are kept and go on by themselves")
    desk.worker.debug("for developers")
    assert desk.relay() == [
        ("i", "[t] Scene 1 (A): synced: title, 2 tags; 0.2 s"),
        ("w", "[t] Plex is down: nothing answers. Edits are kept and go on by themselves"),
    ]
    assert desk.relay() == []
    desk.worker.info("Plex is back after 2m 5s; 3 scenes waited")
    assert desk.relay() == [("i", "[t] Plex is back after 2m 5s; 3 scenes waited")]


def test_many_scenes_are_one_line(desk: Desk) -> None:
    desk.synced(1, 480)
    desk.worker.info("Scene 481 (T): already in step; 0.0 s")
    desk.worker.info("Scene 482: skipped: no metadata yet; 0.0 s")
    desk.worker.warning("Scene 483: Plex has no item for /a. Next try in 20 s")
    desk.worker.error("Scene 484: the scene has no file. It is in the dead letters: …")
    desk.worker.info("So far: 480 jobs in 3.0 s: 480 synced")
    assert desk.relay() == [
        ("w", "[t] Scene 483: Plex has no item for /a. Next try in 20 s"),
        ("e", "[t] Scene 484: the scene has no file. It is in the dead letters: …"),
        (
            "i",
            "Since [t] the worker ended 484 jobs: 480 synced, 1 already in step, 1 skipped, "
            "1 wait, 1 in the dead letters. Details: worker.log in the plugin's data folder",
        ),
    ]


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
    assert told[-1] == (
        "w",
        f"The worker has told {2000 - MOST_LINES - MOST_STEPS} lines more: read worker.log in the "
        "plugin's data folder",
    )


def test_a_line_that_is_still_being_written_waits_for_its_end(desk: Desk) -> None:
    desk.synced(1, 1)
    desk.relay()
    whole = "2024-05-06 14:02:07,123 WARNING Said in two parts\n"
    with open(desk.folder.worker_log, "a", encoding="utf-8") as file:
        file.write(whole[:40])
        file.flush()
        assert desk.relay() == []
        file.write(whole[40:])
    assert desk.relay() == [("w", "[2024-05-06 14:02:07] Said in two parts")]


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
    ((level, text),) = desk.relay()
    assert (level, text.split(":")[0]) == ("d", "What the worker wrote was not read")


def test_news_stand_until_they_were_told_and_a_hook_leaves_what_is_too_much(desk: Desk) -> None:
    desk.worker.debug("no news")
    assert not os.path.exists(desk.folder.news)
    for number in range(4):
        desk.worker.warning(f"line {number}")
    assert os.path.exists(desk.folder.news)
    first = desk.relay(most=90)
    assert 0 < len(first) < 4
    assert os.path.exists(desk.folder.news)
    rest = desk.relay()
    assert [text for _, text in first + rest] == [f"[t] line {number}" for number in range(4)]
    assert not os.path.exists(desk.folder.news)
    desk.worker.warning("more")
    assert os.path.exists(desk.folder.news)


def test_where_it_stands_is_a_file_of_its_own(desk: Desk) -> None:
    desk.worker.warning("said")
    desk.relay()
    place = json.loads(Path(desk.folder.relayed).read_text())
    assert place["offset"] == os.path.getsize(desk.folder.worker_log)


def test_the_word_of_a_worker_that_has_no_log_is_told_once_and_keeps_out_no_later_one(
    desk: Desk,
) -> None:
    os.unlink(desk.folder.worker_log)
    leave_word(desk.folder.news, "One thing\nand another")
    leave_word(desk.folder.news, "It comes with each start, and the first says it")

    assert desk.relay() == [("e", "[t] One thing\\nand another")]
    assert desk.relay() == []
    leave_word(desk.folder.news, "Again")
    assert desk.relay() == [("e", "[t] Again")]


def test_a_sign_of_news_that_cannot_be_read_keeps_nobody_from_the_log(desk: Desk) -> None:
    desk.worker.info("A line")
    Path(desk.folder.news).write_bytes(b"\xff\x00 no line at all " * 10_000)

    assert desk.relay() == [("i", "[t] A line")]
    assert not os.path.exists(desk.folder.news)

"""How the worker tells of its jobs: one line each, and sums of many."""

import pytest

from shared.log import Log
from shared.redaction import Secrets
from validation.metadata import SceneMetadata
from worker.scene_work import SYNCED
from worker.story import BURIED, IN_STEP, WAITS, Story, words_of


class Teller:
    """A story into a list, and its clock."""

    def __init__(self, most: int | None = None) -> None:
        self.lines: list[tuple[str, str]] = []
        self.now = 100.0
        log = Log(lambda level, text: self.lines.append((level, text)), Secrets())
        self.story = Story(log, lambda: self.now, most)

    def tell(self, end: str, count: int = 1) -> None:
        for _ in range(count):
            self.now += 0.1
            self.story.tell(end, f"a scene: {end}")

    def sums(self) -> list[str]:
        return [text for _, text in self.lines if not text.startswith("a scene")]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("title", "tags", "poster"), ("title", "3 tags", "poster")),
        (("performers", "collections"), ("1 performer", "no collections")),
        (("studio", "summary", "date"), ("no studio", "summary", "date")),
    ],
)
def test_what_an_item_got_is_named_and_counted(
    changed: tuple[str, ...], words: tuple[str, ...]
) -> None:
    desired = SceneMetadata(
        title="",
        studio="",
        summary="S",
        date="2024-01-01",
        performers=("A",),
        tags=("a", "b", "c"),
        collections=(),
    )
    assert words_of(changed, desired) == words


def test_the_sum_comes_every_ten_jobs_and_at_the_end_of_the_drain() -> None:
    teller = Teller()
    teller.tell(SYNCED, 12)
    teller.tell(IN_STEP, 11)
    teller.story.end()
    teller.story.end()
    assert teller.sums() == [
        "So far: 10 jobs in 0.9 s: 10 synced",
        "So far: 20 jobs in 1.9 s: 12 synced, 8 already in step",
        "Drained: 23 jobs in 2.2 s: 12 synced, 11 already in step",
    ]


def test_a_slow_drain_tells_its_sum_every_30_seconds() -> None:
    teller = Teller()
    teller.tell(SYNCED, 2)
    teller.now += 29
    teller.story.pause()
    assert teller.sums() == []
    teller.now += 2
    teller.story.pause()
    teller.story.pause()
    assert teller.sums() == ["So far: 2 jobs in 31.1 s: 2 synced"]


def test_a_single_edit_is_one_line() -> None:
    teller = Teller()
    teller.tell(SYNCED)
    teller.story.end()
    assert [level for level, _ in teller.lines] == ["i"]


def test_in_stashs_log_a_drain_is_a_few_lines_and_one_sum() -> None:
    teller = Teller(most=3)
    teller.tell(SYNCED, 500)
    teller.tell(BURIED)
    teller.story.end()
    shown = [line for line in teller.lines if line[0] != "d"]
    assert shown == [
        *[("i", "a scene: synced")] * 3,
        ("e", "a scene: dead letters"),
        ("i", "Drained: 501 jobs in 50.0 s: 500 synced, 1 dead letters"),
    ]


def test_a_drain_that_was_told_line_by_line_needs_no_sum_in_stashs_log() -> None:
    teller = Teller(most=3)
    teller.tell(SYNCED, 3)
    teller.story.end()
    assert teller.sums() == []


def test_a_scene_that_waits_is_a_warning_once() -> None:
    teller = Teller()
    teller.story.tell(WAITS, "first")
    teller.story.tell(WAITS, "second", again=True)
    assert teller.lines == [("w", "first"), ("i", "second")]


def test_of_the_jobs_of_a_drain_that_wait_for_one_cause_the_first_warns() -> None:
    teller = Teller()
    for cause in ("covers", "covers", "another", ""):
        teller.story.tell(WAITS, f"a scene: {cause}", cause=cause)
    teller.story.tell(WAITS, "a scene: again", again=True)
    teller.story.end()
    teller.story.tell(WAITS, "a scene: covers", cause="covers")
    levels = [level for level, text in teller.lines if text.startswith("a scene")]
    assert levels == ["w", "i", "w", "w", "i", "w"]

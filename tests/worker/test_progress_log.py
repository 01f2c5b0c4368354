"""How the worker tells of its jobs: one line each, and sums of many."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.events import Event
from shared.log import Log
from validation.metadata import SceneMetadata
from worker.sync.progress_log import ProgressLog, words_of


class Drain:
    def __init__(self, most: int | None = None) -> None:
        self.ends: list[tuple[str, str]] = []
        self.sums: list[tuple[str, object]] = []
        self.now = 100.0
        self.progress = ProgressLog(Log(self._note), lambda: self.now, most)

    def _note(self, level: str, _text: str, code: str, fields: Mapping[str, object]) -> None:
        if code.startswith("drain_"):
            self.sums.append((code, fields["ends"]))
        else:
            self.ends.append((level, code))

    def end(self, end: Event, count: int = 1, **options: Any) -> None:
        options |= {"label": "A scene", "changed": (), "reason": "", "seconds": 0.1}
        for _ in range(count):
            self.now += 0.1
            self.progress.report(end, **options)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("title", "tags", "poster"), ("title", "3 tags", "poster")),
        (("performers", "collections"), ("1 performer", "collections cleared")),
        (("studio", "summary", "date"), ("studio cleared", "summary", "date")),
    ],
)
def test_changed_values_are_named(changed: tuple[str, ...], words: tuple[str, ...]) -> None:
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
    drain = Drain()
    drain.end(Event.SCENE_SYNCED, 12)
    drain.end(Event.SCENE_IN_STEP, 11)
    drain.progress.drain_ended()
    drain.progress.drain_ended()
    assert drain.sums == [
        ("drain_progress", ["10 synced"]),
        ("drain_progress", ["12 synced", "8 already up to date"]),
        ("drain_ended", ["12 synced", "11 already up to date"]),
    ]


def test_a_slow_drain_tells_its_sum_every_30_seconds() -> None:
    drain = Drain()
    drain.end(Event.SCENE_SYNCED, 2)
    drain.now += 29
    drain.progress.batch_ended()
    assert drain.sums == []
    drain.now += 2
    drain.progress.batch_ended()
    drain.progress.batch_ended()
    assert drain.sums == [("drain_progress", ["2 synced"])]


def test_a_single_edit_is_one_line() -> None:
    drain = Drain()
    drain.end(Event.SCENE_SYNCED)
    drain.progress.drain_ended()
    assert (len(drain.ends), drain.sums) == (1, [])


def test_in_stashs_log_a_drain_is_a_few_lines_and_one_sum() -> None:
    drain = Drain(most=3)
    drain.end(Event.SCENE_SYNCED, 500)
    drain.end(Event.JOB_DEAD_LETTERED)
    drain.progress.drain_ended()
    shown = [end for end in drain.ends if end[0] != "d"]
    assert shown == [*[("i", "scene_synced")] * 3, ("e", "job_dead_lettered")]
    assert drain.sums == [("drain_ended", ["500 synced", "1 failed permanently"])]


def test_a_drain_that_was_told_line_by_line_needs_no_sum_in_stashs_log() -> None:
    drain = Drain(most=3)
    drain.end(Event.SCENE_SYNCED, 3)
    drain.progress.drain_ended()
    assert drain.sums == []


def test_a_scene_that_waits_is_a_warning_once() -> None:
    drain = Drain()
    drain.end(Event.JOB_RETRIED)
    drain.end(Event.JOB_RETRIED, again=True)
    assert [level for level, _ in drain.ends] == ["w", "i"]


def test_of_the_jobs_of_a_drain_that_wait_for_one_cause_the_first_warns() -> None:
    drain = Drain()
    for cause in ("covers", "covers", "another", ""):
        drain.end(Event.JOB_RETRIED, cause=cause)
    drain.end(Event.JOB_RETRIED, again=True)
    drain.progress.drain_ended()
    drain.end(Event.JOB_RETRIED, cause="covers")
    assert [level for level, _ in drain.ends] == ["w", "i", "w", "w", "i", "w"]

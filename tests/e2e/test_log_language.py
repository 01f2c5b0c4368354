"""What a reader of Stash's log learns of a day with this plugin, and what he is spared."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

import pytest

from simulators.rig import Rig
from simulators.stash import PluginResult, SceneFields
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken
from tests.e2e.test_reconcile import no_worker
from tests.vocabulary import unlisted

BULK = 500 if os.environ.get("SOAK") else 200
_ENDED = re.compile(r"Scene (\d+) \(.*\): (?:synced|already in step)")
_MASKS = (
    (re.compile(r"\[\d\d:\d\d:\d\d\]"), "[14:02:07]"),
    (re.compile(r"\d+\.\d s\b"), "0.2 s"),
    (re.compile(r"after (?:\d+m )?\d+s"), "after 2m 5s"),
    (re.compile(r"Next try in \d+ s"), "Next try in 20 s"),
    (re.compile(r"(connecting to Plex|asking Plex who it is)(?=: )"), "asking Plex"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://plex"),
)


def said(results: Iterable[PluginResult]) -> list[str]:
    """The lines that Stash shows by default, as it shows them, without their figures."""
    lines = []
    for entry in (entry for result in results for entry in result.logs):
        if entry.level in ("info", "warning", "error"):
            text = entry.text
            for form, instead in _MASKS:
                text = form.sub(instead, text)
            lines.append(f"{entry.level}: {text}")
    return lines


def everything_said(rig: Rig) -> list[str]:
    return said(run.result for run in rig.stash.host.runs)


def hasten_the_news(rig: Rig) -> None:
    """Let hooks tell at once what the worker did, instead of ten seconds later."""
    rig.tune(Tuning(news_age=0.0))


EDIT = """
info: Scene 1: queued
info: Scene 1: queued
info: [14:02:07] Scene 1 (A night): synced: title, studio, date, 2 performers, 3 tags, 1 collection; 0.2 s
info: [14:02:07] Scene 1 (A night): synced: no studio, no date, no collections; 0.2 s
"""  # noqa: E501 - as it stands in the log


def test_an_edit_is_two_lines_one_when_it_is_queued_and_one_when_it_is_in_plex(rig: Rig) -> None:
    hasten_the_news(rig)
    rig.tune(Tuning(burst_gap=-1.0))
    scene_id, _ = rig.add_pair("a")
    edit: SceneFields = {
        "title": "A night",
        "date": "2024-05-06",
        "studio": "Northlight",
        "performers": ["Ada", "Jo"],
        "tags": ["a", "b", "c"],
    }
    rig.stash.edit_scene(scene_id, **edit)
    assert rig.wait_until(lambda: "A night): synced" in rig.worker_log())
    rig.stash.edit_scene(scene_id, studio=None, date=None)
    assert rig.wait_until(lambda: rig.worker_log().count("): synced") == 2)
    rig.stash.edit_scene(scene_id, play_duration=1.0)

    shown = everything_said(rig)

    assert shown == EDIT.strip().split("\n"), "\n".join(shown)
    assert unlisted(rig.worker_log()) == []


def test_a_bulk_edit_of_hundreds_of_scenes_is_a_handful_of_lines(rig: Rig) -> None:
    ids = rig.add_library(BULK, covers=False)
    # A machine under load may take its time between two hooks; a bulk edit is one all the same.
    rig.tune(Tuning(burst_gap=30.0))

    rig.stash.edit_scenes(ids, tags=["Bulk"])
    assert rig.settled(120), rig.verdict().differences[:3]
    assert rig.wait_until(
        lambda: len(set(_ENDED.findall(rig.worker_log()))) == BULK and rig.queued() == 0
    )
    rig.task("queue_status")

    shown = everything_said(rig)
    queued = [line for line in shown if ": queued" in line]
    sums = re.findall(r"the worker ended (\d+) jobs", "\n".join(shown))
    assert queued == [f"info: Scene {ids[0]}: queued"]
    # Where a hook told of the worker by chance between a few scenes, these are told one by one.
    ended = sum(map(int, sums)) + len(_ENDED.findall("\n".join(shown)))
    assert BULK <= ended <= 1.2 * BULK  # a few were edited while their first sync was on
    assert len(shown) < 60, "\n".join(shown)
    assert unlisted(rig.worker_log()) == []
    assert {run.result.output for run in rig.stash.host.runs if run.kind == "hook"} == {"queued"}


def test_a_hook_leaves_the_news_of_this_moment_to_a_later_one(rig: Rig) -> None:
    """In a burst of edits not each hook pays for telling what became of the one before."""
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(lambda: "(One): synced" in rig.worker_log())
    news = rig.data / "worker.news"
    later = []
    for age in (0.0, 11.0):
        os.utime(news, (time.time() - age,) * 2)
        later += said(run.result for run in rig.stash.edit_scene(scene_id, play_duration=age))

    assert later == ["info: [14:02:07] Scene 1 (One): synced: title, 1 tag; 0.2 s"]


OUTAGE = """
warning: [14:02:07] asking Plex: nothing answers at Plex's address. All jobs wait, none is lost; they go on by themselves
warning: [14:02:07] Plex is down: asking Plex: nothing answers at Plex's address. Edits are kept and go on by themselves
info: [14:02:07] Scene 1 (One): synced: title, 1 tag; 0.2 s
info: [14:02:07] Plex is back after 2m 5s; 2 scenes waited
info: [14:02:07] Scene 2 (Two): synced: title, 1 tag; 0.2 s
"""  # noqa: E501 - as it stands in the log


def test_an_outage_is_told_when_it_begins_and_when_it_ends(rig: Rig) -> None:
    quicken(rig)
    first, _ = rig.add_pair("a", tags=["T"])
    second, _ = rig.add_pair("b", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(first, title="One")
    rig.stash.edit_scene(second, title="Two")
    assert rig.wait_until(lambda: "Plex is down" in rig.worker_log(), 60)
    rig.task("health_check")
    rig.plex.start()
    assert rig.settled(60)
    assert rig.wait_until(lambda: rig.worker_log().count("): synced") == 2)
    rig.task("outage_summary")

    told = [line for line in everything_said(rig) if "[14:02:07]" in line]

    assert told == OUTAGE.strip().split("\n"), "\n".join(told)
    assert unlisted(rig.worker_log()) == []


DEAD_LETTER = """
info: Scene 1: queued
error: [14:02:07] Scene 1 (Refused): editing item 1: Plex refused (status 400). It is in the dead letters: the task 'Show Dead Letters' tells what to do
"""  # noqa: E501 - as it stands in the log


def test_a_dead_letter_says_which_scene_why_and_where_to_look(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")
    rig.plex.faults.status(400, kind="edit")
    rig.stash.edit_scene(scene_id, title="Refused", tags=["T"])
    assert rig.wait_until(lambda: "dead letters" in rig.worker_log())
    rig.task("queue_status")

    shown = [line for line in everything_said(rig) if "Scene 1" in line]

    assert shown == DEAD_LETTER.strip().split("\n"), "\n".join(shown)
    assert unlisted(rig.worker_log()) == []


def test_a_foreground_drain_is_told_in_bounds_too(rig: Rig) -> None:
    rig.add_library(120, covers=False)
    rig.configure(enabled=True)
    with no_worker(rig):
        rig.task("all")
    assert rig.queued() == 120

    result = rig.task("process_queue")

    shown = said([result])
    assert sum("): synced: " in line for line in shown) == 20, "\n".join(shown)
    assert any(line.startswith("info: Drained: 120 jobs in ") for line in shown)
    assert rig.verdict().agree


STEPS = (
    "claimed: metadata (try 1); Stash updated it ",
    "files: /media/scenes/a.mp4 (",
    "/media/scenes/a.mp4 is /media/scenes/a.mp4 in Plex",
    "by full path (/media/scenes/a.mp4) holds it",
    "title: differs, is sent ('a' → 'Told')",
    "summary: same, its lock is set",
    "tags: differs, is sent ('' → 'x, y')",
    "edited and locked with 1 request(s); refused: nothing",
    "cover: there is none that Plex takes",
)


def test_debug_logging_tells_the_whole_way_of_a_scene_and_reaches_stashs_log(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(settings={"debug_logging": True})
    scene_id, _ = rig.add_pair("a")
    rig.stash.edit_scene(scene_id, title="Told", tags=["x", "y"])
    assert rig.settled()
    assert rig.wait_until(lambda: "): synced" in rig.worker_log())
    rig.task("queue_status")

    steps = [line for line in everything_said(rig) if "[DEBUG]" in line]

    missing = [one for one in STEPS if not any(one in line for line in steps)]
    assert missing == [], "\n".join(steps)
    assert all(line.startswith("info: ") for line in steps)


@pytest.mark.parametrize("fault", ["a folder in its place", "no right to read it"])
def test_a_log_of_the_worker_that_cannot_be_read_costs_no_task_and_no_hook(
    rig: Rig, fault: str
) -> None:
    scene_id, _ = rig.add_pair("a", tags=["T"])
    hasten_the_news(rig)
    rig.data.mkdir(mode=0o700, exist_ok=True)
    if fault == "a folder in its place":
        (rig.data / "relayed.json").mkdir()
    else:
        (rig.data / "relay.lock").mkdir()
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.settled()

    assert rig.task("queue_status").error is None
    assert rig.stash.edit_scene(scene_id, title="Two")[0].result.output == "queued"
    assert rig.settled()

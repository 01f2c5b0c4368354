"""What a reader of Stash's log learns of a day with this plugin, and what he is spared."""

import os
import re
import time
from collections.abc import Iterable

import pytest

from simulators.rig import FOLDER, Rig
from simulators.stash import PluginResult, SceneFields
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.steps import no_worker
from tests.e2e.test_outages import quicken
from tests.golden import assert_golden, figures

BULK = 500 if os.environ.get("SOAK") else 120
_SCENE = re.compile(r"\b[Ss]cene \d+")
_MASKS = (
    (re.compile(r"\[\d\d:\d\d:\d\d\]"), "[14:02:07]"),
    (re.compile(r"\d+\.\d s\b"), "0.2 s"),
    (re.compile(r"after (?:\d+m )?\d+s"), "after 2m 5s"),
    (re.compile(r"Next try in \d+ s"), "Next try in 20 s"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)"), "2024-05-06T14:02:07Z"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://plex"),
)


def said(results: Iterable[PluginResult]) -> list[str]:
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
    rig.tune(Tuning(news_age=0.0))


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
    news = rig.data / "worker.news"  # written after the log: then the next hook relays
    rig.stash.edit_scene(scene_id, **edit)
    assert rig.happened("scene_synced")
    assert rig.wait_until(news.exists)
    rig.stash.edit_scene(scene_id, studio=None, date=None)
    assert rig.happened("scene_synced", count=2)
    assert rig.wait_until(news.exists)
    rig.stash.edit_scene(scene_id, play_duration=1.0)

    shown = everything_said(rig)

    assert_golden("log", "An edit, and a second one", shown)


def test_a_bulk_edit_of_hundreds_of_scenes_is_a_handful_of_lines(rig: Rig) -> None:
    ids = rig.add_library(BULK, covers=False)
    # A machine under load may take its time between two hooks; a bulk edit is one all the same.
    rig.tune(Tuning(burst_gap=30.0))

    rig.stash.edit_scenes(ids, tags=["Bulk"])
    assert rig.settled(120), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: rig.queued() == 0)
    events = rig.events("scene_synced", "scene_in_step")
    assert {event["scene"] for event in events} == set(ids)
    rig.task("queue_status")

    shown = everything_said(rig)
    sums = [max(figures(line)) for line in shown if "worker.log" in line]
    told = [line for line in shown if _SCENE.search(line)]
    assert [line for line in told if "[" not in line] == [f"info: Queued scene {ids[0]}"]
    # Where a hook told of the worker by chance between a few scenes, these are told one by one.
    ended = sum(sums) + len(told) - 1
    assert BULK <= ended <= 1.2 * BULK  # a few were edited while their first sync was on
    assert len(shown) < 60, "\n".join(shown)
    assert {run.result.output for run in rig.stash.host.runs if run.kind == "hook"} == {"queued"}


def test_a_hook_leaves_the_news_of_this_moment_to_a_later_one(rig: Rig) -> None:
    """In a burst of edits not each hook pays for telling what became of the one before."""
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.happened("scene_synced")
    news = rig.data / "worker.news"
    later = []
    for age in (0.0, 11.0):
        os.utime(news, (time.time() - age,) * 2)
        later += said(run.result for run in rig.stash.edit_scene(scene_id, play_duration=age))

    assert len(later) == 1


def test_an_outage_is_told_when_it_begins_and_when_it_ends(rig: Rig) -> None:
    quicken(rig)
    first, _ = rig.add_pair("a", tags=["T"])
    second, _ = rig.add_pair("b", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(first, title="One")
    rig.stash.edit_scene(second, title="Two")
    assert rig.happened("plex_down", timeout=60)
    rig.task("health_check")
    rig.plex.start()
    assert rig.settled(60)
    assert rig.happened("scene_synced", count=2)
    rig.task("outage_summary")

    told = [line for line in everything_said(rig) if "[14:02:07]" in line]

    assert_golden("log", "Plex is away and comes back", told)


def test_a_dead_letter_says_which_scene_why_and_where_to_look(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")
    rig.plex.faults.status(400, kind="edit")
    rig.stash.edit_scene(scene_id, title="Refused", tags=["T"])
    assert rig.happened("job_dead_lettered")
    rig.task("queue_status")

    shown = [line for line in everything_said(rig) if _SCENE.search(line)]

    assert_golden("log", "A scene that Plex refuses", shown)


def test_only_the_first_failure_of_a_missing_scene_names_the_remedy(rig: Rig) -> None:
    rig.tune(Tuning(not_found_back_off=0.2, shortest_delay=0.1))
    rig.stash.add_scene(title="Gone", tags=["T"], files=[f"{FOLDER}/gone.mp4"])

    rig.task("all")

    assert rig.happened("job_retried", count=3)
    first, *later = (event["reason"] for event in rig.events("job_retried"))
    assert "Check Path Mapping" in first
    assert set(later) == {f"Plex has no item for {FOLDER}/gone.mp4"}


def test_a_foreground_drain_is_told_in_bounds_too(rig: Rig) -> None:
    rig.add_library(60, covers=False)
    with no_worker(rig):
        rig.task("all")
    assert rig.wait_until(lambda: rig.queued() == 60)

    result = rig.task("process_queue")

    shown = said([result])
    assert len([line for line in shown if _SCENE.search(line)]) == 20, "\n".join(shown)
    assert [60] in [figures(line)[:1] for line in shown]
    assert rig.verdict().agree


def test_debug_logging_reports_each_step_of_a_scene_in_stashs_log(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"debug_logging": True})
    scene_id, _ = rig.add_pair("a")
    rig.stash.edit_scene(scene_id, title="Told", tags=["x", "y"])
    assert rig.settled()
    assert rig.happened("scene_synced")
    rig.task("queue_status")

    steps = [line for line in everything_said(rig) if "[DEBUG]" in line]

    assert_golden("log", "Each step of a scene, with debug_logging", steps)
    assert all(line.startswith("info: ") for line in steps)


@pytest.mark.parametrize("name", ["relayed.json", "relay.lock"])
def test_an_unreadable_worker_log_stops_no_task_and_no_hook(rig: Rig, name: str) -> None:
    """A folder stands in the place of a file that the reader needs."""
    scene_id, _ = rig.add_pair("a", tags=["T"])
    hasten_the_news(rig)
    (rig.data / name).mkdir(mode=0o700, parents=True)
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.settled()

    assert rig.task("queue_status").error is None
    assert rig.stash.edit_scene(scene_id, title="Two")[0].result.output == "queued"
    assert rig.settled()

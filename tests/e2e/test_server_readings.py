"""Each reading of what is unknown about real servers, with the worker as a process of its own."""

from __future__ import annotations

import pytest

from simulators.rig import Rig, png
from tests.e2e.test_doctor import learned
from tests.soak.test_server_readings import READINGS, switches_of


def in_step(rig: Rig) -> bool:
    """Wait until both libraries agree and nothing waits."""
    return rig.wait_until(lambda: rig.queued() == 0 and rig.verdict().agree, 60)


@pytest.mark.parametrize("number", range(max(map(len, READINGS.values()))))
def test_scenes_are_right_written_once_and_at_most_one_warning_is_shown(
    rig: Rig, number: int
) -> None:
    run = {name: number % len(readings) for name, readings in READINGS.items()}
    rig.plex.switches = switches_of(run)
    values = {"details": "d", "date": "2024-05-06", "performers": ["Ada B"], "tags": ["A b", "C"]}
    pairs = [rig.add_pair(name, studio="S", cover=png(n), **values) for n, name in enumerate("abc")]
    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"First {scene_id}")
    assert in_step(rig), rig.verdict().differences
    assert rig.wait_until(lambda: "sort_title" in learned(rig))

    rig.stash.edit_scene(pairs[0][0], title="Second", date=None, tags=["C"], cover=png(9))
    rig.stash.edit_scene(pairs[1][0], title="Second", performers=[], details="")
    assert in_step(rig), rig.verdict().differences
    mark = rig.plex.log.mark()
    rig.task("all", force="true")
    rig.task("process_queue")
    assert in_step(rig)

    assert [request.kind for request in rig.plex.log.writes(mark)] == []
    assert len(rig.events(level="warning")) <= 1, rig.events(level="warning")


def test_what_is_empty_and_locked_stays_empty_through_a_refresh(rig: Rig) -> None:
    scene_id, item = rig.add_pair(
        "a", studio="S", details="d", date="2024-05-06", performers=["P"], tags=["T"]
    )
    rig.stash.edit_scene(scene_id, title="One")
    assert in_step(rig)
    rig.stash.edit_scene(scene_id, details="", studio=None, performers=[], tags=[])
    assert in_step(rig)
    rig.plex.agent[item.rating_key] = {
        "summary": "Agent's",
        "studio": "Agent's",
        "genres": ["Agent's"],
        "actors": ["Agent's"],
        "collections": ["Agent's"],
    }

    rig.plex.refresh_item(item.rating_key)

    assert (item.summary, item.studio) == ("", "")
    assert (item.genres, item.actors, item.collections) == ((), (), ())

"""Each reading of what is unknown about real servers, with the worker as a process of its own."""

import pytest

from simulators.rig import Rig, png
from tests.e2e.steps import settle
from tests.e2e.test_doctor import learned
from tests.soak.test_server_readings import READINGS, switches_of


@pytest.mark.parametrize("number", range(max(map(len, READINGS.values()))))
def test_scenes_are_written_once_with_at_most_one_warning(rig: Rig, number: int) -> None:
    run = {name: number % len(readings) for name, readings in READINGS.items()}
    rig.plex.switches = switches_of(run)
    values = {"details": "d", "date": "2024-05-06", "performers": ["Ada B"], "tags": ["A b", "C"]}
    pairs = [rig.add_pair(name, studio="S", cover=png(n), **values) for n, name in enumerate("abc")]
    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"First {scene_id}")
    settle(rig)
    assert rig.wait_until(lambda: "sort_title" in learned(rig))

    rig.stash.edit_scene(pairs[0][0], title="Second", date=None, tags=["C"], cover=png(9))
    rig.stash.edit_scene(pairs[1][0], title="Second", performers=[], details="")
    settle(rig)
    mark = rig.plex.log.mark()
    rig.task("all", force="true")
    rig.task("process_queue")
    settle(rig)

    assert [request.kind for request in rig.plex.log.writes(mark)] == []
    assert len(rig.events(level="warning")) <= 1, rig.events(level="warning")

"""R11: a library that is synced twice costs no write the second time, whatever its size.

Real processes, both fake servers. `SOAK=1` runs 10, 1,000 and 100,000 scenes; above a thousand the
images are off: what they cost grows with the scenes alone.
"""

import os
from collections import Counter
from dataclasses import dataclass

import pytest

from simulators.rig import PLUGIN, Rig

SIZES = (10, 1_000, 100_000) if os.environ.get("SOAK") else (10, 120)
MOST_WITH_COVERS = 1_000
PATIENCE = 1_800.0  # seconds
NO_IMAGES = {"sync_poster": False, "sync_background": False}


@dataclass
class Pass:
    """One run of "Sync All" and of the worker behind it.

    Attributes:
        queued: scenes that the task has queued.
        in_step: scenes that it left alone.
        kinds: requests to Plex.
        writes: those of them that change Plex.
    """

    queued: int
    in_step: int
    kinds: Counter[str]
    writes: int


class Sync:
    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        rig.stash.runner.timeout = PATIENCE

    def all(self, **arguments: str) -> Pass:
        mark = self.rig.plex.log.mark()
        given = {"mode": "all", "format": "json", **arguments}
        result = self.rig.stash.run_task_to_end(PLUGIN, None, given, PATIENCE)
        assert result.error is None, result.error
        assert self.rig.wait_until(lambda: self.rig.queued() == 0, PATIENCE)
        requests = self.rig.plex.log.since(mark)
        kinds = Counter[str](one.kind for one in requests)
        return Pass(
            result.output["queued"],
            result.output["in_step"],
            kinds,
            sum(one.is_write for one in requests),
        )

    def lose_the_worker_and_the_index(self) -> None:
        """Kill the worker and delete `library.db`: what the plugin may lose at any time."""
        self.rig.stop_worker()
        found = list(self.rig.data.glob("library.db*"))
        assert found
        for path in found:
            path.unlink()


@pytest.mark.parametrize("scenes", SIZES)
def test_a_second_sync_of_an_unchanged_library_writes_nothing(rig: Rig, scenes: int) -> None:
    covers = scenes <= MOST_WITH_COVERS
    if not covers:
        rig.configure(**NO_IMAGES)
    rig.add_library(scenes, covers=covers)
    sync = Sync(rig)

    first = sync.all()
    assert first.queued == scenes
    assert first.kinds["edit"] >= scenes

    again, forced = sync.all(), sync.all(force="true")
    sync.lose_the_worker_and_the_index()
    rebuilt = sync.all()
    sync.lose_the_worker_and_the_index()
    forced_anew = sync.all(force="true")

    assert [(one.queued, one.in_step) for one in (again, rebuilt)] == [(0, scenes)] * 2
    assert [one.queued for one in (forced, forced_anew)] == [scenes] * 2
    for one in (again, forced, rebuilt, forced_anew):
        assert one.writes == 0, one
        assert one.kinds["metadata"] <= scenes / 20 + 1
    assert rig.verdict().agree, rig.verdict().differences[:5]
    assert rig.verdict().compared == scenes

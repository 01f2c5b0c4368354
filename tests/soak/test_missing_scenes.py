"""R13: a day with many scenes that Plex does not have.

The real worker, both fake servers over HTTP, and simulated time: the worker's waits move the clock
on. `SOAK=1` runs the full count.
"""

import math
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from plex.library import REFRESH_INTERVAL
from simulators.plex import FakePlex
from simulators.rig import FOLDER, PLUGIN
from simulators.stash import FakeStash
from sync_queue.operations import METADATA, scene_job
from tests.soak.household import PATIENT, Household, Time
from tests.sync_queue.support import NOW
from worker.batch_runner import BATCH
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker

SCENES = 1000 if os.environ.get("SOAK") else 80
HOUR, DAY = 3600.0, 86400.0
# A busy machine's worker comes back from a wait at the next of these, so that jobs meet in batches.
TICK = 60.0


class Waits:
    def __init__(self, time: Time, until: float, stop: Callable[[], None]) -> None:
        self._time = time
        self._until = until
        self._stop = stop

    def wait(self, seconds: float) -> None:
        self._time.pass_on(math.ceil(seconds / TICK) * TICK)
        if self._time.wall >= self._until:
            self._stop()

    def wait_for_end_of_burst(self) -> None:
        """No hooks run here."""


class House(Household):
    def __init__(self, folder: Path, stash: FakeStash, plex: FakePlex, time: Time) -> None:
        super().__init__(folder, stash, time, random.Random(13))
        self.stash = stash
        self.plex = plex
        self.section = plex.add_section("Scenes", [FOLDER])
        self.listed_at: list[float] = []
        settings = {"plex_url": plex.url, "plex_token": plex.token}
        stash.set_plugin_settings(PLUGIN, settings)

    def edit(self, *scene_ids: int) -> None:
        self.queue.enqueue([scene_job(one, METADATA, self.time.wall) for one in scene_ids])

    def work(self, until: float = float("inf")) -> DrainOutcome:
        clock = self.time.clock
        services = replace(self._build(PATIENT), boot_time=clock, monotonic=clock)
        worker = SyncWorker(services)
        worker._waiter = Waits(self.time, until, worker.stop)  # type: ignore[assignment]
        library = services.sessions.current().library
        listing = library._list

        def list_and_note(section: object) -> None:
            self.listed_at.append(clock())
            listing(section)  # type: ignore[arg-type]

        library._list = list_and_note  # type: ignore[method-assign]
        try:
            return worker.run_until_idle()
        finally:
            services.close()

    def synced(self) -> set[int]:
        return {
            scene.id
            for scene in self.stash.scenes()
            if (item := self.plex.find(scene.files[0].path)) and item.title == scene.title
        }

    def dead(self) -> set[int | None]:
        letters = self.letters()
        assert {error_type for _, error_type, _ in letters} <= {"PlexNotFound"}
        return {scene_id for scene_id, _, _ in letters}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    before, time = threading.active_count(), Time()
    with FakePlex(clock=time.clock) as plex, FakeStash(tmp_path / "stash", now=time.clock) as stash:
        house = House(tmp_path / "data", stash, plex, time)
        yield house
        house.close()
    assert threading.active_count() <= before + 1


def add_scenes(house: House, count: int) -> list[int]:
    return [
        house.stash.add_scene(
            files=[f"{FOLDER}/missing{n:05}.mp4"], title=f"Missing {n}", tags=["T"]
        ).id
        for n in range(count)
    ]


def appear(house: House, scene_ids: list[int]) -> None:
    for scene_id in scene_ids:
        house.plex.add_item(house.section, house.stash.scene(scene_id).files[0].path)
    house.section.content_changed_at += 1


def ticks_of(scene_ids: list[int]) -> float:
    return (1 + -(-len(scene_ids) // BATCH)) * TICK


def test_missing_scenes_cost_little_and_are_synced_when_they_come(house: House) -> None:
    ids = add_scenes(house, SCENES)
    early, late = ids[: SCENES // 4], ids[SCENES // 4 :]
    for start in range(0, SCENES, 50):
        house.edit(*ids[start : start + 50])

    # The first hour: all wait, none is dead, none is lost.
    assert house.work(until=NOW + HOUR) is DrainOutcome.STOPPED
    assert house.queue.waiting() == SCENES
    assert house.dead() == set()

    # A quarter of them appears, and is synced out of the queue without an edit or a task.
    appear(house, early)
    appeared_at = house.time.wall
    house.work(until=appeared_at + 2 * REFRESH_INTERVAL + ticks_of(early))
    assert house.synced() == set(early)

    # The rest of the day: they end as dead letters, and the worker as an idle one.
    assert house.work(until=NOW + DAY) is DrainOutcome.IDLE
    assert house.queue.waiting() == 0
    assert house.dead() == set(late)
    died_at = house.time.wall
    assert died_at <= NOW + 4 * HOUR

    # Somebody edits one of them every two hours.
    for hour in range(5, 24, 2):
        house.time.pass_on(max(0.0, NOW + hour * HOUR - house.time.wall))
        house.edit(late[0])
        house.work(until=house.time.wall + 5 * TICK)
    assert house.queue.waiting() == 1
    assert house.synced() == set(early)

    # What all that has cost.
    house.time.pass_on(NOW + DAY - house.time.wall)
    looks = DAY / REFRESH_INTERVAL
    assert all(later - one >= REFRESH_INTERVAL for one, later in pairwise(house.listed_at))
    kinds = house.plex.log.kinds()
    assert kinds["sections"] <= looks
    assert kinds["listing"] <= 2 * len(house.listed_at)
    assert kinds["edit"] == len(early)
    assert kinds.total() <= looks + 3 * SCENES
    assert house.stash.requests.count() <= 2 * looks + 3 * SCENES

    # All appear: the next look brings the one that waits and all the dead letters.
    appear(house, late)
    house.work(until=NOW + DAY + 2 * REFRESH_INTERVAL + 2 * TICK + ticks_of(late))
    assert house.synced() == set(ids)
    assert house.dead() == set()
    assert house.queue.waiting() == 0


def test_while_no_file_appears_no_scene_is_asked_for_by_itself(house: House) -> None:
    """Twice the scenes, the same requests to Plex."""
    counts = []
    for scenes in (10, 40):
        house.edit(*add_scenes(house, scenes))
        mark = house.plex.log.mark()
        house.work(until=house.time.wall + HOUR)
        counts.append(len(house.plex.log.since(mark)))
    assert counts[1] <= counts[0] + 2


def test_a_scene_that_waits_alone_is_asked_for_by_its_name(house: House) -> None:
    (scene_id,) = add_scenes(house, 1)
    house.edit(scene_id)
    house.work(until=NOW + HOUR / 2)
    looks = HOUR / 2 / REFRESH_INTERVAL
    kinds = house.plex.log.kinds()
    assert looks / 2 <= kinds["file_filter"] <= looks
    assert kinds["listing"] + kinds["sections"] <= looks / 2

    appear(house, [scene_id])
    mark = house.plex.log.mark()
    house.work(until=house.time.wall + REFRESH_INTERVAL + TICK)
    assert house.synced() == {scene_id}
    assert dict(house.plex.log.kinds(mark)) == {
        "identity": 1,
        "sections": 1,
        "file_filter": 1,
        "metadata": 2,  # before the edit and after it
        "edit": 1,
    }

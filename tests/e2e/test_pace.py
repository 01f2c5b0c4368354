"""The settings that keep a bulk sync from disturbing the viewers of Plex."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.plex import Switches
from simulators.rig import PLUGIN
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.steps import no_worker, settle
from tests.e2e.test_outages import give_own_clock, shift_clock
from tests.soak.test_server_readings import World
from tests.ui.situations import ask
from worker import batch_runner, rate_limiter


@pytest.mark.parametrize("ended_by", ["the time", "the setting"])
def test_quiet_hours_send_nothing_and_have_an_end(make_rig: MakeRig, ended_by: str) -> None:
    begin = datetime.now().astimezone() - timedelta(minutes=2)
    end = f"{begin + timedelta(hours=2):%H:%M}"
    rig = make_rig(settings={"quiet_hours": f"{begin:%H:%M}-{end}"})
    rig.tune(Tuning(longest_pause=0.5))
    give_own_clock(rig)
    scene_id, item = rig.add_pair("a", tags=["T"])
    mark = rig.plex.log.mark()

    rig.stash.edit_scene(scene_id, title="Waits")
    assert rig.happened("quiet_hours", end=end)
    paused = f"Sync paused until {end} by quiet_hours"
    state = ask(rig, "overview")["state"]
    assert (state["kind"], state["level"]) == ("paused", "ok")
    assert state["sentence"] == f"{paused}; 1 scene waits to be synced"
    for task in ("queue_status", "health_check", "doctor"):
        assert f"aused until {end} by quiet_hours" in str(rig.task(task).messages()), task

    assert "Processed 1 job" in rig.task("process_queue").output
    assert item.title == "Waits"
    rig.stash.edit_scene(scene_id, title="Waits, too")
    assert rig.wait_until(lambda: rig.queued() == 1)
    assert rig.happened("quiet_hours", count=2)
    assert rig.plex.log.count("edit", since=mark) == 1
    if ended_by == "the time":
        shift_clock(rig, 2 * 3600.0)
    else:
        rig.configure(quiet_hours="")
    settle(rig)
    assert item.title == "Waits, too"


@pytest.mark.parametrize(("age", "under_old"), [(0.0, 2), (3600.0, 7)])
def test_a_bulk_sync_reads_the_settings_at_an_interval(
    make_rig: MakeRig, age: float, under_old: int
) -> None:
    """A changed setting counts from the next reading on, and for an edit after the bulk sync."""
    rig = make_rig()
    rig.tune(Tuning(settings_age=age, batch=2))
    ids = rig.add_library(7, covers=False)
    with no_worker(rig):
        for scene_id in ids:
            rig.stash.edit_scene(scene_id, title="T")
    hanging = rig.plex.faults.hang(kind="edit", times=1, applied=True)
    rig.task("wake")
    assert hanging.wait_for_hit()

    rig.configure(title_template="new {title}")
    hanging.release()
    assert rig.wait_until(lambda: rig.queued() == 0)

    titles = [rig.item_of(scene_id).title for scene_id in ids]
    assert sorted(titles) == ["T"] * under_old + ["new T"] * (len(ids) - under_old)
    rig.stash.edit_scene(ids[0], title="U")
    assert rig.wait_until(lambda: rig.item_of(ids[0]).title == "new U")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path, Switches())) as world:
        yield world


def configure(world: World, **settings: Any) -> None:
    world.stash.set_plugin_settings(PLUGIN, world.stash.plugin_settings(PLUGIN) | settings)


def test_no_more_scenes_are_sent_per_minute_and_an_edit_goes_first(world: World) -> None:
    configure(world, max_scenes_per_minute=6)
    home, last = world.home, world.ids[-1]
    home.sync_all()
    begun = home.time.passed
    for _ in range(12):
        home.step()
    mark = world.plex.log.mark()

    world.stash.edit_scene(last, title="Now")
    waited = home.time.passed
    while not any(item["title"] == "Now" for item in world.plex.snapshot().values()):
        home.step()

    assert home.time.passed - waited < 25
    assert world.plex.log.count("edit", since=mark) <= 3
    assert home.queue.waiting() > 15
    assert home.drain()
    assert 290 <= home.time.passed - begun <= 330


def test_the_worker_waits_while_plex_is_slow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "BATCH", 20)
    configure(world, slow_down=True)

    def duration_of_a_sync(seconds: float) -> float:
        begun = world.home.time.passed
        # The real times of the edits depend on the load of the machine.
        monkeypatch.setattr(rate_limiter, "median", lambda _: seconds)
        for scene_id in world.ids:
            world.stash.update_scene(scene_id, details=f"Synced at {begun}")
        world.force()
        reported.extend(text for text in world.home.lines if "Plex is slow: " in text)
        return float(world.home.time.passed - begun)

    reported: list[str] = []
    quick, *waits = map(duration_of_a_sync, (0.01, 2.0, 2.0, 0.01, 0.01))

    assert [round(wait - quick) for wait in waits] == [5, 10, 5, 0]
    assert reported

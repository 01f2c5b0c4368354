"""A change of the settings that decide what reaches Plex: how many scenes it concerns, and when."""

from typing import Any

import pytest

from simulators import traffic
from simulators.rig import PLUGIN, Rig
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.ui.situations import ask

SCENES = 40
RENAME = {"rename_tags": "Special=>Renamed"}


def library(make_rig: MakeRig, tagged: int, **settings: object) -> Rig:
    """Return a rig with 40 synced scenes, of which some have a tag."""
    rig = make_rig(settings=settings)
    rig.tune(Tuning(seen_after=1.0, stored_after=1.0))
    for number in range(SCENES):
        tag = "Special" if number < tagged else "Other"
        rig.add_pair(f"s{number}", title=f"Title {number}", tags=[tag])
    rig.task("all")
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    return rig


def renamed(rig: Rig) -> int:
    return sum("Renamed" in item.genres for item in map(rig.item_of, range(1, SCENES + 1)))


def save(rig: Rig, settings: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return ask(rig, "save_settings", settings=settings, **arguments)


def test_a_change_of_a_few_scenes_syncs_these_scenes_in_the_background(make_rig: MakeRig) -> None:
    rig = library(make_rig, 3)
    mark = rig.plex.log.mark()

    saved = save(rig, RENAME)

    assert saved["scenes"] == 3
    assert "it syncs 3 scenes again, which takes about 1s" in saved["text"]
    assert rig.wait_until(lambda: renamed(rig) == 3 and rig.queued() == 0)
    assert rig.plex.log.count("edit", since=mark) == 3
    assert save(rig, RENAME)["scenes"] == 0, "the settings are the same"
    assert save(rig, {"max_tags": 90})["scenes"] == 0, "no scene has so many tags"


def test_a_change_of_many_scenes_needs_a_confirmation(make_rig: MakeRig) -> None:
    rig = library(make_rig, 30)
    before, mark = rig.stash.plugin_settings(PLUGIN), rig.plex.log.mark()

    asked = save(rig, RENAME)

    assert (asked["asks"], asked["scenes"], asked["total"]) == (True, 30, SCENES)
    assert asked["level"] == "warning"
    assert "change 30 of 40 scenes in Plex" in asked["text"]
    rig.stash.edit_scene(1, details="An edit meanwhile has the stored settings.")
    assert rig.wait_until(lambda: rig.item_of(1).summary != "" and rig.queued() == 0)
    rig.stop_worker()
    assert (rig.stash.plugin_settings(PLUGIN), renamed(rig)) == (before, 0)
    assert rig.plex.log.count("edit", since=mark) == 1

    assert save(rig, RENAME, confirmed=True)["scenes"] == 30
    assert rig.wait_until(lambda: renamed(rig) == 30 and rig.queued() == 0)
    assert rig.plex.log.count("edit", since=mark) == 31


@pytest.mark.parametrize("stored", [False, True])
def test_a_kill_while_settings_are_stored_loses_no_scene(make_rig: MakeRig, stored: bool) -> None:
    rig = library(make_rig, 30)
    action = traffic.hang_after if stored else traffic.hang
    fault = rig.stash.inject(action, "configurePlugin")
    arguments = {"mode": "save_settings", "settings": RENAME, "confirmed": True}
    job = rig.stash.run_task(PLUGIN, None, arguments)
    assert fault.wait_for_hit(timeout=30)
    rig.stash.jobs.stop(job)
    rig.stash.jobs.wait(job)
    fault.clear()

    ask(rig, "wake")

    assert rig.wait_until(lambda: rig.queued() == 0, 60)
    assert renamed(rig) == (30 if stored else 0)
    if not stored:
        assert save(rig, RENAME)["scenes"] == 30
        assert "rename_tags" not in rig.stash.plugin_settings(PLUGIN)


def test_only_scenes_that_a_change_selects_are_sent(make_rig: MakeRig) -> None:
    rig = library(make_rig, 3, never_with_tags="Special")
    assert rig.item_of(1).title == "s0"

    saved = save(rig, {"never_with_tags": ""})

    assert saved["scenes"] == 3
    assert rig.settled()
    assert rig.wait_until(lambda: rig.queued() == 0)
    before = rig.plex.snapshot()
    assert save(rig, {"never_with_tags": "Special"})["scenes"] == 0
    assert rig.plex.snapshot() == before


def test_before_the_first_sync_settings_are_saved_without_a_question(rig: Rig) -> None:
    rig.add_library(3, covers=False)
    assert save(rig, {"title_template": "{studio} {title}"})["scenes"] == 0
    assert rig.queued() == 0


def test_a_change_in_stashs_own_settings_follows_with_sync_all(make_rig: MakeRig) -> None:
    rig = library(make_rig, 30)
    rig.configure(**RENAME)
    rig.stash.edit_scene(1, title="Edited")
    assert rig.wait_until(lambda: rig.item_of(1).title == "Edited" and rig.queued() == 0)
    assert renamed(rig) == 1
    assert "send 29 of 40 scenes to Plex again" in rig.task("reconcile_all").output
    assert renamed(rig) == 1
    rig.task("all")
    assert rig.wait_until(lambda: renamed(rig) == 30 and rig.queued() == 0)

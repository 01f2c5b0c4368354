"""Scenes that were synced and that the settings no longer select."""

from collections.abc import Callable
from typing import Any

import pytest

from simulators.rig import FOLDER, Rig, png
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_mapping import sync
from tests.ui.situations import ask

FIELDS: dict[str, Any] = {
    "title": "From Stash",
    "details": "Told in Stash",
    "studio": "Northlight",
    "tags": ["Outdoor"],
}
PRIVATE: dict[str, Any] = {"tags": ["Outdoor", "Private"]}
EMPTY: dict[str, Any] = {"details": "", "studio": None}


def state(rig: Rig) -> dict[str, Any]:
    """Return what Plex shows; it keeps each uploaded image."""
    return {
        key: {name: value for name, value in item.items() if name not in ("posters", "arts")}
        for key, item in rig.plex.snapshot().items()
    }


def excluding(make_rig: MakeRig, choice: str) -> Rig:
    return make_rig(settings={"never_with_tags": "Private", "when_not_selected": choice})


def by_edit(rig: Rig, scene_id: int) -> None:
    rig.stash.edit_scene(scene_id, **PRIVATE)


def by_sync_all(rig: Rig, scene_id: int) -> None:
    rig.stash.update_scene(scene_id, **PRIVATE)  # no hook tells the plugin
    assert "1 queued" in rig.task("all").output


def by_reconciliation(rig: Rig, scene_id: int) -> None:
    rig.stash.update_scene(scene_id, **PRIVATE)
    assert "1 scene to sync: 1 queued" in rig.task("reconcile_all").output


def by_setting(rig: Rig, _: int) -> None:
    saved = ask(rig, "save_settings", settings={"never_with_tags": "Outdoor"}, confirmed=True)
    assert saved["scenes"] == 1


@pytest.mark.parametrize("exclude", [by_edit, by_sync_all, by_reconciliation, by_setting])
def test_an_excluded_scene_gets_back_what_plex_held_until_it_is_selected_again(
    make_rig: MakeRig, exclude: Callable[[Rig, int], None]
) -> None:
    rig = excluding(make_rig, "restore")
    rig.tune(Tuning(seen_after=1.0, stored_after=1.0))
    scene_id, item = rig.add_pair("a", cover=png(1), **FIELDS)
    rig.plex.edit(item.rating_key, lock=False, summary="Mine", genres=["Mine"], poster=png(9))
    before = state(rig)
    sync(rig)
    assert state(rig) != before

    exclude(rig, scene_id)

    assert rig.wait_until(lambda: state(rig) == before and rig.queued() == 0)
    rig.stop_worker()
    mark = rig.plex.log.mark()
    assert "1 not selected by the settings" in rig.task("all").output
    assert "1 not selected by the settings" in rig.task("reconcile_all").output
    assert rig.plex.log.count("edit", since=mark) == 0
    rig.configure(never_with_tags="")
    sync(rig)
    assert rig.verdict().differences == ()
    assert item.poster == png(1)


def test_a_preview_names_what_becomes_of_an_excluded_scene(make_rig: MakeRig) -> None:
    rig = excluding(make_rig, "restore")
    scene_id, item = rig.add_pair("a", **FIELDS)
    sync(rig)
    rig.stash.update_scene(scene_id, **PRIVATE)
    assert "1 not selected by the settings" in rig.task("preview_sync").output
    (report,) = (rig.data / "reports").glob("preview-*")
    assert "its items would get the values from before the first sync" in report.read_text()
    assert (
        "Its next job gives Plex back the values" in rig.task("inspect", scene_id=scene_id).output
    )
    assert item.title == "From Stash"


@pytest.mark.parametrize("applied", [False, True])
def test_a_killed_restoration_is_completed(make_rig: MakeRig, applied: bool) -> None:
    rig = excluding(make_rig, "restore")
    scene_id, _ = rig.add_pair("a", **FIELDS)
    before = state(rig)
    sync(rig)
    fault = rig.plex.faults.hang(kind="edit", times=1, applied=applied)
    by_edit(rig, scene_id)
    assert fault.wait_for_hit(timeout=30)
    rig.stop_worker()
    fault.clear()

    ask(rig, "wake")

    assert rig.wait_until(lambda: state(rig) == before and rig.queued() == 0)


@pytest.mark.parametrize("choice", ["leave", "restore"])
def test_an_item_shows_its_next_selected_scene(make_rig: MakeRig, choice: str) -> None:
    rig = excluding(make_rig, choice)
    files = [f"{FOLDER}/a.mp4", f"{FOLDER}/b.mp4"]
    item = rig.plex.add_item(rig.section, *files)
    first, second = (
        rig.stash.add_scene(**FIELDS | {"files": [file], "title": title}).id
        for file, title in zip(files, ("First", "Second"), strict=True)
    )
    sync(rig)
    assert item.title == "First"

    by_edit(rig, first)
    assert rig.wait_until(lambda: item.title == "Second" and rig.queued() == 0)
    rig.stash.edit_scene(second, title="Second again")
    assert rig.wait_until(lambda: item.title == "Second again" and rig.queued() == 0)
    rig.stash.edit_scene(first, tags=["Outdoor"])
    assert rig.wait_until(lambda: item.title == "First" and rig.queued() == 0)


@pytest.mark.parametrize("choice", ["leave", "restore"])
def test_metadata_removed_from_an_excluded_scene(make_rig: MakeRig, choice: str) -> None:
    rig = excluding(make_rig, choice)
    scene_id, item = rig.add_pair("a", **FIELDS)
    rig.plex.edit(item.rating_key, lock=False, summary="Mine")
    sync(rig)
    by_edit(rig, scene_id)
    shown = "Told in Stash" if choice == "leave" else "Mine"
    assert rig.wait_until(lambda: item.summary == shown and rig.queued() == 0)
    rig.stash.edit_scene(scene_id, tags=["Private"], **EMPTY)
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert item.summary == shown

    rig.stash.edit_scene(scene_id, tags=[])

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert (item.summary, item.studio) == (("", "") if choice == "leave" else ("Mine", ""))


@pytest.mark.parametrize("setting", ["only_with_tags", "never_with_tags"])
def test_a_renamed_tag_selects_its_scenes_and_excludes_them_again(
    make_rig: MakeRig, setting: str
) -> None:
    selects, excludes = ("Chosen", "Other") if setting == "only_with_tags" else ("Other", "Chosen")
    rig = make_rig(settings={setting: "Chosen", "leave_out_tags": "Chosen; Other"})
    rig.configure(when_not_selected="restore")
    scene_id, item = rig.add_pair("a", **FIELDS | {"tags": [excludes]})
    before = state(rig)
    rig.stash.edit_scene(scene_id, title="Edited")
    assert rig.happened("scene_skipped")

    rig.stash.update_tag(excludes, name=selects)
    assert rig.wait_until(lambda: item.title == "Edited" and rig.queued() == 0)

    rig.stash.update_tag(selects, name=excludes)
    assert rig.wait_until(lambda: state(rig) == before and rig.queued() == 0)


def test_a_cover_that_changed_while_its_scene_was_excluded_is_sent(make_rig: MakeRig) -> None:
    rig = excluding(make_rig, "leave")
    rig.configure(leave_out_tags="Private")
    scene_id, item = rig.add_pair("a", cover=png(1), **FIELDS)
    sync(rig)
    rig.stash.edit_scene(scene_id, cover=png(2), **PRIVATE)
    assert rig.wait_until(lambda: bool(rig.events("scene_skipped")) and rig.queued() == 0)

    saved = ask(rig, "save_settings", settings={"never_with_tags": ""}, confirmed=True)
    assert saved["scenes"] == 1
    rig.configure(never_with_tags="")
    sync(rig)

    assert (item.poster, item.art) == (png(2), png(2))

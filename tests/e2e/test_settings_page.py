"""Stash's settings page tells the truth: the defaults are written for it, once, and safely."""

import json
from typing import Any

from app.processes.settings_page import KnownSettings, defaults_to_write
from simulators.rig import PLUGIN, TOKEN, Rig
from simulators.stash import PluginResult, Status
from tests.conftest import MakeRig
from tests.e2e.steps import synced_pair
from tests.golden import figures

DEFAULTS = defaults_to_write({}, KnownSettings())


class Page:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._held = rig.stash.plugin_settings(PLUGIN)

    def change(self, **settings: Any) -> None:
        self._held |= settings
        self._rig.stash.set_plugin_settings(PLUGIN, self._held)


def stored(rig: Rig) -> dict[str, Any]:
    return rig.stash.plugin_settings(PLUGIN)


def writes(rig: Rig) -> int:
    return rig.stash.requests.count("configurePlugin")


def told(answer: PluginResult) -> list[str]:
    return [text for text in answer.messages() if "settings page" in text]


def test_the_first_task_writes_the_defaults_and_only_that(rig: Rig) -> None:
    before = stored(rig)

    first = rig.task("queue_status")
    shown = stored(rig)
    mark = rig.stash.requests.mark()
    second = rig.task("queue_status")

    assert shown == {**DEFAULTS, **before}
    assert (shown["plex_url"], shown["plex_token"]) == (rig.plex.url, TOKEN)
    assert [figures(text) for text in told(first)] == [[len(DEFAULTS)]]
    assert (told(second), writes(rig)) == ([], 1)
    assert len(rig.stash.requests.since(mark)) == 1  # it reads the settings as ever


def test_neither_a_hook_nor_the_worker_nor_a_programs_question_writes_settings(rig: Rig) -> None:
    before = stored(rig)

    synced_pair(rig)
    asked = rig.stash.run_operation(PLUGIN, {"mode": "queue_status", "format": "json"})

    assert asked.error is None
    assert (stored(rig), writes(rig)) == (before, 0)

    # A page without address and token gets its defaults, too.
    rig.stash.set_plugin_settings(PLUGIN, {})
    assert "plex_url" in str(rig.task("health_check").error)
    assert stored(rig) == DEFAULTS


def test_what_a_user_set_emptied_or_took_away_stays_so(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"max_tags": 50, "sync_tags": False, "reconcile_scope": ""})
    rig.task("queue_status")
    own = {name: stored(rig)[name] for name in ("max_tags", "sync_tags", "reconcile_scope")}
    page = Page(rig)

    page.change(max_retries=None, reconcile_interval="", debug_logging=True)
    without = {name: value for name, value in stored(rig).items() if name != "poll_interval"}
    rig.stash.set_plugin_settings(PLUGIN, without)
    answer = rig.task("queue_status")

    assert own == {"max_tags": 50, "sync_tags": False, "reconcile_scope": ""}
    assert (stored(rig), told(answer), writes(rig)) == (without, [], 1)
    assert "poll_interval" not in without
    assert (without["max_retries"], without["reconcile_interval"]) == (None, "")
    assert answer.messages("warning") == []


def test_a_page_that_was_open_before_posts_the_defaults_away_and_they_come_again(rig: Rig) -> None:
    page = Page(rig)
    rig.task("queue_status")

    page.change(sync_tags=False)
    dropped = stored(rig)
    again = rig.task("queue_status")

    assert len(dropped) == 3
    assert stored(rig) == {**DEFAULTS, **dropped}
    assert stored(rig)["sync_tags"] is False
    assert figures(told(again)) == [len(DEFAULTS) - 1]


def test_values_under_their_old_names_are_shown_and_stay_in_effect(make_rig: MakeRig) -> None:
    old = {"plex_connect_timeout": 7, "plex_read_timeout": 90, "path_map": "/media=>/data"}
    rig = make_rig(settings=old)
    scene = rig.stash.add_scene(files=["/data/scenes/a.mp4"], tags=["T"])
    item = rig.plex.add_item(rig.section, "/media/scenes/a.mp4")

    rig.task("queue_status")
    rig.stash.edit_scene(scene.id, title="Mapped")

    shown = stored(rig)
    assert (shown["connect_timeout"], shown["read_timeout"]) == (7, 90)
    assert shown["plex_unmatched_path_map"] == "/media=>/data"
    assert {name: shown[name] for name in old} == old
    assert rig.wait_until(lambda: item.title == "Mapped")


def test_a_later_version_writes_only_the_settings_that_it_brings(rig: Rig) -> None:
    rig.task("queue_status")
    file = rig.data / "shown_settings.json"
    known = json.loads(file.read_text())
    later = {"skip_not_found", "max_tags"}
    of_before = {name: value for name, value in stored(rig).items() if name not in later}
    rig.stash.set_plugin_settings(PLUGIN, {**of_before, "enabled": False})
    file.write_text(json.dumps({key: sorted({*names} - later) for key, names in known.items()}))

    answer = rig.task("queue_status")

    assert stored(rig) == {**of_before, "enabled": False, "skip_not_found": False, "max_tags": 100}
    assert figures(told(answer)) == [2]


def test_a_write_that_fails_is_no_fault_of_the_task_and_is_made_up_for(rig: Rig) -> None:
    rig.stash.inject(Status(500), "configurePlugin")
    before = stored(rig)

    failed = rig.task("queue_status")
    left = stored(rig)
    rig.task("queue_status")

    assert failed.error is None
    assert (failed.messages("warning"), failed.messages("error")) == ([], [])
    assert failed.messages("debug") != []
    assert (left, stored(rig)) == (before, {**DEFAULTS, **before})


def test_a_damaged_memory_of_it_overwrites_nothing(rig: Rig) -> None:
    rig.task("queue_status")
    changed = {**stored(rig), "sync_tags": False, "max_tags": 11}
    rig.stash.set_plugin_settings(PLUGIN, changed)

    for content in ("[]", "{", '{"seen": 5, "written": {"a": 1}}', '{"seen": [1, null]}'):
        (rig.data / "shown_settings.json").write_text(content)
        assert rig.task("queue_status").error is None

    assert stored(rig) == changed

"""What each part of the page shows, and that whatever it shows is text and nothing but text."""

from __future__ import annotations

import time
from typing import Any

import pytest

from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from tests.conftest import MakeRig
from tests.ui.browser import Browser
from tests.ui.conftest import Serve
from tests.ui.looking import HOSTILE, PAGE, SENTENCE, opened
from tests.ui.situations import ask, bury, busy_day, outage_now, wait_in_queue, write

pytestmark = pytest.mark.xdist_group("browser")

ENTER, TAB, END = "\ue007", "\ue004", "\ue010"


def section(browser: Browser, title: str) -> str:
    """The text of a section."""
    browser.sees(title, ".s2p-section h2")
    found = browser.js(
        "return [...document.querySelectorAll('.s2p-section')]"
        ".find(one => one.querySelector('h2').textContent.startsWith(arguments[0])).innerText",
        title,
    )
    return str(found)


def synced(rig: Rig) -> int:
    """A scene that was edited and is in Plex."""
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: rig.verdict().agree and rig.queued() == 0)
    return scene_id


# -- what is shown -------------------------------------------------------------------------------


def test_the_queue_tells_the_next_try_and_why_and_syncs_tell_what_changed(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    synced(rig)
    waiting, _ = rig.add_pair("two", title="Two")
    wait_in_queue(rig, [waiting], "PlexNotFound")
    due = ask(rig, "overview")["queue"]["next"][0]["due"]
    opened(browser, serve(rig))

    queue = section(browser, "Queue")
    assert "Two" in queue
    assert browser.js("return Stash2Plex.clock(arguments[0])", due) in queue
    assert "Plex does not have the file yet (2 tries)" in queue
    assert "Uno\ttitle, summary" in section(browser, "Recent syncs")


def test_the_last_day_has_every_value_as_text_and_hatches_what_failed(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    hour = time.time() // 3600 * 3600
    hours = [
        {"hour": hour, "synced": 7, "failed": 2, "seconds": 3.5, "arrived": 5, "waited": 12.5,
         "longest": 9.0},
        {"hour": hour - 3600, "synced": 1, "failed": 0, "seconds": 0.5, "arrived": 1,
         "waited": 5400.0, "longest": 5400.0},
    ]  # fmt: skip
    write(rig, "stats.json", {"hours": hours})
    opened(browser, serve(rig))

    told = section(browser, "Last day")

    assert "8" in told
    bars = "return [...document.querySelectorAll('.s2p-chart')].map(one => one.textContent)"
    scenes, latency = browser.js(bars)
    assert "19" in scenes.replace(":00", "")  # one, and seven with two that failed
    assert "2h2.5s" in latency
    named = browser.js(
        "return [...document.querySelectorAll('.s2p-chart')].map(one => one.ariaLabel)"
    )
    assert named == [
        "8 scenes synced, 2 failed attempts in the last day",
        "From edit to Plex in the last day: 15m on average, the longest 2h",
    ]
    hatched = browser.js("return document.querySelectorAll('.s2p-failed').length")
    assert hatched == 1
    browser.click(".s2p-section summary", "As a table")
    assert "9.0s" in browser.sees("The longest", ".s2p-section table")


def test_outages_are_a_line_of_time_with_their_figures(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    outage_now(rig, time.time() - 60)
    opened(browser, serve(rig))
    told = section(browser, "Outages")
    assert "33m 0s" in told  # the mean of an hour and six minutes
    assert "still on" in told
    assert "98." in told or "97." in told
    assert browser.js("return document.querySelectorAll('.s2p-line .s2p-down').length") == 3


def test_the_doctor_tells_each_finding_with_a_sign_and_what_to_do(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    rig.plex.stop()
    opened(browser, serve(rig))
    browser.click("button", "Run doctor")
    found = browser.sees("Plex", ".s2p-checks")
    assert "✕" in found
    assert "✓" in found
    assert "What to do: " in found


def test_a_dry_run_shows_its_report_and_queues_nothing(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    rig.add_pair("one", title="One", details="What happens.")
    opened(browser, serve(rig))
    browser.sees("Dry run", "button")
    browser.js("document.querySelector('.s2p-acts select').focus()")
    browser.press(END)
    browser.click("button", "Dry run")

    browser.sees("1 gaps, nothing was queued", ".s2p-told")
    told = browser.sees("Why", ".s2p-told table")
    assert "1" in told
    browser.click(".s2p-told summary", "For example")
    browser.sees("-> 'What happens.'", ".s2p-told pre")
    assert ask(rig, "overview")["queue"]["pending"] == 0


def test_a_scenes_tab_tells_what_differs(browser: Browser, serve: Serve, rig: Rig) -> None:
    scene_id = synced(rig)
    rig.stop_worker()  # none puts right what is changed now
    rig.item_of(scene_id).title = "Something else"
    opened(browser, serve(rig), f"/scenes/{scene_id}")
    browser.click(".nav-link", "Plex")
    browser.sees("It is in Plex; synced", ".s2p-scene")

    browser.click(".s2p-scene button", "What differs?")

    assert "title\tSomething else\tUno" in browser.sees("In Stash", ".s2p-scene table")


# -- settings ------------------------------------------------------------------------------------


def test_libraries_are_chosen_from_a_list_after_the_test_of_the_connection(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    for name in ("Films", "Clips, short"):
        rig.plex.add_section(name, [f"/media/{name}"])
    opened(browser, serve(rig))
    browser.click("button", "Test connection")
    shown = browser.sees("Libraries to sync: all", ".s2p-libraries")
    assert shown.splitlines()[1:] == ["Scenes", "Films", "Clips, short"]
    told = browser.text(".s2p-told", "Plex answers")
    assert "accepted" in told
    assert "may edit\nyes" in told
    boxes = "return [...document.querySelectorAll('.s2p-libraries input')].map(one => one.%s)"
    assert browser.js(boxes % "disabled") == [False, False, True]

    browser.click(".s2p-libraries label", "Films")
    browser.click("button", "Save 1 change")
    browser.sees("Saved: plex_library", ".s2p-told")
    assert rig.stash.plugin_settings(PLUGIN)["plex_library"] == "Films"
    browser.until("return !document.querySelector('form button:not(:disabled)[type=submit]')")
    assert browser.js(boxes % "checked") == [False, True, False]

    browser.click(".s2p-libraries label", "Scenes")
    browser.click("button", "Save 1 change")
    assert rig.wait_until(
        lambda: rig.stash.plugin_settings(PLUGIN)["plex_library"] == "Scenes, Films"
    )


def test_a_library_that_plex_does_not_have_is_corrected_by_choosing_one(
    browser: Browser, serve: Serve, make_rig: MakeRig
) -> None:
    rig = make_rig(settings={"plex_library": "Flims"})
    opened(browser, serve(rig))
    browser.click("button", "Test connection")
    browser.sees("no video library 'Flims'; it has 'Scenes' (1)", ".s2p-told")

    browser.click(".s2p-libraries label", "Scenes")
    browser.click("button", "Save 1 change")

    browser.sees("Saved: plex_library", ".s2p-told")
    assert rig.stash.plugin_settings(PLUGIN)["plex_library"] == "Scenes"


def test_a_token_that_may_not_edit_is_told_with_what_to_do(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    fault = rig.plex.faults.status(403, kind="prefs")
    opened(browser, serve(rig))
    browser.click("button", "Test connection")
    told = browser.sees("may not edit: set plex_token to the token of the server's owner")
    assert "may edit\nno" in told
    fault.clear()


def test_stashs_place_for_settings_has_ours_and_saves_them_and_hides_the_list_with_the_token(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    web = serve(rig)
    opened(browser, web, "/settings")
    browser.click(".s2p-own summary", "Fields")
    heading = "getComputedStyle(document.querySelector('.s2p-own h2'))"
    assert browser.js(f"return {heading}.justifyContent") == "space-between", "as on the page"
    assert browser.js("return document.getElementById('s2p-set-sync_tags').checked") is True
    assert browser.js("return document.querySelectorAll('.stash-settings').length") == 1, (
        "another's"
    )

    browser.click("#s2p-set-sync_tags")
    browser.click("button", "Save 1 change")
    browser.sees("Saved: sync_tags", ".s2p-own .s2p-told")
    assert rig.stash.plugin_settings(PLUGIN)["sync_tags"] is False
    browser.until("return !document.getElementById('s2p-set-sync_tags').checked")
    assert browser.js("return harness.held()") == 0, "nothing is asked again by itself"

    browser.click(".s2p-own summary", "Stash's own list")
    browser.sees("Stash's own settings of Stash2Plex")
    assert TOKEN not in browser.js("return document.documentElement.outerHTML")


WIDE = """
const most = document.documentElement.clientWidth + 1;
return [...document.querySelectorAll('.s2p-page *, .s2p-scene *')]
  .filter(one => one.getBoundingClientRect().right > most)
  .map(one => one.tagName + '.' + one.className).slice(-8);
"""


# -- hostile -------------------------------------------------------------------------------------


def harmless(browser: Browser, width: int) -> None:
    """What was shown is text, and the page keeps its width."""
    assert browser.js("return window.hit") is None
    assert browser.js("return document.querySelectorAll('#root img, #root script').length") == 0
    assert browser.js("return document.documentElement.scrollWidth") <= width, browser.js(WIDE)


@pytest.mark.parametrize("width", [320, 1280])
def test_a_hostile_scene_harms_neither_its_tab_nor_what_differs(
    browser: Browser, serve: Serve, rig: Rig, width: int
) -> None:
    browser.resize(width, 900)
    path = f"{FOLDER}/h.mp4"
    scene = rig.stash.add_scene(
        files=[path], title=HOSTILE, details=HOSTILE, performers=[HOSTILE], tags=[HOSTILE],
        studio=HOSTILE,
    )  # fmt: skip
    rig.plex.add_item(rig.section, path).title = HOSTILE[::-1]
    bury(rig, [scene.id], "PlexPermanentError", HOSTILE)
    opened(browser, serve(rig), f"/scenes/{scene.id}")
    browser.click(".nav-link", "Plex")
    browser.sees("Not in step: </script><script>window.hit=1", ".s2p-scene")
    harmless(browser, width)

    browser.click(".s2p-scene button", "What differs?")

    differs = browser.sees("In Stash", ".s2p-scene table")
    assert "performers" in differs
    assert "<img src=x onerror=window.hit=1>" in differs
    harmless(browser, width)


@pytest.mark.parametrize("width", [320, 1280])
def test_hostile_words_in_every_answer_harm_nothing(
    browser: Browser, serve: Serve, rig: Rig, width: int
) -> None:
    """Errors, libraries, paths, settings, findings: whoever wrote them."""
    browser.resize(width, 900)
    rig.plex.add_section(HOSTILE[:3000], ["/media/other"])
    web = serve(rig)
    answer: dict[str, Any] = ask(rig, "overview")
    answer["paths"]["learned"] = [{"pair": HOSTILE, "agree": 1, "disagree": 0, "used": True}]
    answer["syncs"] = [{"scene_id": 1, "title": HOSTILE, "outcome": "synced", "detail": HOSTILE,
                        "at": 1.0}]  # fmt: skip
    answer["reconciliation"]["summary"] = HOSTILE
    answer["state"]["sentence"] = HOSTILE
    for one in answer["settings"]:
        if isinstance(one["value"], str):
            one |= {"value": HOSTILE, "allowed": HOSTILE}
    answer["queue"]["next"] = [{"scene_id": None, "title": HOSTILE, "type": HOSTILE, "since": 0,
                                "due": 0, "retries": 1, "error": HOSTILE}]  # fmt: skip
    checks = [{"name": HOSTILE[:300], "level": "fault", "text": HOSTILE, "remedy": HOSTILE}]
    gaps = {"reasons": {HOSTILE: 1}, "examples": {HOSTILE[:200]: [HOSTILE]}}
    told = {
        "overview": answer,
        "doctor": {"text": HOSTILE, "level": "fault", "checks": checks},
        "reconcile_recent": {"text": HOSTILE, **gaps},
        "try_path": {"text": HOSTILE, "plex_path": HOSTILE},
    }
    web.answers |= {mode: {"data": {"runPluginOperation": one}} for mode, one in told.items()}
    web.answers["check_paths"] = {"errors": [{"message": HOSTILE}]}
    opened(browser, web)
    browser.sees("</script><script>", SENTENCE)
    browser.type(".s2p-wide", "/x")
    for label in ("Run doctor", "Dry run", "Try path", "Check all paths", "Test connection"):
        browser.click("button", label)
    browser.until("return document.querySelectorAll('.s2p-told').length >= 5")
    browser.click(".s2p-told summary", "For example")
    browser.sees("</script><script>", ".s2p-libraries")
    harmless(browser, width)
    assert browser.js("return document.querySelector('.nav-utility').title.length") <= 200


# -- keyboard, colours ---------------------------------------------------------------------------


def test_what_has_the_keyboard_is_seen_and_folded_parts_open_by_it(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    opened(browser, serve(rig))
    browser.sees("Report to copy")
    browser.js("[...document.querySelectorAll('summary')].find(one => "
               "one.textContent === 'Fields').focus()")  # fmt: skip
    browser.press(ENTER)
    browser.until("return document.getElementById('s2p-set-sync_tags').getClientRects().length")
    browser.press(TAB)
    browser.press(" ")
    browser.sees("Save 1 change", "button")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_stands_out_from_its_ground_in_both_themes(
    browser: Browser, serve: Serve, rig: Rig, theme: str
) -> None:
    """WCAG's contrast of 4.5, with see-through grounds and texts laid over each other."""
    busy_day(rig)
    bury(rig, [1], "SceneError", "the scene has no file")
    opened(browser, serve(rig), f"{PAGE}?theme={theme}")
    browser.sees("Report to copy")
    faint = browser.js(CONTRAST)
    assert faint == []


CONTRAST = """
const parse = text => {
  const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return {r, g, b, a};
};
const over = (top, ground) => ({
  r: top.r * top.a + ground.r * (1 - top.a), g: top.g * top.a + ground.g * (1 - top.a),
  b: top.b * top.a + ground.b * (1 - top.a), a: 1});
const light = ({r, g, b}) => {
  const [x, y, z] = [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const faint = [];
for (const one of document.querySelectorAll('.s2p-page *')) {
  const own = [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !one.getClientRects().length || one.closest('svg, .btn, a')) continue; // Stash's own
  const chain = [];
  for (let at = one; at; at = at.parentElement) chain.unshift(at);
  let ground = {r: 255, g: 255, b: 255, a: 1}, opacity = 1;
  for (const at of chain) {
    const style = getComputedStyle(at);
    ground = over(parse(style.backgroundColor), ground);
    opacity *= Number(style.opacity);
  }
  const ink = parse(getComputedStyle(one).color);
  const text = over({...ink, a: ink.a * opacity}, ground);
  const [high, low] = [light(text), light(ground)].sort((x, y) => y - x);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < 4.5) faint.push(one.textContent.slice(0, 40) + ' ' + contrast.toFixed(2));
}
return faint;
"""

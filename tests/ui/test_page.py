"""The page in a real browser, over the real plugin: what is seen, and what a click does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from tests.conftest import MakeRig
from tests.sync_queue.support import job
from tests.ui.browser import Browser
from tests.ui.conftest import Serve
from tests.ui.looking import HOSTILE, PAGE, SENTENCE, look_again, looks_until, opened
from tests.ui.situations import STATES, ask, bury, down, queue_of, wait_in_queue

pytestmark = pytest.mark.xdist_group("browser")

ENTER, TAB = "\ue007", "\ue004"


# -- the sentence --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sign", "sentence"),
    [
        (STATES["new"], "✓", "Nothing was sent yet: edit a scene"),
        (STATES["in-step"], "✓", "Everything is in Plex"),
        (STATES["on-the-way"], "✓", "2 scenes are on the way to Plex"),
        (STATES["needs-you"], "!", "2 scenes need you"),
        (STATES["disabled"], "!", "Stash2Plex is switched off: nothing is sent"),
        (STATES["down"], "✕", "; 3 scenes wait"),
        (STATES["paused"], "✕", "refused the token (401); set plex_token anew"),
        (STATES["unconfigured"], "✕", "Nothing can be sent to Plex: plex_url is not set"),
    ],
    ids=list(STATES),
)
def test_each_state_is_one_sentence_and_a_sign_and_the_bar_has_the_same(
    browser: Browser,
    serve: Serve,
    rig: Rig,
    make: Callable[[Rig], object],
    sign: str,
    sentence: str,
) -> None:
    make(rig)
    web = serve(rig)
    opened(browser, web)

    shown = browser.sees(sentence, SENTENCE)

    assert shown.startswith(sign)
    assert "{since}" not in shown
    browser.until("return document.querySelector('.nav-utility').title.includes(arguments[0])",
                  sentence)  # fmt: skip
    badges = browser.js("return document.querySelectorAll('.s2p-badge').length")
    assert badges == (0 if sign == "✓" else 2), "the bar is rendered twice"


def test_an_outage_is_told_by_the_readers_clock(browser: Browser, serve: Serve, rig: Rig) -> None:
    since = down(rig)
    opened(browser, serve(rig))
    assert browser.sees("Plex is down since", SENTENCE)
    assert browser.js(
        "return document.querySelector('.s2p-sentence').textContent"
        ".includes('since ' + Stash2Plex.clock(arguments[0]))",
        since,
    )
    assert "still on" in browser.sees("Outages", ".s2p-section:has(.s2p-line)")


def test_a_plugin_that_does_not_answer_is_told_with_its_words_and_seen_again(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    web = serve(rig)
    web.answers["overview"] = {"errors": [{"message": "plexapi is missing: <b>install</b> it"}]}
    opened(browser, web)
    assert "plexapi is missing: <b>install</b> it" in browser.sees("does not answer")

    del web.answers["overview"]
    look_again(browser)

    browser.sees("Nothing was sent yet", SENTENCE)
    browser.until("return !document.body.textContent.includes('does not answer')")


# -- hostile and many ----------------------------------------------------------------------------


def test_hostile_titles_are_text_and_nothing_but_text(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    scene = rig.stash.add_scene(files=[f"{FOLDER}/h.mp4"], title=HOSTILE)
    wait_in_queue(rig, [scene.id])
    bury(rig, [scene.id], "PlexPermanentError", HOSTILE)
    web = serve(rig)
    for width in (320, 1280, 3840):
        browser.resize(width, 900)
        opened(browser, web)
        browser.sees("</script><script>window.hit=1", ".s2p-letters")
        assert browser.js("return window.hit") is None
        assert browser.js("return document.querySelectorAll('#root img, #root script').length") == 0
        assert browser.js("return document.documentElement.scrollWidth") <= width
    assert browser.js(
        "return [...document.querySelectorAll('.s2p-title')]"
        ".every(one => getComputedStyle(one).unicodeBidi.includes('isolate'))"
    )


def test_10000_jobs_and_5000_dead_letters_make_no_bigger_page_than_a_few(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    rig.add_library(60, covers=False)
    wait_in_queue(rig, list(range(1, 10_001)))
    bury(rig, list(range(1, 5_001)), "PlexPermanentError", "Plex refused it")
    opened(browser, serve(rig))

    browser.sees("5,000 scenes need you; 10,000 scenes wait", SENTENCE)

    assert "and 9,950 jobs more" in browser.text()
    assert "and 4,990 more scenes" in browser.text()
    assert browser.js("return document.querySelectorAll('*').length") < 2_500


# -- dead letters, reconciliation, paths ---------------------------------------------------------


def test_a_group_is_retried_with_one_click(browser: Browser, serve: Serve, rig: Rig) -> None:
    scenes = rig.add_library(3, covers=False)
    bury(rig, scenes, "PlexTemporaryError", "Plex answered with status 500")
    opened(browser, serve(rig))

    browser.click(".s2p-group button", "Retry all 3")

    assert rig.settled()
    assert rig.wait_until(lambda: ask(rig, "overview")["dead_letters"]["count"] == 0)


def test_the_retry_buttons_name_what_is_to_be_retried(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    bury(rig, [4, 5], "SceneError", "the scene has no file")
    web = serve(rig)
    web.answers["retry_dlq"] = {"data": {"runPluginOperation": {"text": "queued again"}}}
    opened(browser, web)

    browser.click(".s2p-group button", "Retry all 2")
    browser.sees("queued again", ".s2p-group")
    browser.click(".s2p-letters button", "Retry")
    browser.until("return document.querySelector('.s2p-group .s2p-told')")

    about = [given for given in web.arguments if given.get("mode") == "retry_dlq"]
    base = {"mode": "retry_dlq", "format": "json", "error_type": "SceneError"}
    assert about == [base, base | {"scene_id": 5}]


def test_dropping_asks_first_and_drops_only_what_it_names(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    bury(rig, [4, 5], "SceneError", "the scene has no file")
    bury(rig, [6], "PlexPermanentError", "no")
    opened(browser, serve(rig))

    browser.click(".s2p-group button", "Drop all")
    assert ask(rig, "overview")["dead_letters"]["count"] == 3
    browser.click(".s2p-group button", "Drop 2 dead letters for good?")

    browser.sees("1 scene needs you", SENTENCE)
    assert [one["error_type"] for one in ask(rig, "overview")["dead_letters"]["groups"]] == [
        "PlexPermanentError"
    ]


def test_a_reconciliation_runs_as_a_task_of_stash(browser: Browser, serve: Serve, rig: Rig) -> None:
    rig.add_library(2, covers=False)
    web = serve(rig)
    opened(browser, web)

    browser.click(".s2p-section button", "Run now")

    browser.sees("queued as a task of Stash")
    looks_until(browser, web, "scenes checked")
    assert rig.settled()


def test_a_path_is_tried(browser: Browser, serve: Serve, rig: Rig) -> None:
    _, item = rig.add_pair("one")
    opened(browser, serve(rig))
    browser.type(".s2p-wide", f"{FOLDER}/one.mp4")
    browser.click("button", "Try path")
    browser.sees(f"Found by full path: item {item.rating_key}", ".s2p-told")


# -- settings ------------------------------------------------------------------------------------


def test_settings_show_what_is_in_effect_and_only_changes_are_saved(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    before = rig.stash.plugin_settings(PLUGIN)
    opened(browser, serve(rig))
    browser.click("summary", "Fields")
    assert browser.js("return document.getElementById('s2p-set-sync_tags').checked") is True

    browser.click("#s2p-set-sync_tags")
    browser.type("#s2p-set-max_tags", "5")
    browser.click("button", "Save 2 changes")
    browser.sees("a whole number from 10 to 500", ".s2p-told")
    assert rig.stash.plugin_settings(PLUGIN) == before

    browser.type("#s2p-set-max_tags", "50")
    browser.click("button", "Save 2 changes")
    browser.sees("Saved: max_tags, sync_tags", ".s2p-told")

    assert rig.stash.plugin_settings(PLUGIN) == before | {"max_tags": 50, "sync_tags": False}


def test_the_token_is_nowhere_in_the_page_and_what_is_typed_does_not_stay(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    opened(browser, serve(rig))
    browser.sees("Plex token")
    everything = (
        "return document.documentElement.outerHTML + JSON.stringify({...localStorage})"
        " + [...document.querySelectorAll('input')].map(one => one.value).join()"
    )
    assert TOKEN not in browser.js(everything)

    browser.type("#s2p-set-plex_token", TOKEN[::-1])
    browser.click("button", "Save 1 change")
    browser.sees("Saved: plex_token", ".s2p-told")

    assert rig.stash.plugin_settings(PLUGIN)["plex_token"] == TOKEN[::-1]
    assert TOKEN[::-1] not in browser.js(everything)
    rig.canary.add(TOKEN[::-1])


def test_the_connection_is_tested(browser: Browser, serve: Serve, rig: Rig) -> None:
    opened(browser, serve(rig))
    browser.click("button", "Test connection")
    assert "libraries: Scenes" in browser.sees("Plex answers in", ".s2p-told")


def test_stashs_own_settings_lead_to_the_page_and_those_of_others_stay(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    opened(browser, serve(rig), "/settings")
    browser.sees("Stash's own settings of Another")
    assert not browser.js("return document.body.innerText.includes('own settings of Stash2Plex')")
    assert browser.js("return document.querySelectorAll('.setting a').length") == 1, "of two places"
    browser.click(".setting a", "Stash2Plex")
    browser.sees("Nothing was sent yet", SENTENCE)


def test_the_report_to_copy_names_no_scene_no_path_and_no_server(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    scene_id, _ = rig.add_pair("one", title="Very private")
    bury(rig, [scene_id], "SceneError", f"{FOLDER}/one.mp4 is gone")
    opened(browser, serve(rig))
    browser.click("button", "Report to copy")
    report = browser.until("return document.querySelector('.s2p-report')?.value")
    assert '"error_type": "SceneError"' in report
    for private in ("private", FOLDER, rig.plex.url, TOKEN):
        assert private not in report


# -- cheap and polite ----------------------------------------------------------------------------


def test_nothing_is_asked_while_nobody_looks(browser: Browser, serve: Serve, rig: Rig) -> None:
    web = serve(rig)
    opened(browser, web)
    browser.sees("Nothing was sent yet", SENTENCE)
    browser.until("return harness.held() > 0")
    asked = len(web.asked)

    browser.js("harness.hide(true)")
    assert browser.js("return harness.fire()") == 0
    browser.js("Stash2Plex.refresh(); Stash2Plex.wake();")
    browser.sees("Nothing was sent yet", SENTENCE)
    assert len(web.asked) == asked

    browser.js("harness.hide(false)")
    look_again(browser)
    assert rig.wait_until(lambda: len(web.asked) > asked)


def test_leaving_the_page_ends_its_questions(browser: Browser, serve: Serve, rig: Rig) -> None:
    opened(browser, serve(rig))
    browser.sees("Nothing was sent yet", SENTENCE)
    browser.until("return harness.held() > 0")

    browser.click(".top-nav a", "Stash")

    browser.until("return !document.querySelector('.s2p-page')")
    browser.until("return harness.held() === 0")  # React cleans up after it has drawn


def test_the_bar_asks_once_for_all_pages_and_starts_a_worker_where_jobs_wait(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
    web = serve(rig)

    opened(browser, web, "/")
    assert rig.settled()
    browser.until("return JSON.parse(localStorage['stash2plex.state']).text !== 'Stash2Plex'")
    for path in ("/scenes/2", "/scenes/1", "/"):
        browser.open(web.url + path)
        browser.until("return document.querySelectorAll('.nav-utility').length === 2")

    assert web.asked == ["wake"]


def test_the_button_has_no_ground_of_its_own_in_the_bar(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    opened(browser, serve(rig), "/scenes/1")
    browser.until("return document.querySelector('.nav-utility')")

    ground = browser.js(
        "return getComputedStyle(document.querySelector('.s2p-nav')).backgroundColor"
    )

    assert ground == "rgba(0, 0, 0, 0)"


def test_a_scenes_tab_asks_only_when_it_is_opened(browser: Browser, serve: Serve, rig: Rig) -> None:
    scene_id, _ = rig.add_pair("one", title="One")
    web = serve(rig)
    opened(browser, web, f"/scenes/{scene_id}")
    browser.sees("Details of scene")
    assert "scene_status" not in web.asked

    browser.click(".nav-link", "Plex")

    browser.sees("It was never sent to Plex", ".s2p-scene")
    assert web.asked.count("scene_status") == 1


# -- everyone ------------------------------------------------------------------------------------


def focused(browser: Browser) -> Any:
    return browser.js("return document.activeElement.textContent")


def test_the_keyboard_reaches_the_page_and_what_it_offers(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    bury(rig, [4], "SceneError", "the scene has no file")
    web = serve(rig)
    web.answers["retry_dlq"] = {"data": {"runPluginOperation": {"text": "queued again"}}}
    opened(browser, web, "/")
    browser.until("return document.querySelector('.nav-utility')")
    browser.press(TAB)  # Stash
    browser.press(TAB)  # the button, of which one is shown
    browser.press(ENTER)
    browser.sees("1 scene needs you", SENTENCE)

    for _ in range(6):
        browser.press(TAB)
        if focused(browser) == "Retry it":
            break
    assert focused(browser) == "Retry it"
    browser.press(ENTER)

    browser.sees("queued again", ".s2p-group")


@pytest.mark.parametrize("width", [320, 768, 1920, 3840])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_is_cut_off_at_any_width(
    browser: Browser, serve: Serve, make_rig: MakeRig, width: int, theme: str
) -> None:
    rig = make_rig()
    down(rig)
    bury(rig, [1], "PlexAmbiguousMatch", "/a/very/long/path/without/any/blank" * 9)
    browser.resize(width, 900)
    opened(browser, serve(rig), f"{PAGE}?theme={theme}")
    browser.sees("Report to copy")
    assert browser.js("return document.documentElement.scrollWidth") <= width
    unnamed = browser.js(
        "const all = '.s2p-page button, .s2p-page input, .s2p-page select';"
        "const named = one => one.textContent || one.ariaLabel || (one.labels || []).length;"
        "return [...document.querySelectorAll(all)].filter(one => !named(one)).length"
    )
    assert unnamed == 0

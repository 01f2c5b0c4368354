"""The parts of the page, over answers that the real plugin gave once: what is seen and asked."""

from typing import Any

import pytest

from tests.ui.browser import Browser
from tests.ui.looking import HOSTILE, PAGE, SENTENCE, look_again, opened
from tests.ui.web import Web

ENTER, TAB, END = "\ue007", "\ue004", "\ue010"
Answers = dict[str, dict[str, Any]]


def given(answers: Answers, **state: Any) -> dict[str, Any]:
    return answers["overview"] | {"state": answers["overview"]["state"] | state}


def section(browser: Browser, title: str) -> str:
    browser.sees(title, ".s2p-section h2")
    found = browser.js(
        "return [...document.querySelectorAll('.s2p-section')]"
        ".find(one => one.querySelector('h2').textContent.startsWith(arguments[0])).innerText",
        title,
    )
    return str(found)


# -- what is shown --------------------------------------------------------------------------------


def test_each_state_has_sentence_and_sign(browser: Browser, canned: Web, answers: Answers) -> None:
    opened(browser, canned)
    browser.sees("Copy report")
    for level, sign, badges in (("ok", "✓", 0), ("warning", "!", 2), ("fault", "✕", 2)):
        text = f"this is {level}"
        canned.answer("overview", given(answers, level=level, sentence=text, since=None))
        look_again(browser)

        assert browser.sees(text, SENTENCE).startswith(sign)
        browser.until("return document.querySelector('.nav-utility').title === arguments[0]", text)
        found = browser.js("return document.querySelectorAll('.s2p-badge').length")
        assert found == badges, "the bar is rendered twice"

    since = answers["overview"]["now"] - 60.0
    canned.answer("overview", given(answers, level="fault", sentence="Down {since}", since=since))
    look_again(browser)
    shown = browser.sees("Down", SENTENCE)
    assert browser.js("return Stash2Plex.clock(arguments[0])", since) in shown


def test_some_pauses_offer_no_setting(browser: Browser, canned: Web, answers: Answers) -> None:
    sentence = "Sync paused: Stash does not answer"
    state = given(answers, kind="paused", level="fault", sentence=sentence, since=None)
    canned.answer("overview", state)
    opened(browser, canned)
    browser.sees(sentence, SENTENCE)
    assert "Edit the setting" not in browser.text()


def test_fields_have_the_order_of_plex(browser: Browser, canned: Web, answers: Answers) -> None:
    (item, *_) = answers["inspect"]["items"]
    names = ("collections", "summary", "title")  # as Stash sorts the members of an answer
    differences = {name: {"in_plex": "a", "wanted": "b"} for name in names}
    items = [item | {"differences": differences}]
    canned.answer("inspect", answers["inspect"] | {"items": items})
    opened(browser, canned, "/scenes/1")
    browser.click(".nav-link", "Plex")
    browser.click("button", "What differs?")
    shown = browser.sees("title", ".s2p-scene table")
    assert shown.index("title") < shown.index("summary") < shown.index("collections")


def test_a_failing_plugin_is_asked_again(browser: Browser, canned: Web, answers: Answers) -> None:
    canned.answers["overview"] = {"errors": [{"message": "plexapi is missing: <b>install</b> it"}]}
    opened(browser, canned)
    assert "plexapi is missing: <b>install</b> it" in browser.sees("did not answer")

    canned.answer("overview", answers["overview"])
    look_again(browser)

    browser.sees("need attention", SENTENCE)
    browser.until("return !document.body.textContent.includes('did not answer')")


def test_sections_show_the_answers(browser: Browser, canned: Web, answers: Answers) -> None:
    opened(browser, canned)

    queue = section(browser, "Queue")
    due = answers["overview"]["queue"]["next"][0]["due"]
    for part in ("Two", "Plex does not have the file yet (2 tries)"):
        assert part in queue
    assert browser.js("return Stash2Plex.clock(arguments[0])", due) in queue
    assert "Uno\ttitle, summary" in section(browser, "Recent syncs")
    assert "98.5" in section(browser, "Outages")  # per cent of the time in which Plex answered
    assert browser.js("return document.querySelectorAll('.s2p-line .s2p-down').length") == 3
    ends = "return parseFloat(getComputedStyle(document.querySelector('.s2p-ends')).fontSize)"
    assert browser.js(ends) >= 11, "pixels, on a screen of any width"
    bars = "return [...document.querySelectorAll('.s2p-chart')].map(one => one.ariaLabel)"
    scenes, latency = browser.js(bars)
    assert "4 failed attempts in the last day" in scenes
    assert "longest 29s" in latency
    assert browser.js("return document.querySelectorAll('.s2p-failed').length") == 1
    browser.click(".s2p-section summary", "As a table")
    browser.sees("Longest", ".s2p-section table")


def test_many_jobs_make_no_larger_page(browser: Browser, canned: Web, answers: Answers) -> None:
    many = given(answers)
    many["queue"] = many["queue"] | {"pending": 0, "retrying": 10_000}
    many["queue"]["next"] = many["queue"]["next"] * 50
    (group, *_) = many["dead_letters"]["groups"]
    newest = (group["newest"] * 10)[:10]
    many["dead_letters"] = {"count": 5_000, "groups": [group | {"count": 5_000, "newest": newest}]}
    canned.answer("overview", many)
    opened(browser, canned)

    browser.sees("and 4,990 more scenes")

    assert "and 9,950 jobs more" in browser.text()
    assert browser.js("return document.querySelectorAll('*').length") < 2_500


# -- what a click asks for ------------------------------------------------------------------------


def test_buttons_name_what_is_to_be_done_and_tell_what_was(browser: Browser, canned: Web) -> None:
    for mode in ("retry_dlq", "drop_dlq"):
        canned.answer(mode, {"text": f"{mode} was done"})
    canned.answer("try_path", {"text": "Found by full path"})
    opened(browser, canned)

    browser.click(".s2p-group button", "Retry all 2")
    browser.sees("retry_dlq was done", ".s2p-group")
    browser.click(".s2p-dead-letters button", "Retry")
    browser.until("return !document.querySelector('.s2p-group button:disabled')")
    browser.click(".s2p-group button", "Delete all")
    browser.click(".s2p-group button", "Delete 2 failed jobs?")
    browser.sees("drop_dlq was done", ".s2p-group")
    browser.type(".s2p-wide", "/a path")
    browser.click("button", "Test path")
    browser.sees("Found by full path", ".s2p-answer")

    asked = [one for one in canned.arguments if one.get("mode", "wake") not in ("overview", "wake")]
    base = {"format": "json", "error_type": "SceneError"}
    assert asked == [
        base | {"mode": "retry_dlq"},
        base | {"mode": "retry_dlq", "scene_id": 5},
        base | {"mode": "drop_dlq"},
        {"mode": "try_path", "format": "json", "path": "/a path"},
    ]


def test_answers_are_shown_with_what_helps_to_see_why(browser: Browser, canned: Web) -> None:
    opened(browser, canned)
    browser.click("button", "Test connection")
    assert "may edit\nyes" in browser.sees("Plex answers", ".s2p-answer")
    libraries = browser.sees("Libraries to sync: all", ".s2p-libraries")
    assert libraries.splitlines()[1:] == ["Scenes, 2 videos", "Clips, short (2), 0 videos"]
    browser.click(".s2p-libraries label", "Clips, short")
    browser.click(".s2p-libraries label", "Scenes")
    setting = "return document.querySelector('#s2p-set-plex_library').value"
    assert browser.js(setting) == "Scenes, 2", "a comma separates names"
    browser.click("button", "Run doctor")
    found = browser.sees("Plex", ".s2p-checks")
    for part in ("✕", "✓", "What to do: "):
        assert part in found
    browser.js("document.querySelector('.s2p-actions select').focus()")
    browser.press(END)
    canned.answers["reconcile_all"] = canned.answers["reconcile_recent"]
    browser.click("button", "Dry run")
    browser.sees("1 scene to sync. Nothing was queued", ".s2p-answer")
    browser.click(".s2p-answer summary", "Examples")
    browser.sees("→ 'What happens.'", ".s2p-answer pre")


def test_unsaved_settings_are_tried_with_a_scene(browser: Browser, canned: Web) -> None:
    fields = {name: {"in_plex": "a", "wanted": "b"} for name in ("summary", "title")}
    tried = {"text": "Scene 7 would change", "tried": [{"rating_key": 1, "fields": fields}]}
    canned.answer("try_settings", tried)
    opened(browser, canned)
    browser.click("summary", "Fields")
    browser.click("#s2p-set-sync_tags")
    browser.type("[aria-label='Scene to try the settings with']", "7" + ENTER)

    browser.sees("With these settings", ".s2p-answer table")
    assert "title\ta\tb\nsummary" in browser.text(".s2p-answer table")
    asked = canned.arguments[canned.asked.index("try_settings")]
    assert (asked["scene"], asked["settings"]) == ("7", {"sync_tags": False})
    assert "save_settings" not in canned.asked
    refusal = {
        "text": "The settings were not tried",
        "level": "fault",
        "refused": {"max_tags": "too few"},
    }
    canned.answer("try_settings", refusal)
    browser.click("button", "Try with a scene")
    browser.sees("too few", ".s2p-problem")


def test_a_change_of_many_scenes_is_saved_by_a_second_click(browser: Browser, canned: Web) -> None:
    question = {"text": "Nothing was saved yet", "level": "warning", "asks": True, "refused": {}}
    canned.answer("save_settings", question | {"scenes": 30, "total": 40})
    opened(browser, canned)
    browser.click("summary", "Fields")
    browser.click("#s2p-set-sync_tags")
    browser.click("button", "Save 1 change")
    browser.sees("Save and sync 30 scenes", "button")
    browser.click("#s2p-set-sync_studio")
    browser.until("return !document.body.textContent.includes('Save and sync')")
    browser.click("button", "Save 2 changes")
    browser.sees("Nothing was saved yet", ".s2p-warning")
    browser.sees("Save 2 changes", "button:not(:disabled)")
    canned.answer("save_settings", {"text": "Saved: sync_tags", "scenes": 30, "refused": {}})
    browser.click("button:not(:disabled)", "Save and sync 30 scenes")
    browser.sees("Saved: sync_tags", ".s2p-answer")
    browser.until("return !document.body.textContent.includes('Save and sync')")
    saves = [one for one in canned.arguments if one.get("mode") == "save_settings"]
    assert [one["confirmed"] for one in saves] == [False, False, True]
    assert saves[-1]["settings"] == {"sync_tags": False, "sync_studio": False}


def test_a_scenes_tab_asks_only_when_it_is_opened(browser: Browser, canned: Web) -> None:
    opened(browser, canned, "/scenes/1")
    browser.sees("Details of scene")
    assert "scene_status" not in canned.asked

    browser.click(".nav-link", "Plex")
    browser.sees("In Plex; synced", ".s2p-scene")
    browser.click(".s2p-scene button", "What differs?")

    assert "title\tSomething else\tUno" in browser.sees("In Stash", ".s2p-scene table")
    assert canned.gets("scene_status", "inspect", "scene_status")

    down = {"text": "", "sentence": "Plex is down since {since}.", "state": {"since": 90_000.0}}
    canned.answer("scene_status", down)
    unlocked: list[Any] = [{"differences": {}}]
    for number, items in enumerate(([], unlocked)):
        found = {"items": items, "state": "differs" if items else "unknown"}
        canned.answer("inspect", {"text": f"Answer {number}", "plex_looked_at": None, **found})
        browser.click(".s2p-scene button", "What differs?")
        browser.sees(f"Answer {number}", ".s2p-scene")
        assert browser.js("return document.querySelectorAll('.s2p-scene table').length") == 0
        assert "Nothing differs" not in browser.text()
    clock = browser.js("return Stash2Plex.clock(90000)")
    browser.sees(f"Plex is down since {clock}.", ".s2p-scene")


def test_one_outage_has_no_availability(browser: Browser, canned: Web) -> None:
    overview = canned.answers["overview"]["data"]["runPluginOperation"]
    one = overview["outages"]["outages"][:1]
    outage = {"outages": one, "mtbf_seconds": 0.0, "availability_percent": 100.0}
    canned.answer("overview", {**overview, "outages": {**overview["outages"], **outage}})

    opened(browser, canned)

    assert "availability\n\u2013" in browser.sees("mean duration (MTTR)")


def test_nothing_is_asked_while_nobody_looks(browser: Browser, canned: Web) -> None:
    opened(browser, canned)
    browser.sees("need attention", SENTENCE)
    browser.until("return harness.held() > 0")
    asked = len(canned.asked)

    browser.js("harness.hide(true)")
    assert browser.js("return harness.fire()") == 0
    browser.js("Stash2Plex.refresh(); Stash2Plex.wake();")
    browser.sees("need attention", SENTENCE)
    assert len(canned.asked) == asked

    browser.js("harness.hide(false)")
    look_again(browser)
    browser.until("return harness.held() > 0")
    assert len(canned.asked) > asked
    browser.click(".top-nav a", "Stash")
    browser.until("return !document.querySelector('.s2p-page')")
    asked = canned.asked.count("overview")
    browser.until("return harness.fire() === 0")
    assert canned.asked.count("overview") == asked


def test_the_bar_asks_once_for_all_pages(browser: Browser, canned: Web, answers: Answers) -> None:
    canned.answer("wake", {"text": "", "worker": "not needed", **given(answers)})
    opened(browser, canned, "/")
    browser.until("return JSON.parse(localStorage['stash2plex.state']).text !== 'Stash2Plex'")
    for path in ("/scenes/2", "/scenes/1", "/"):
        browser.open(canned.url + path)
        browser.until("return document.querySelectorAll('.nav-utility').length === 2")

    assert canned.asked == ["wake"]
    ground = "return getComputedStyle(document.querySelector('.s2p-nav')).backgroundColor"
    assert browser.js(ground) == "rgba(0, 0, 0, 0)", "the bar's own"


def test_stashs_settings_show_ours_and_hide_the_token(browser: Browser, canned: Web) -> None:
    canned.answer("save_settings", {"text": "Saved: sync_tags"})
    opened(browser, canned, "/settings")
    browser.click(".s2p-own summary", "Fields")
    assert browser.js("return document.querySelectorAll('.stash-settings').length") == 1, (
        "another's"
    )
    assert browser.js("return document.querySelectorAll('.setting a').length") == 1, "of two places"
    heading = "return getComputedStyle(document.querySelector('.s2p-own h2')).justifyContent"
    assert browser.js(heading) == "space-between", "as on the page"

    browser.click("#s2p-set-sync_tags")
    browser.click("button", "Save 1 change")
    browser.sees("Saved: sync_tags", ".s2p-own .s2p-answer")
    saved = [one for one in canned.arguments if one.get("mode") == "save_settings"]
    assert [one["settings"] for one in saved] == [{"sync_tags": False}]
    browser.until("return harness.held() === 0")
    assert canned.asked.count("wake") == 2, "the badge follows saved settings"

    browser.click(".s2p-own summary", "Reconciliation")
    interval = "return [...document.querySelectorAll('#s2p-set-reconcile_interval option')]"
    choices = browser.js(interval + ".map(option => option.value)")
    assert choices == ["never", "hourly", "daily", "weekly"]
    browser.click("#s2p-set-sync_studio")
    browser.js("window.confirm = text => !(window.question = text)")
    browser.click(".setting a", "Stash2Plex")
    assert browser.js("return window.question"), "unsaved changes are not lost silently"
    browser.click("#s2p-set-sync_studio")

    browser.click(".s2p-own summary", "Stash's own list")
    browser.sees("Stash's own settings of Stash2Plex")
    browser.click(".setting a", "Stash2Plex")
    browser.sees("need attention", SENTENCE)


# -- hostile words --------------------------------------------------------------------------------

WIDE = """
const most = document.documentElement.clientWidth + 1;
return [...document.querySelectorAll('.s2p-page *, .s2p-scene *')]
  .filter(one => one.getBoundingClientRect().right > most)
  .map(one => one.tagName + '.' + one.className).slice(-8);
"""


def harmless(browser: Browser) -> None:
    assert browser.js("return window.hit") is None
    assert browser.js("return document.querySelectorAll('#root img, #root script').length") == 0
    for width in (320, 1280, 3840):
        browser.resize(width, 900)
        scrolled = browser.js("return document.documentElement.scrollWidth")
        assert scrolled <= width, browser.js(WIDE)
    browser.resize(1280, 900)


OURS = {"kind", "level", "name", "error_type", "group", "type", "outcome", "failed_at", "fields"}


def hostile(value: Any, number: int = 0) -> Any:
    if isinstance(value, dict):
        return {key: one if key in OURS else hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, at) for at, one in enumerate(value)]
    return f"{HOSTILE} {number}" if isinstance(value, str) and value else value


def test_hostile_answers_are_only_text(browser: Browser, canned: Web, answers: Answers) -> None:
    """Titles, errors, libraries, paths, settings, findings: whoever wrote them."""
    for mode, answer in answers.items():
        canned.answer(mode, hostile(answer))
    gaps = {"reasons": {HOSTILE: 1}, "examples": {HOSTILE[:200]: [HOSTILE]}}
    canned.answer("reconcile_recent", {"text": HOSTILE, **gaps})
    canned.answer("try_path", {"text": HOSTILE, "plex_path": HOSTILE})
    canned.answers["check_paths"] = {"errors": [{"message": HOSTILE}]}
    opened(browser, canned)
    browser.sees("</script><script>window.hit=1", SENTENCE)
    browser.type(".s2p-wide", "/x")
    for label in ("Run doctor", "Dry run", "Test path", "Check Path Mapping", "Test connection"):
        browser.click("button", label)
    browser.until("return document.querySelectorAll('.s2p-answer').length >= 5")
    browser.click(".s2p-answer summary", "Examples")
    browser.sees("</script><script>", ".s2p-dead-letters")
    harmless(browser)
    assert browser.js("return document.querySelector('.nav-utility').title.length") <= 200
    assert browser.js(
        "return [...document.querySelectorAll('.s2p-title')]"
        ".every(one => getComputedStyle(one).unicodeBidi.includes('isolate'))"
    )

    opened(browser, canned, "/scenes/1")
    browser.click(".nav-link", "Plex")
    browser.sees("</script><script>", ".s2p-scene")
    browser.click(".s2p-scene button", "What differs?")
    browser.sees("<img src=x onerror=window.hit=1>", ".s2p-scene table")
    harmless(browser)


# -- everyone -------------------------------------------------------------------------------------


def focused(browser: Browser) -> Any:
    return browser.js("return document.activeElement.textContent")


def test_the_keyboard_reaches_the_page_and_what_it_offers(browser: Browser, canned: Web) -> None:
    canned.answer("retry_dlq", {"text": "queued again"})
    opened(browser, canned, "/")
    browser.until("return document.querySelector('.nav-utility')")
    browser.press(TAB)  # Stash
    browser.press(TAB)  # the button, of which one is shown
    browser.press(ENTER)
    browser.sees("need attention", SENTENCE)
    for _ in range(6):
        browser.press(TAB)
        if focused(browser) == "Retry all 2":
            break
    assert focused(browser) == "Retry all 2"
    browser.press(ENTER)
    browser.sees("queued again", ".s2p-group")

    browser.js("[...document.querySelectorAll('summary')].find(one => "
               "one.textContent === 'Fields').focus()")  # fmt: skip
    browser.press(ENTER)
    browser.until("return document.getElementById('s2p-set-sync_tags').getClientRects().length")
    browser.press(TAB)
    browser.press(" ")
    browser.sees("Save 1 change", "button")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_can_be_read_and_nothing_is_cut_off(
    browser: Browser, canned: Web, answers: Answers, theme: str
) -> None:
    """WCAG's contrast of 4.5, with see-through grounds and texts laid over each other."""
    long = given(answers)
    long["dead_letters"]["groups"][0]["newest"][0]["message"] = "/a/path/without/any/blank" * 12
    canned.answer("overview", long)
    opened(browser, canned, f"{PAGE}?theme={theme}")
    browser.sees("Copy report")
    assert browser.js(CONTRAST) == []
    for width in (320, 768, 1920, 3840):
        browser.resize(width, 900)
        assert browser.js("return document.documentElement.scrollWidth") <= width
    unnamed = browser.js(
        "const all = '.s2p-page button, .s2p-page input, .s2p-page select';"
        "const named = one => one.textContent || one.ariaLabel || (one.labels || []).length;"
        "return [...document.querySelectorAll(all)].filter(one => !named(one)).length"
    )
    assert unnamed == 0


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

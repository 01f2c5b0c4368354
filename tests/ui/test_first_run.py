"""The first run: from the connection to the first sync, left and resumed, with each failure."""

from typing import Any

import pytest

from simulators.plex import Item
from simulators.rig import PLUGIN, TOKEN, Rig
from simulators.stash import VideoFile
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken
from tests.ui.browser import Browser
from tests.ui.conftest import Serve
from tests.ui.looking import PAGE, SENTENCE, looks_until, opened
from tests.ui.situations import ask
from tests.ui.test_page import CONTRAST
from tests.ui.web import Web

CARD = ".s2p-connect"


def new_user(make_rig: MakeRig, *, folder: str = "/media/scenes") -> tuple[Rig, list[Item]]:
    rig = make_rig(settings={"plex_url": "", "plex_token": ""})
    quicken(rig)
    rig.tune(Tuning(seen_after=1.0))
    return rig, add_new_library(rig, folder)


def add_new_library(rig: Rig, folder: str) -> list[Item]:
    rig.plex.add_section("Films", ["/media/films"])
    items = []
    for number in range(10):
        file = VideoFile(f"{folder}/{number}.mp4", size=100 + number)
        rig.stash.add_scene(title=f"Title {number}", details="What happens.", files=[file])
        if number < 8:
            path = f"/media/scenes/{number}.mp4"
            items.append(rig.plex.add_item(rig.section, path, size=100 + number))
    return items


def connect(rig: Rig) -> None:
    """Store address and token as the sign-in does, after the page has been seen."""
    assert ask(rig, "overview")["state"]["kind"] == "unconfigured"
    ask(rig, "save_settings", settings={"plex_url": rig.plex.url, "plex_token": TOKEN})


def test_the_first_run_to_the_first_sync(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig, items = new_user(make_rig, folder="/data")
    web = serve(rig)
    opened(browser, web)
    browser.click(".s2p-by-hand summary", "by hand")
    browser.type("#s2p-set-plex_url", rig.plex.url)
    browser.type("#s2p-set-plex_token", TOKEN)
    browser.click("button", "Save 2 changes")

    offered = browser.sees("Libraries to sync: all", f"{CARD} fieldset")
    assert offered.splitlines()[1:] == ["Scenes, 8 videos", "Films, 0 videos"]
    browser.click(f"{CARD} label", "Scenes")
    browser.click("button", "Continue")

    browser.sees("8 of 10 scenes found in Plex; the other 2:", CARD)
    browser.sees("/data/9.mp4", f"{CARD} table")
    assert rig.stash.plugin_settings(PLUGIN)["plex_library"] == "Scenes"
    opened(browser, web)  # in another browser, so to say
    browser.sees("/media/scenes=>/data", f"{CARD} code")
    browser.click("button", "Use this path map")
    advice = browser.sees("Let Plex scan its libraries for the others", CARD)
    browser.sees("The path map is saved.", f"{CARD} .s2p-ok")
    assert "plex_unmatched_path_map" not in advice, "the path map is set"
    assert rig.stash.plugin_settings(PLUGIN)["plex_unmatched_path_map"] == "/media/scenes=>/data"
    browser.click("button", "Continue")

    browser.sees("The first 5 scenes that a sync would change in Plex:", CARD)
    shown = browser.js(
        f"return [...document.querySelectorAll('{CARD} table')].map(one => one.innerText)"
    )
    assert len(shown) == 5
    assert "title\t0\tTitle 0" in shown[0]
    assert "summary\tnothing\tWhat happens." in shown[0]
    assert items[0].title == "0", "nothing is changed by looking"
    browser.click("button", "Start syncing")

    browser.sees("Recent syncs", ".s2p-section h2")
    assert rig.wait_until(lambda: [one.title for one in items] == [f"Title {n}" for n in range(8)])
    looks_until(browser, rig, "Title 7")
    assert ask(rig, "overview")["first_run"] is None
    assert browser.js(f"return document.querySelectorAll('{CARD}').length") == 0


def test_a_failed_step_can_be_repeated(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig, _ = new_user(make_rig)
    connect(rig)
    web = serve(rig)
    steps = {
        "libraries": "Scenes, 8 videos",
        "paths": "8 of 10 scenes found",
        "preview": "The first 5 scenes that a sync",
    }
    for step, expected in steps.items():
        ask(rig, "first_run", step=step)
        rig.plex.stop()
        opened(browser, web)
        assert "What to do: " in browser.sees("nothing answers at Plex's address", CARD)
        browser.click(f"{CARD} button", "Test connection")
        answers = f"return document.querySelectorAll('{CARD} .s2p-answer').length"
        browser.until(f"{answers} === 2")
        browser.sees("Start Plex, or correct plex_url", CARD)
        rig.plex.start()
        again = "Test connection" if step == "paths" else "Try again"
        browser.click(f"{CARD} button:not(:disabled)", again)
        browser.sees(expected, CARD)


def test_steps_can_be_undone_or_skipped(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig, _ = new_user(make_rig)
    connect(rig)
    ask(rig, "first_run", step="paths")
    opened(browser, serve(rig))
    browser.sees("8 of 10 scenes found", CARD)
    browser.click("button", "Back")
    browser.sees("Which libraries", CARD)
    assert rig.wait_until(lambda: ask(rig, "overview")["first_run"] == "libraries")
    browser.click("button", "Skip these steps")
    browser.sees("Nothing sent yet", SENTENCE)
    assert ask(rig, "overview")["first_run"] is None


def test_a_first_sync_that_stash_ends_early_says_so_and_can_be_started_again(
    browser: Browser, canned: Web, answers: dict[str, dict[str, Any]]
) -> None:
    state = answers["overview"]["state"] | {"kind": "nothing_yet", "level": "ok"}
    canned.answer("overview", answers["overview"] | {"state": state, "first_run": "preview"})
    canned.answer("preview_examples", {"text": "A sync would change nothing", "examples": []})
    canned.answers["all"] = {"data": {"runPluginTask": "7"}}
    job = {"status": "RUNNING", "error": None}
    canned.answers[""] = {"data": {"plugins": [], "findJob": job}}
    opened(browser, canned)
    browser.click("button", "Start syncing")
    browser.sees("This page continues when the task has queued the scenes", CARD)

    job |= {"status": "FAILED", "error": "python3 was not found"}
    told = browser.sees("ended before it had queued the scenes: python3 was not found", CARD)
    assert "This page continues" not in told

    job |= {"status": "RUNNING", "error": None}
    browser.click("button:not(:disabled)", "Start syncing")
    told = browser.sees("This page continues", CARD)
    assert "python3 was not found" not in told
    assert canned.asked.count("all") == 2


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_each_step_can_be_read_on_every_screen(
    browser: Browser, serve: Serve, make_rig: MakeRig, theme: str
) -> None:
    rig, _ = new_user(make_rig, folder="/data/" + "a-long-folder-without-blanks" * 5)
    web = serve(rig)
    opened(browser, web, f"{PAGE}?theme={theme}")
    browser.sees("Sign in with Plex", CARD)
    assert browser.js(CONTRAST) == []
    assert browser.js("return document.querySelectorAll('.s2p-sentence').length") == 0
    connect(rig)
    for step, shown in (("libraries", "8 videos"), ("paths", "8 of 10"), ("preview", "first 5")):
        ask(rig, "first_run", step=step)
        opened(browser, web, f"{PAGE}?theme={theme}")
        browser.sees(shown, CARD)
        assert browser.js(CONTRAST) == []
        for width in (320, 390, 1400):
            browser.resize(width, 900)
            assert browser.js("return document.documentElement.scrollWidth") <= width


# -- who sees it ---------------------------------------------------------------------------------


def test_an_edit_before_the_connection_does_not_end_the_first_run(make_rig: MakeRig) -> None:
    rig, items = new_user(make_rig)
    rig.stash.edit_scene(1, title="Uno")
    connect(rig)
    assert rig.wait_until(lambda: items[0].title == "Uno" and rig.queued() == 0)
    assert ask(rig, "overview")["first_run"] == "libraries"

    rig.task("all")

    assert ask(rig, "overview")["first_run"] is None


@pytest.mark.parametrize("cleared", [True, False])
def test_who_has_synced_before_never_sees_it(rig: Rig, cleared: bool) -> None:
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: item.title == "Uno" and rig.queued() == 0)
    if cleared:
        rig.configure(plex_url="")
        assert ask(rig, "overview")["first_run"] is None
        rig.configure(plex_url=rig.plex.url)
    assert ask(rig, "overview")["first_run"] is None


def test_an_unknown_step_is_refused_and_a_damaged_file_begins_again(make_rig: MakeRig) -> None:
    rig, _ = new_user(make_rig)
    connect(rig)
    result = rig.stash.run_operation(PLUGIN, {"mode": "first_run", "step": "fly", "format": "json"})
    assert "libraries or paths or preview or done" in str(result.error)
    (rig.data / "first_run.json").write_text('{"step": 7}')
    assert ask(rig, "overview")["first_run"] == "libraries"


def test_without_anything_to_change_the_preview_says_so(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.add_pair("one")
    answer = ask(rig, "preview_examples")
    assert answer["examples"] == []
    assert answer["text"].startswith("A sync would change nothing in Plex; 1 scene checked")

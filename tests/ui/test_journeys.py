"""From "an edit did not arrive" to its cause and its cure: as somebody who has never seen the page.

Each journey counts its clicks and has three at most; typing a value and what is done outside of
Stash are none.
"""

from dataclasses import replace
from urllib.parse import urlsplit

import plexapi.myplex
import pytest

from simulators.plex_tv import ACCOUNT_TOKEN, AccountServer, FakePlexTv, redirect
from simulators.rig import FOLDER, PLUGIN, TOKEN, Rig
from simulators.stash import VideoFile
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.e2e.test_outages import quicken
from tests.sync_queue.support import job
from tests.ui.browser import Browser
from tests.ui.conftest import Serve
from tests.ui.looking import PAGE, SENTENCE, looks_until, opened
from tests.ui.situations import ask, bury, wait_in_queue

MOST_CLICKS = 3
ENTER = "\ue007"


class Person:
    """Clicks, at most three times.

    Args:
        browser: the window.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.clicks = 0

    def click(self, selector: str, text: str = "") -> None:
        self.clicks += 1
        assert self.clicks <= MOST_CLICKS
        self._browser.click(selector, text)


def quick(make_rig: MakeRig, **settings: object) -> Rig:
    """A rig whose worker sees changed settings, and Plex's return, at once."""
    rig = make_rig(settings=settings)
    quicken(rig)
    rig.tune(Tuning(seen_after=1.0))
    return rig


def test_plex_is_down(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig)
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: ask(rig, "overview")["state"]["kind"] == "down")
    web, person = serve(rig), Person(browser)
    opened(browser, web, f"/scenes/{scene_id}")

    person.click(".nav-link", "Plex")
    cause = browser.sees("Plex has been down since", ".s2p-scene")
    assert "What to do: Start Plex" in cause
    person.click(".s2p-scene a", "Open Stash2Plex")
    browser.sees("Plex has been down since", SENTENCE)
    person.click(".s2p-remedy button", "Test connection")
    browser.sees("Plex's address. Start Plex, or correct plex_url", ".s2p-answer")
    rig.plex.start()

    looks_until(browser, rig, "All synced scenes are up to date in Plex", SENTENCE)
    assert item.title == "Uno"


def test_the_token_is_refused(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig, plex_token="wrong-token-000000")
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: ask(rig, "overview")["state"]["kind"] == "paused")
    web, person = serve(rig), Person(browser)
    opened(browser, web, "/")
    browser.until("return document.querySelector('.s2p-badge')?.textContent === '!'")

    person.click(".nav-utility")
    assert "set plex_token again" in browser.sees("refused the token", SENTENCE)
    person.click(".s2p-remedy button", "Edit the setting")
    assert browser.js("return document.activeElement.id") == "s2p-set-plex_token"
    browser.type("#s2p-set-plex_token", TOKEN)
    person.click("button", "Save 1 change")

    looks_until(browser, rig, "All synced scenes are up to date in Plex", SENTENCE)
    assert item.title == "Uno"


def test_nothing_is_configured(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig, plex_url="", plex_token="")
    rig.canary.add(ACCOUNT_TOKEN)
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    address = (("127.0.0.1", rig.plex.port),)
    server = AccountServer("Home", rig.plex.machine_identifier, TOKEN, address)
    servers = (server, replace(server, name="<b>Attic</b>"))
    with FakePlexTv(*servers) as plex_tv:
        rig.alter(plexapi.myplex, redirect, url=plex_tv.url)
        web, person = serve(rig), Person(browser)
        opened(browser, web)
        browser.sees("Connect to Plex", ".s2p-connect")
        assert browser.js("return document.querySelectorAll('.s2p-sections').length") == 0

        person.click("button", "Sign in with Plex")
        browser.sees("Open Plex's sign-in page", ".s2p-sign-in a")
        link = browser.js("return document.querySelector('.s2p-sign-in a').href")
        assert urlsplit(link).hostname == "app.plex.tv"
        plex_tv.confirm()
        person.click(".s2p-sign-in button", "<b>Attic</b>")

        browser.sees("Plex answers. Which libraries", ".s2p-connect")
    assert rig.wait_until(lambda: item.title == "Uno")
    assert TOKEN not in browser.js(SHOWN)


def test_plex_has_other_folder_names(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig)
    files = [VideoFile("/data/a/one.mp4", size=11)]
    scene = rig.stash.add_scene(title="One", details="What happens.", files=files)
    item = rig.plex.add_item(rig.section, "/media/scenes/a/one.mp4", size=12)
    rig.stash.edit_scene(scene.id, title="Uno")
    assert rig.wait_until(lambda: "PlexNotFound" in str(ask(rig, "scene_status", scene_id=1)))
    web, person = serve(rig), Person(browser)
    opened(browser, web, f"/scenes/{scene.id}")

    person.click(".nav-link", "Plex")
    cause = browser.sees("Plex does not have the file", ".s2p-scene")
    assert "If Plex names its folders differently" in cause
    person.click(".s2p-scene a", "Edit the path map")
    browser.until("return document.activeElement.id === 's2p-set-plex_unmatched_path_map'")
    browser.type("#s2p-set-plex_unmatched_path_map", "/media/scenes=>/data")
    person.click("button", "Save 1 change")

    browser.sees("then it retries 1 unmatched scene", ".s2p-answer")
    looks_until(browser, rig, "All synced scenes are up to date in Plex", SENTENCE)
    assert item.title == "Uno"


def test_a_setting_is_missing(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig, plex_url="")
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    web, person = serve(rig), Person(browser)
    opened(browser, web, "/")

    person.click(".nav-utility")
    browser.sees("Nothing can be sent to Plex: plex_url is not set", SENTENCE)
    person.click(".s2p-by-hand summary", "by hand")
    browser.type("#s2p-set-plex_url", rig.plex.url)
    person.click("button", "Save 1 change")

    browser.sees("Plex answers. Which libraries", ".s2p-connect")
    assert rig.wait_until(lambda: item.title == "Uno")


def test_typed_values_are_tested_first(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_url": "", "plex_token": ""})
    opened(browser, serve(rig))
    browser.click(".s2p-by-hand summary", "by hand")
    browser.type("#s2p-set-plex_url", rig.plex.url)
    browser.type("#s2p-set-plex_token", TOKEN)

    browser.click("button", "Test connection")

    browser.sees("accepts the token", ".s2p-answer")
    assert not rig.stash.plugin_settings(PLUGIN)["plex_url"]
    browser.type("#s2p-set-plex_url", "plex")
    browser.click("button", "Test connection")
    assert "no value was stored" in browser.sees("an address such as", ".s2p-problem")


def test_a_mapping_is_tried_saved_and_confirmed(
    browser: Browser, serve: Serve, make_rig: MakeRig
) -> None:
    rig = quick(make_rig)
    scene_id, item = rig.add_pair("one", title="One", studio="Northlight")
    rig.stash.edit_scene(scene_id, title="Uno")
    assert rig.wait_until(lambda: item.title == "Uno" and rig.queued() == 0)
    person = Person(browser)
    opened(browser, serve(rig))
    browser.click("summary", "Fields")
    browser.type("#s2p-set-title_template", "{studio}: {title}")

    person.click("button", "Try with a scene")
    tried = browser.sees("Northlight: Uno", ".s2p-answer table")
    assert "title\tUno\tNorthlight: Uno" in tried
    person.click("button", "Save 1 change")
    browser.sees("These settings change 1 of 1 scene in Plex", ".s2p-warning")
    assert (item.title, rig.queued()) == ("Uno", 0)
    person.click("button:not(:disabled)", "Save and sync 1 scene")

    browser.sees("Saved: title_template", ".s2p-answer")
    assert rig.wait_until(lambda: item.title == "Northlight: Uno")


@pytest.mark.parametrize("path", [PAGE, "/scenes/1", "/settings"])
def test_a_page_starts_a_killed_worker(browser: Browser, serve: Serve, rig: Rig, path: str) -> None:
    """The plugin's page, a scene's tab, and a page of Stash after which another is shown."""
    first, second = rig.add_library(2, covers=False)
    wait_in_queue(rig, [first])
    opened(browser, serve(rig), path)
    if path == "/scenes/1":
        browser.click(".nav-link", "Plex")
        browser.sees("Queued", ".s2p-scene")
    assert rig.wait_until(lambda: bool(rig.worker_pids()))
    if path == "/settings":
        browser.until("return JSON.parse(localStorage['stash2plex.state']).text !== 'Stash2Plex'")
        browser.click(".top-nav a", "Stash")
    browser.until("return harness.held() > 0")
    rig.stop_worker()
    with queue_of(rig) as queue:
        queue.enqueue([job(second)])

    browser.js("localStorage.clear()")  # as if the interval between two requests were over
    browser.js("harness.fire()")

    assert rig.wait_until(lambda: rig.queued() == 1)


def test_dead_letters_are_retried_or_dropped(browser: Browser, serve: Serve, rig: Rig) -> None:
    scenes = rig.add_library(3, covers=False)
    bury(rig, scenes, "PlexTemporaryError", "Plex answered with status 500")
    bury(rig, [7, 8, 9], "SceneError", "the scene has no file")
    web = serve(rig)
    opened(browser, web, f"/scenes/{scenes[0]}")
    browser.click(".nav-link", "Plex")
    assert "What to do" in browser.sees(
        "The last sync failed: Plex answered with status", ".s2p-scene"
    )
    browser.click(".s2p-scene button", "Sync now")
    browser.sees(f"Queued scene {scenes[0]}", ".s2p-scene")

    browser.click(".nav-utility")
    looks_until(browser, rig, "5 scenes need attention", SENTENCE)
    browser.js("document.querySelectorAll('.s2p-group').forEach(one => one.open = true)")
    browser.click(".s2p-group button", "Retry all 2")
    assert rig.settled()
    looks_until(browser, rig, "3 scenes need attention", SENTENCE)
    browser.click(".s2p-group button", "Delete all")
    browser.click(".s2p-group button", "Delete 3 failed jobs?")
    looks_until(browser, rig, "All synced scenes are up to date in Plex", SENTENCE)

    browser.click(".s2p-section button", "Run now")
    browser.sees("queued as a task in Stash")
    looks_until(browser, rig, "scenes checked")
    assert ask(rig, "overview")["dead_letters"]["count"] == 0


SHOWN = (
    "return document.documentElement.outerHTML + JSON.stringify({...localStorage})"
    " + [...document.querySelectorAll('input, textarea')].map(one => one.value).join()"
)


def test_settings_show_no_secret(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_library": "Flims"})
    rig.plex.add_section("Films", ["/media/Films"])
    scene_id, _ = rig.add_pair("one", title="Very private")
    bury(rig, [scene_id], "SceneError", f"{FOLDER}/one.mp4 is gone")
    opened(browser, serve(rig))
    browser.click("button", "Test connection")
    browser.sees("Plex's video libraries: 'Scenes' (number 1)", ".s2p-answer")
    browser.click(".s2p-libraries label", "Films")
    browser.click(".s2p-libraries label", "Scenes")
    browser.click("summary", "Fields")
    browser.click("#s2p-set-sync_tags")
    browser.type("#s2p-set-max_tags", "5")
    browser.type("#s2p-set-plex_token", TOKEN[::-1])
    before = rig.stash.plugin_settings(PLUGIN)
    browser.click("button", "Save 4 changes")
    why = browser.sees("a whole number from 10 to 500", ".s2p-problem")
    assert "the current value (100) stays" in why
    marked = "return [...document.querySelectorAll('[aria-invalid]')].map(one => one.id)"
    assert browser.js(marked) == ["s2p-set-max_tags"]
    assert browser.js("return document.activeElement.id") == "s2p-set-max_tags"
    assert rig.stash.plugin_settings(PLUGIN) == before

    browser.type("#s2p-set-max_tags", "50")
    browser.sees("Save 4 changes", "button:not(:disabled)")
    assert browser.js(marked) == []
    browser.press(ENTER)
    browser.sees("Saved: ", ".s2p-answer")

    saved = {"max_tags": 50, "sync_tags": False, "plex_token": TOKEN[::-1]}
    assert rig.stash.plugin_settings(PLUGIN) == before | saved | {"plex_library": "Scenes, Films"}
    browser.click("button", "Copy report")
    report = browser.until("return document.querySelector('.s2p-report')?.value")
    assert '"error_type": "SceneError"' in report
    for private in ("private", FOLDER, rig.plex.url):
        assert private not in report
    for secret in (TOKEN, TOKEN[::-1]):
        assert secret not in browser.js(SHOWN)
    rig.canary.add(TOKEN[::-1])

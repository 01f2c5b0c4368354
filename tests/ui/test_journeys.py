"""From "an edit did not arrive" to its cause and its cure: as somebody who has never seen the page.

Each journey counts its clicks and has three at most; typing a value and what is done outside of
Stash are none.
"""

from __future__ import annotations

import pytest

from simulators.rig import TOKEN, Rig
from simulators.stash import VideoFile
from tests.conftest import MakeRig
from tests.e2e.test_lifecycle import mutate
from tests.e2e.test_outages import quicken
from tests.ui.browser import Browser
from tests.ui.conftest import Serve
from tests.ui.looking import SENTENCE, looks_until, opened
from tests.ui.situations import ask, bury

pytestmark = pytest.mark.xdist_group("browser")

MOST_CLICKS = 3


class Person:
    """Clicks, at most three times.

    Args:
        browser: the window.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.clicks = 0

    def click(self, selector: str, text: str = "") -> None:
        """Click, once."""
        self.clicks += 1
        assert self.clicks <= MOST_CLICKS
        self._browser.click(selector, text)


def quick(make_rig: MakeRig, **settings: object) -> Rig:
    """A rig whose worker sees changed settings, and Plex's return, at once."""
    rig = make_rig(settings=settings)
    quicken(rig)
    mutate(rig, "tasks/save_settings.py", "SEEN_AFTER = 10.0", "SEEN_AFTER = 1.0")
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
    cause = browser.sees("Plex is down since", ".s2p-scene")
    assert "What to do: Start Plex" in cause
    person.click(".s2p-scene a", "All of Stash2Plex")
    browser.sees("Plex is down since", SENTENCE)
    person.click(".s2p-cure button", "Test connection")
    browser.sees("nothing answers at Plex's address. Start it, or correct plex_url", ".s2p-told")
    rig.plex.start()

    looks_until(browser, web, "Everything is in Plex", SENTENCE)
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
    assert "set plex_token anew" in browser.sees("refused the token", SENTENCE)
    person.click(".s2p-cure button", "To the setting")
    assert browser.js("return document.activeElement.id") == "s2p-set-plex_token"
    browser.type("#s2p-set-plex_token", TOKEN)
    person.click("button", "Save 1 change")

    looks_until(browser, web, "Everything is in Plex", SENTENCE)
    assert item.title == "Uno"


@pytest.mark.parametrize("waits", [True, False], ids=["it waits", "it is a dead letter"])
def test_plex_names_its_folders_differently(
    browser: Browser, serve: Serve, make_rig: MakeRig, waits: bool
) -> None:
    rig = quick(make_rig)
    files = [VideoFile("/data/a/one.mp4", size=11)]
    scene = rig.stash.add_scene(title="One", details="What happens.", files=files)
    item = rig.plex.add_item(rig.section, "/media/scenes/a/one.mp4", size=12)
    name = "PlexNotFound"
    if waits:
        rig.stash.edit_scene(scene.id, title="Uno")
    else:
        rig.stash.update_scene(scene.id, title="Uno")
        bury(rig, [scene.id], name, "Plex has no item for the scene's file")
    assert rig.wait_until(lambda: name in str(ask(rig, "scene_status", scene_id=scene.id)))
    web, person = serve(rig), Person(browser)
    opened(browser, web, f"/scenes/{scene.id}" if waits else "/")

    if waits:
        person.click(".nav-link", "Plex")
        cause = browser.sees("Plex does not have the file", ".s2p-scene")
        assert "Where Plex names its folders differently, set the path map" in cause
        person.click(".s2p-scene a", "To the path map")
    else:
        person.click(".nav-utility")
        cause = browser.sees("Plex does not have the file", ".s2p-group")
        assert "Where Plex names its folders differently, set the path map" in cause
        person.click(".s2p-group button", "To the path map")
    browser.until("return document.activeElement.id === 's2p-set-plex_unmatched_path_map'")
    browser.type("#s2p-set-plex_unmatched_path_map", "/media/scenes=>/data")
    person.click("button", "Save 1 change")

    browser.sees("then it looks for 1 scene again", ".s2p-told")
    looks_until(browser, web, "Everything is in Plex", SENTENCE)
    assert item.title == "Uno"


def test_a_setting_is_missing(browser: Browser, serve: Serve, make_rig: MakeRig) -> None:
    rig = quick(make_rig, plex_url="")
    scene_id, item = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    web, person = serve(rig), Person(browser)
    opened(browser, web, "/")

    person.click(".nav-utility")
    browser.sees("Nothing can be sent to Plex: plex_url is not set", SENTENCE)
    person.click(".s2p-cure button", "To the setting")
    browser.type("#s2p-set-plex_url", rig.plex.url)
    person.click("button", "Save 1 change")

    looks_until(browser, web, "Everything is in Plex", SENTENCE)
    assert item.title == "Uno"


def test_from_the_scene_to_cause_and_cure_in_two_clicks(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    bury(rig, [scene_id], "PlexTemporaryError", "Plex answered with status 500")
    opened(browser, serve(rig), f"/scenes/{scene_id}")

    browser.click(".nav-link", "Plex")
    cause = browser.sees("What to do", ".s2p-scene")
    assert "Not in step: Plex answered with status 500" in cause
    browser.click(".s2p-scene button", "Sync now")

    browser.sees(f"Scene {scene_id} is queued", ".s2p-scene")
    assert rig.settled()
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert ask(rig, "overview")["dead_letters"]["count"] == 0


def test_from_any_page_to_cause_and_what_differs_in_three_clicks(
    browser: Browser, serve: Serve, rig: Rig
) -> None:
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    bury(rig, [scene_id], "PlexAmbiguousMatch", "2 files of Plex could be it")
    web = serve(rig)
    opened(browser, web, "/")
    browser.until("return document.querySelector('.s2p-badge')?.textContent === '1'")

    browser.click(".nav-utility")
    cause = browser.sees("What to do", ".s2p-group")
    assert "2 files of Plex could be it" in cause
    browser.click(".s2p-letters button", "Inspect")

    browser.until("return document.querySelector('.s2p-group .s2p-told')")
    assert web.arguments[-1]["mode"] in ("inspect", "overview")
    assert {"mode": "inspect", "format": "json", "scene_id": scene_id} in web.arguments

"""Takes the pictures of `docs/images`: `python -m tests.ui.pictures [FOLDER]`."""

import sys
import tempfile
import time
from pathlib import Path

from simulators.rig import REPOSITORY, Rig
from sync_queue.operations import clear_pending_items
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.ui.browser import Browser
from tests.ui.chromium import LACK, find
from tests.ui.looking import PAGE
from tests.ui.situations import STATES, ask, bury, busy_day, outage_now, wait_in_queue
from tests.ui.test_first_run import add_new_library
from tests.ui.web import Web, vendor

WIDE = (1400, 720)
SHOWN = {"new": "Which libraries", "unconfigured": "Connect to Plex"}  # by the state's name


def trouble(rig: Rig) -> None:
    scenes = rig.add_library(14, covers=False)
    for scene_id in scenes[:6]:
        ask(rig, "sync_scene", scene_id=scene_id)
    rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()
    busy_day(rig)
    wait_in_queue(rig, scenes[6:10], "PlexServerDown")
    bury(rig, scenes[10:12], "PlexAmbiguousMatch",
         "2 files of Plex could be this one: /data/a/scene.mp4, /data/b/scene.mp4")  # fmt: skip
    bury(rig, scenes[12:14], "PlexNotFound", "Plex has no item for the scene's file")


def take(
    browser: Browser, url: str, target: Path, width: int, height: int, shown: str = "Copy report"
) -> None:
    browser.resize(width, height)
    browser.open(url)
    browser.sees(shown)
    browser.screenshot(target)


def take_trouble(browser: Browser, web: Web, rig: Rig, folder: Path) -> None:
    url = f"{web.url}{PAGE}"
    take(browser, url, folder / "page-dark.png", *WIDE)
    take(browser, f"{url}?theme=light", folder / "page-light.png", *WIDE)
    take(browser, url, folder / "page-narrow.png", 390, 900)
    browser.resize(700, 620)
    browser.click("button", "Test connection")
    browser.sees("Libraries to sync", ".s2p-libraries")
    browser.js("document.querySelector('#s2p-settings').scrollIntoView()")
    browser.screenshot(folder / "settings.png")
    browser.resize(700, 300)
    browser.open(f"{web.url}/scenes/11")
    browser.click(".nav-link", "Plex")
    browser.sees("What to do", ".s2p-scene")
    browser.screenshot(folder / "scene.png")
    outage_now(rig, time.time() - 25 * 60)
    take(browser, url, folder / "page-outage.png", *WIDE)


def main(folder: Path) -> None:
    programs = find()
    if programs is None:
        sys.exit(LACK)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "npm").mkdir()
        libraries = vendor(place / "npm")
        with Browser(programs, place / "chromium") as browser:
            for name, make in STATES.items():
                with Rig(place / name) as rig, Web(libraries, rig) as web:
                    make(rig)
                    target, shown = folder / f"state-{name}.png", SHOWN.get(name, "Copy report")
                    height = 360 if name in SHOWN else 250
                    take(browser, f"{web.url}{PAGE}", target, 900, height, shown)
                    browser.open("about:blank")
            with Rig(place / "first-run") as rig, Web(libraries, rig) as web:
                add_new_library(rig, "/data")
                ask(rig, "first_run", step="paths")
                target = folder / "first-run.png"
                take(browser, f"{web.url}{PAGE}", target, 900, 420, "scenes found")
                browser.open("about:blank")
            with Rig(place / "rig") as rig, Web(libraries, rig) as web:
                rig.plex.add_section("Films", ["/media/films"])
                trouble(rig)
                take_trouble(browser, web, rig, folder)
                browser.open("about:blank")
                with queue_of(rig) as queue:
                    clear_pending_items(queue.connection)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "images")

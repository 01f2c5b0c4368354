"""Takes the pictures of `docs/images`: `python -m tests.ui.pictures [FOLDER]`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.rig import REPOSITORY, Rig
from tests.ui.browser import Browser
from tests.ui.chromium import LACK, find
from tests.ui.situations import ask, bury, busy_day, outage_now, queue_of, wait_in_queue
from tests.ui.web import Web, vendor

PAGE = "/plugins/stash2plex"


def trouble(rig: Rig) -> None:
    """Something of everything: syncs, an outage, jobs that wait, scenes that need somebody."""
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


def take(browser: Browser, url: str, target: Path, width: int, height: int) -> None:
    """One picture of the page once it shows everything."""
    browser.resize(width, height)
    browser.open(url)
    browser.sees("Run doctor")
    browser.screenshot(target)


def main(folder: Path) -> None:
    """Take all of them."""
    programs = find()
    if programs is None:
        sys.exit(LACK)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "npm").mkdir()
        libraries = vendor(place / "npm")
        with Rig(place / "rig") as rig, Web(rig, libraries) as web:
            trouble(rig)
            with Browser(programs, place / "chromium") as browser:
                take(browser, f"{web.url}{PAGE}", folder / "page-dark.png", 1100, 780)
                take(browser, f"{web.url}{PAGE}?theme=light", folder / "page-light.png", 1100, 780)
                take(browser, f"{web.url}{PAGE}", folder / "page-narrow.png", 320, 900)
                outage_now(rig, time.time() - 25 * 60)
                take(browser, f"{web.url}{PAGE}", folder / "page-outage.png", 1100, 780)
            with queue_of(rig) as queue:
                queue.clear_waiting()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "images")

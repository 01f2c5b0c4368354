"""Which browser the tests drive: the system's, else the one that `tests.ui.provide` brought."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from simulators.rig import REPOSITORY

PLACE = REPOSITORY / "build" / "browser"
LACK = "there is no Chromium with its chromedriver (Debian: apt-get install chromium-driver)"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DRIVER = "chromedriver"
_BROUGHT = ("chrome-headless-shell", _DRIVER)  # as @puppeteer/browsers names them


@dataclass(frozen=True, slots=True)
class Programs:
    browser: Path
    driver: Path


def find() -> Programs | None:
    browser, driver = next(filter(None, map(shutil.which, _NAMES)), None), shutil.which(_DRIVER)
    if browser and driver:
        return Programs(Path(browser), Path(driver))
    brought = [sorted(PLACE.glob(f"{name}/*/{name}-*/{name}")) for name in _BROUGHT]
    return Programs(*(found[-1] for found in brought)) if all(brought) else None

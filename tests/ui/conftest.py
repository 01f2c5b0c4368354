"""A browser, and a page of Stash that has loaded the plugin's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulators.rig import Rig
from tests.conftest import MakeRig
from tests.ui.browser import Browser
from tests.ui.chromium import LACK, Programs, find
from tests.ui.web import VendorError, Web, vendor

Serve = Callable[[Rig], Web]


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Browser and driver."""
    found = find()
    if found is None:
        pytest.skip(f"the page is not tested in a browser: {LACK}")
    return found


@pytest.fixture(scope="session")
def libraries(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stash's libraries for its plugins."""
    del programs
    try:
        return vendor(tmp_path_factory.mktemp("npm"))
    except VendorError as error:
        pytest.skip(f"the page is not tested in a browser: {error}")


@pytest.fixture(scope="session")
def chromium(
    programs: Programs, libraries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """One browser for all tests: its start takes longer than most of them."""
    del libraries
    with Browser(programs, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The browser, on no page."""
    chromium.open("about:blank")
    chromium.resize(1280, 900)
    chromium.complaints()
    return chromium


@pytest.fixture
def serve(libraries: Path, browser: Browser, make_rig: MakeRig) -> Iterator[Serve]:
    """Makes a page over a rig; whatever the console shows by the test's end fails it.

    The page is left before the rig that answers it comes to its end.
    """
    del make_rig
    with ExitStack() as stack:
        yield lambda rig: stack.enter_context(Web(rig, libraries))
        complaints = browser.complaints()
        browser.open("about:blank")
    assert complaints == []

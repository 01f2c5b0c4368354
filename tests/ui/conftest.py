"""A browser, and a page of Stash that has loaded the plugin's files."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from simulators.rig import Rig
from tests.conftest import MakeRig
from tests.ui.browser import Browser
from tests.ui.chromium import LACK, Programs, find
from tests.ui.situations import something_of_everything
from tests.ui.web import VendorError, Web, vendor


class Serve(Protocol):
    """Makes a page over a rig, or over given answers."""

    def __call__(self, rig: Rig | None = None) -> Web: ...


@pytest.fixture(scope="session")
def programs() -> Programs:
    found = find()
    if found is None:
        pytest.skip(f"the page is not tested in a browser: {LACK}")
    return found


@pytest.fixture(scope="session")
def libraries(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
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
    chromium.open("about:blank")
    chromium.resize(1280, 900)
    chromium.complaints()
    return chromium


@pytest.fixture
def serve(libraries: Path, browser: Browser, make_rig: MakeRig) -> Iterator[Serve]:
    """Makes a page over a rig, or over given answers; what the console shows fails the test.

    The page is left before the rig that answers it comes to its end.
    """
    del make_rig
    with ExitStack() as stack:
        yield lambda rig=None: stack.enter_context(Web(libraries, rig))
        complaints = browser.complaints()
        browser.open("about:blank")
    assert complaints == []


@pytest.fixture(scope="session")
def answers(
    tmp_path_factory: pytest.TempPathFactory, quick: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    with Rig(tmp_path_factory.mktemp("answers") / "rig", **quick) as rig:
        return something_of_everything(rig)


@pytest.fixture
def canned(serve: Serve, answers: dict[str, dict[str, Any]]) -> Web:
    web = serve()
    for mode, output in copy.deepcopy(answers).items():
        web.answer(mode, output)
    return web

"""The files that Stash serves: all of them, none else, small, and harmless."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulators.rig import REPOSITORY
from tests.ui.web import ui_files

FILES = sorted((REPOSITORY / "ui").iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
MOST_BYTES = 60_000
# Ways from text to markup or code, to other places than Stash, or to what a browser keeps of it.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacent|dangerously|document\.write|srcdoc|\beval\b|new Function"
    r"|createContextualFragment|DOMParser|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\("
    r"|https?://|<script|sessionStorage|document\.cookie|\.src\b|javascript:|setInterval"
)


def test_stash_is_told_of_every_file_and_of_no_other() -> None:
    listed = [*ui_files(REPOSITORY, "javascript"), *ui_files(REPOSITORY, "css")]
    assert sorted(listed) == FILES
    assert listed[0].name == "base.js"


def test_together_they_are_light() -> None:
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_each_can_be_read_in_a_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    if path.suffix == ".js":
        assert [line for line in lines if len(line) > 110] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_text_never_becomes_markup_and_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text(encoding="utf-8")) == []


def test_there_is_one_place_that_asks_and_it_asks_stash() -> None:
    asking = [path.name for path in SCRIPTS if "fetch(" in path.read_text(encoding="utf-8")]
    assert asking == ["operations.js"]
    assert "window.fetch(endpoint(), {" in (REPOSITORY / "ui" / "operations.js").read_text()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.name))
def test_nothing_of_a_script_is_global_but_its_one_name(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S).strip()
    assert code.startswith("(function (")
    assert code.endswith(("})();", "})(window.Stash2Plex);"))

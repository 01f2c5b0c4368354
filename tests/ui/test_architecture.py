"""The files that Stash serves: all of them, none else, small, and harmless."""

import re

from simulators.rig import REPOSITORY
from tests.ui.web import ui_files

FILES = sorted((REPOSITORY / "ui").iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
# The trial of unsaved settings and the question before large changes need the last 2,000 bytes.
MOST_BYTES = 82_000
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


def test_each_can_be_read_in_a_sitting_and_makes_no_markup_of_text() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        assert len(lines) <= 400
        assert path.suffix != ".js" or [line for line in lines if len(line) > 110] == []
        assert FORBIDDEN.findall(text) == [], path.name


def test_there_is_one_place_that_asks_and_it_asks_stash() -> None:
    asking = [path.name for path in SCRIPTS if "fetch(" in path.read_text(encoding="utf-8")]
    assert asking == ["operations.js"]

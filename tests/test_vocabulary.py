"""The page about the log and the plugin's source say the same."""

from __future__ import annotations

import re

import pytest

from simulators.rig import REPOSITORY
from tests.vocabulary import FOLDERS, Event, Message, events, messages

_SPACES = re.compile(r"\s+")


def source() -> str:
    """All texts of the source, without the quotes between their parts."""
    files = [path for one in FOLDERS for path in (REPOSITORY / one).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return _SPACES.sub(" ", re.sub(r'"\s*\n\s*f?"', "", text))


@pytest.mark.parametrize("message", list(messages()), ids=lambda one: one.where)
def test_each_line_of_the_source_is_on_the_page(message: Message) -> None:
    known = [
        event
        for event in events()
        if message.level in ("", event.level) and event.pattern.fullmatch(message.text)
    ]
    assert known, f"docs/log.md lacks: {message.level}: {message.text}"


@pytest.mark.parametrize("event", events(), ids=lambda one: one.wording[:60])
def test_each_line_of_the_page_is_in_the_source(event: Event) -> None:
    literal = max(re.split(r"«[^»]*»", event.wording), key=len).strip(" :;.,")
    assert literal in source()


@pytest.mark.parametrize("event", events(), ids=lambda one: one.wording[:60])
def test_each_line_says_what_to_do(event: Event) -> None:
    assert event.advice

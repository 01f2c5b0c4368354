"""The words of the log: what `docs/log.md` lists, and what the plugin's source says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulators.rig import REPOSITORY

PAGE = REPOSITORY / "docs" / "log.md"
FOLDERS = ("app", "hooks", "worker", "reconciliation", "sync_queue", "plex", "stash", "shared")
_ROW = re.compile(r"\| (info|warning|error|debug) \| `([^`]+)` \| ([^|]+) \|")
_REST = len("2024-05-06 14:02:07,123 ")
_PLACE = re.compile(r"«[^»]+»")
_CALLS = {"info": "info", "warning": "warning", "error": "error",
          "_warn": "warning", "warn": "warning", "report": "", "_tell": "info",
          "tell": ""}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """A row of the page: a level, a wording with «places», and what to do."""

    level: str
    wording: str
    advice: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the lines of this event look like."""
        parts = [re.escape(part) for part in _PLACE.split(self.wording)]
        return re.compile(".*?".join(parts), re.DOTALL)


@dataclass(frozen=True)
class Message:
    """A text in the source that goes to the log; each value in it is an `x`."""

    where: str
    level: str
    text: str


def events() -> list[Event]:
    """The rows of the page."""
    found = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [Event(level, wording, advice.strip()) for level, wording, advice in found]


def unlisted(worker_log: str) -> list[str]:
    """The lines of a worker's log that the page does not have."""
    known = events()
    found = []
    for line in worker_log.splitlines():
        level, _, text = line[_REST:].partition(" ")
        told = level != "DEBUG" and not text.startswith("[DEBUG]")
        if told and not any(
            one.level == level.lower() and one.pattern.fullmatch(text) for one in known
        ):
            found.append(f"{level} {text}")
    return found


def messages() -> Iterator[Message]:
    """The literal texts that the plugin's source hands to its log."""
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if path.name != "client.py":  # its `_tell` tells Plex
                yield from _messages_of(path)


def _messages_of(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        name = function.id if isinstance(function, ast.Name) else name
        if name in _CALLS:
            for argument in node.args:
                text = _text_of(argument)
                if text and " " in text.strip(" x"):
                    where = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
                    yield Message(where, _CALLS[name], text)


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text_of(node.left) or "x") + (_text_of(node.right) or "x")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) or "x" for part in node.values)
    return ""

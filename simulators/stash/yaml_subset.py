"""A strict reader for the YAML that plugin files are written in.

Block mappings and sequences, quoted and plain scalars, `|` and `>` texts, flat `[a, b]` lists,
comments. Everything else (anchors, tags, nested flow collections, plain scalars over several
lines) is refused rather than guessed at. Scalars are text, as Stash's structs have it; only an
absent or null value is None.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

Node = dict[str, "Node"] | list["Node"] | str | None

_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{}&*!|>%@`#,?-].*?|-\S.*?)\s*:(?:\s+(.*))?$"""
)
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(#.*)?$""")
_FLOW_LIST = re.compile(r"\[(.*)\]\s*(#.*)?$")
_BLOCK_TEXT = re.compile(r"([|>])(-?)\s*(#.*)?$")
_NULLS = ("", "~", "null", "Null", "NULL")
_FORBIDDEN_START = "[]{}&*!|>%@`,#"


class YamlError(Exception):
    """Text that is no YAML, or none of the kind that plugin files need."""


def parse(text: str) -> Node:
    """Reads one document.

    Raises:
        YamlError: it is malformed, or repeats a key.
    """
    reader = _Reader(text)
    if reader.peek() is None:
        return None
    node = reader.block(reader.indent())
    if reader.peek() is not None:
        reader.fail("content after the end of the document")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = re.split(r"\r?\n", text)
        self._at = 0
        if self._lines and self._lines[0].rstrip() == "---":
            self._at = 1

    def fail(self, why: str) -> NoReturn:
        msg = f"line {self._at + 1}: {why}"
        raise YamlError(msg)

    def peek(self) -> str | None:
        """The next line that says something, without its indentation; None at the end."""
        while self._at < len(self._lines):
            content = self._lines[self._at].strip()
            if content and not content.startswith("#"):
                if "\t" in self._lines[self._at][: self.indent()]:
                    self.fail("a tab in the indentation")
                return content
            self._at += 1
        return None

    def indent(self) -> int:
        """Indentation of the current line."""
        line = self._lines[self._at]
        return len(line) - len(line.lstrip())

    def block(self, indent: int) -> Node:
        content = self.peek() or ""
        if _is_item(content):
            return self._sequence(indent)
        if _KEY.match(content):
            return self._mapping(indent)
        node = self._scalar(content)
        self._at += 1
        return node

    def _mapping(self, indent: int) -> dict[str, Node]:
        mapping: dict[str, Node] = {}
        while (content := self.peek()) is not None and self.indent() == indent:
            match = _KEY.match(content)
            if match is None or _is_item(content):
                self.fail(f"expected `key: value`, got {content!r}")
            key = self._scalar(match[1])
            if not isinstance(key, str):
                self.fail("a null key")
            if key in mapping:
                self.fail(f"key {key!r} already set in map")
            mapping[key] = self._value(match[2] or "", indent)
        if content is not None and self.indent() > indent:
            self.fail("unexpected indentation")
        return mapping

    def _sequence(self, indent: int) -> list[Node]:
        items: list[Node] = []
        while (content := self.peek()) is not None and self.indent() == indent:
            if not _is_item(content):
                break
            rest = content[1:].lstrip()
            if rest and not rest.startswith("#") and (_KEY.match(rest) or _is_item(rest)):
                inner = indent + len(content) - len(rest)
                self._lines[self._at] = " " * inner + rest
                items.append(self.block(inner))
            else:
                items.append(self._value(rest, indent))
        if content is not None and self.indent() > indent:
            self.fail("unexpected indentation")
        return items

    def _value(self, rest: str, indent: int) -> Node:
        """What follows `key:` or `-` on this line or below it."""
        block_text = _BLOCK_TEXT.match(rest)
        if block_text:
            return self._block_text(indent, fold=block_text[1] == ">", strip=bool(block_text[2]))
        if rest and not rest.startswith("#"):
            node = self._scalar(rest)
            self._at += 1
            return node
        self._at += 1
        content = self.peek()
        if content is None:
            return None
        if self.indent() > indent or (self.indent() == indent and _is_item(content)):
            return self.block(self.indent()) if self.indent() > indent else self._same(indent)
        return None

    def _same(self, indent: int) -> Node:
        """A sequence may stand at its key's own indentation, but not under another dash."""
        line = self._lines[self._at]
        previous = next(
            (
                each
                for each in reversed(self._lines[: self._at])
                if each.strip() and not each.strip().startswith("#")
            ),
            "",
        )
        if len(previous) - len(previous.lstrip()) == indent and _is_item(previous.strip()):
            return None
        return self._sequence(len(line) - len(line.lstrip()))

    def _block_text(self, indent: int, *, fold: bool, strip: bool) -> str:
        self._at += 1
        lines: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and self.indent() <= indent:
                break
            lines.append(line)
            self._at += 1
        while lines and not lines[-1].strip():
            lines.pop()
        margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        body = (" " if fold else "\n").join(line[margin:].rstrip() for line in lines)
        return body if strip else body + "\n"

    def _scalar(self, text: str) -> Node:
        quoted = _QUOTED.match(text)
        if quoted:
            return self._unquote(quoted[1])
        flow = _FLOW_LIST.match(text)
        if flow:
            inner = flow[1].strip()
            return [self._scalar(part.strip()) for part in inner.split(",")] if inner else []
        plain = re.split(r"\s#", text, maxsplit=1)[0].strip()
        if plain == "{}":
            return {}
        if plain[:1] and (plain[0] in _FORBIDDEN_START or plain[0] in "\"'"):
            self.fail(f"{plain!r} needs quotes")
        if ": " in plain or plain.endswith(":"):
            self.fail("mapping values are not allowed in this context")
        return None if plain in _NULLS else plain

    def _unquote(self, text: str) -> str:
        if text.startswith("'"):
            return text[1:-1].replace("''", "'")
        try:
            return str(json.loads(text))
        except ValueError:
            self.fail(f"unknown escape in {text}")


def _is_item(content: str) -> bool:
    return content == "-" or content.startswith("- ")

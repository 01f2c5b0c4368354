"""Lines of styled text, measured in terminal columns. Pure functions."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

INDENT = "  "


class Style(StrEnum):
    """What a terminal does to text: parameters of the escape sequence `ESC [ … m`."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    BAD = "1;31"
    GOOD = "32"
    WAITS = "33"
    TITLE = "1;36"


@dataclass(frozen=True, slots=True)
class Span:
    """Text of one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Return a line of these parts."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def bold(text: str) -> Span:
    """Return text that matters."""
    return Span(text, Style.BOLD)


def dim(text: str) -> Span:
    """Return text that matters less."""
    return Span(text, Style.DIM)


def good(text: str) -> Span:
    """Return text that tells of success."""
    return Span(text, Style.GOOD)


def bad(text: str) -> Span:
    """Return text that tells of a failure or an outage."""
    return Span(text, Style.BAD)


def waits(text: str) -> Span:
    """Return text that tells of something under way."""
    return Span(text, Style.WAITS)


def printable(text: str) -> str:
    """Return text without characters that would do something to the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def columns(text: str) -> int:
    """Return how many terminal columns text takes."""
    return sum(_columns_of(character) for character in text)


def cut(text: str, width: int) -> str:
    """Return text in at most `width` columns, with an ellipsis where something is left out."""
    if columns(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _columns_of(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…" if width > 0 else ""


def fit(text: str, width: int) -> str:
    """Return text in exactly `width` columns: cut, or padded on the right."""
    short = cut(text, width)
    return short + " " * (width - columns(short))


def cut_line(content: Line, width: int) -> Line:
    """Return as much of a line as `width` columns take."""
    kept: list[Span] = []
    for span in content:
        if width <= 0:
            break
        short = cut(span.text, width)
        kept.append(Span(short, span.style))
        width -= columns(short)
    return tuple(kept)


def wrap_line(content: Line, width: int) -> list[Line]:
    """Return a line as several of at most `width` columns, broken between words.

    A line that fits stays as it is. A word that does not fit into a line is left to the terminal.
    """
    if sum(columns(span.text) for span in content) <= width:
        return [content]
    rows: list[list[Span]] = [[]]
    used = 0
    for word in _words(content):
        if used + columns(word.text.rstrip()) > width and used > len(INDENT):
            rows.append([Span(INDENT)])
            used = len(INDENT)
        rows[-1].append(word)
        used += columns(word.text)
    return [tuple(row) for row in rows]


def bar(width: int, done: int, begun: int, total: int) -> Line:
    """Return a progress bar.

    Args:
        width: in columns.
        done: how many are complete.
        begun: how many are begun but not complete.
        total: how many there are; at least 1.
    """
    full = width * done // total
    half = width * (done + begun) // total - full
    return line(good("█" * full), waits("▒" * half), dim("░" * (width - full - half)))


def dots(spans: Sequence[Span], width: int) -> list[Line]:
    """Return spans of one column each as lines, ten to a group."""
    groups = [line(*spans[start : start + 10], " ") for start in range(0, len(spans), 10)]
    per_line = max(1, width // 11)
    return [
        line(INDENT, *(span for group in groups[start : start + per_line] for span in group))
        for start in range(0, len(groups), per_line)
    ]


def counted(number: int, noun: str) -> str:
    """Return `1 job`, `2 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _words(content: Line) -> Iterator[Span]:
    """Yield a line's words, each with the space before and behind it."""
    for span in content:
        for word in re.findall(r"\s*\S+\s*|\s+", span.text):
            yield Span(word, span.style)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

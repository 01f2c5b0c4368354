"""Parsers of settings and of task arguments, and texts for numbers and other values."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any

TRUE = frozenset(("true", "1", "yes", "on"))
FALSE = frozenset(("false", "0", "no", "off"))
_SHOWN = 100  # characters of a value in a message
_SEPARATOR = ";"  # names of tags may contain commas
_PAIR = "=>"
_LOOKED_AT, _LONGEST_QUOTE = 4096, 120  # characters of a server's error text
_MARKUP = re.compile(r"(?is)<(script|style|title)\b.*?(</\1>|$)|<[^>]*(>|$)")


class ValueProblem(ValueError):  # noqa: N818 - a fault of the value, not of the program
    """A value that cannot be used; the message says which values are allowed."""

    def __init__(self, allowed: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(allowed)
        self.choices = choices  # all allowed values, if they are few words


Parser = Callable[[Any], Any]


def declare_setting(parse: Parser, default: Any, *, secret: bool = False) -> Any:
    """Return the dataclass field of a setting; a secret is left out of its `repr`."""
    return field(default=default, repr=not secret, metadata={"parse": parse})


def is_empty(value: Any) -> bool:
    """Return whether a setting with this value counts as not set."""
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Any) -> bool:
    """Return the value of a switch; raise `ValueProblem` for any other value."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueProblem("true or false")


def number(low: float, high: float, kind: type[int] | type[float] = float) -> Parser:
    """Return a parser of numbers from `low` to `high`; the parser raises `ValueProblem`."""
    allowed = f"a {'whole ' if kind is int else ''}number from {low:.10g} to {high:.10g}"

    def parse(value: Any) -> float | int:
        # Python's `float` also accepts "1_2" and digits of other scripts.
        odd = isinstance(value, str) and (not value.isascii() or "_" in value)
        try:
            found = math.nan if odd or isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueProblem(allowed) from None
        if not low <= found <= high or (kind is int and found != int(found)):
            raise ValueProblem(allowed)
        return kind(found)

    return parse


def choice(*words: str) -> Parser:
    """Return a parser of these words in any case; the parser raises `ValueProblem`."""
    by_lower = {word.lower(): word for word in words}

    def parse(value: Any) -> str:
        word = by_lower.get(value.strip().lower()) if isinstance(value, str) else None
        if word is None:
            raise ValueProblem(" or ".join(words), words)
        return word

    return parse


def entries(text: str) -> list[str]:
    """Return the entries of a list in a setting."""
    return [entry.strip() for entry in text.split(_SEPARATOR) if entry.strip()]


def list_of(what: str, is_usable: Callable[[str], object] = bool) -> Parser:
    """Return a parser of a list of names; it raises `ValueProblem` for an unusable name."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not all(map(is_usable, entries(value))):
            raise ValueProblem(f"{what}, separated by semicolons")
        return "; ".join(entries(value))

    return parse


def renames(text: str) -> dict[str, str]:
    """Return the pairs `old=>new` of a list in a setting."""
    pairs = (entry.partition(_PAIR) for entry in entries(text))
    return {old.strip(): new.strip() for old, _, new in pairs}


def is_rename(entry: str) -> bool:
    """Return whether an entry of a list has the form `old=>new`."""
    old, _, new = (side.strip() for side in entry.partition(_PAIR))
    return bool(old and new)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 job", "2,000 jobs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts_text(counts: Iterable[tuple[int, str]]) -> str:
    """Return the counts above zero with their words: "2 queued, 1 without a file"."""
    return ", ".join(f"{number:,} {words}" for number, words in counts if number)


def in_brief(value: Any) -> str:
    """Return the beginning of a value for a message to the user."""
    try:
        return f"{value!r:.{_SHOWN}}"
    except ValueError:  # Python refuses to format numbers of over 4,300 digits
        return "a very large number"


def first_words(text: str) -> str:
    """Return the first words of a server's error page, without HTML, as one line."""
    line = " ".join(_MARKUP.sub(" ", text[:_LOOKED_AT]).split())
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"

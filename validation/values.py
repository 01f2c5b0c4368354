"""Values from outside, of whatever JSON type: read where they can only mean one thing."""

import math
from collections.abc import Callable
from typing import Any

TRUE = frozenset(("true", "1", "yes", "on"))
FALSE = frozenset(("false", "0", "no", "off"))
_SHOWN = 100  # characters of a value in a message


class ValueProblem(ValueError):  # noqa: N818 - it is the value's, told in words
    """A value that cannot be understood; the text says what is allowed."""


Parser = Callable[[Any], Any]


def is_empty(value: Any) -> bool:
    """Tell whether a value stands for none at all."""
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Any) -> bool:
    """Return a switch.

    Raises:
        ValueProblem: it says neither yes nor no.
    """
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueProblem("true or false")


def number(low: float, high: float, kind: type[int] | type[float] = float) -> Parser:
    """Return the parser of a number within a range, both ends included.

    The parser raises `ValueProblem`.
    """
    allowed = f"a {'whole ' if kind is int else ''}number from {low:.10g} to {high:.10g}"

    def parse(value: Any) -> float | int:
        # Python would also read "1_2" and the digits of other scripts.
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
    """Return the parser of one of some words, whatever their case.

    The parser raises `ValueProblem`.
    """
    by_lower = {word.lower(): word for word in words}

    def parse(value: Any) -> str:
        word = by_lower.get(value.strip().lower()) if isinstance(value, str) else None
        if word is None:
            raise ValueProblem(" or ".join(words))
        return word

    return parse


def in_brief(value: Any) -> str:
    """Return a value for a message to people."""
    try:
        return f"{value!r:.{_SHOWN}}"
    except ValueError:  # Python refuses to write out numbers of over 4,300 digits
        return "a very large number"

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any

TRUE = frozenset(("true", "1", "yes", "on"))
FALSE = frozenset(("false", "0", "no", "off"))
LARGEST_NUMBER = 2**63 - 1
_MOST_DIGITS = len(str(LARGEST_NUMBER))
_SHOWN = 100
# Tag names may contain commas, so lists are split at semicolons.
_SEPARATOR = ";"
PAIR = "=>"
_LONGEST_PREFIX = 100
_LOOKED_AT, _LONGEST_QUOTE = 4096, 120
_MARKUP = re.compile(r"(?is)<(script|style|title)\b.*?(</\1>|$)|<[^>]*(>|$)")


class ValueProblem(ValueError):  # noqa: N818 - a fault of the value, not of the program
    def __init__(self, allowed: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(allowed)
        self.choices = choices


Parser = Callable[[Any], Any]


def declare_setting(parse: Parser, default: Any, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"parse": parse})


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Any) -> bool:
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueProblem("true or false")


def number(low: float, high: float, kind: type[int] | type[float] = float) -> Parser:
    allowed = f"a {'whole ' if kind is int else ''}number from {low:.10g} to {high:.10g}"

    def parse(value: Any) -> float | int:
        # `float` also accepts "1_2" and digits of other scripts, which are probably typos.
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
    by_lower = {word.lower(): word for word in words}

    def parse(value: Any) -> str:
        word = by_lower.get(value.strip().lower()) if isinstance(value, str) else None
        if word is None:
            raise ValueProblem(" or ".join(words), words)
        return word

    return parse


def entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(_SEPARATOR) if entry.strip()]


def line(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueProblem("a text")
    return " ".join(value.split())


def list_of(what: str, is_usable: Callable[[str], object] = bool) -> Parser:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not all(map(is_usable, entries(value))):
            raise ValueProblem(f"{what}, separated by semicolons")
        return "; ".join(entries(value))

    return parse


def words_of(*allowed: str) -> Parser:
    by_letters = {_letters(word): word for word in allowed}

    def parse(value: Any) -> str:
        given = entries(value.replace(",", _SEPARATOR)) if isinstance(value, str) else [""]
        if not all(_letters(entry) in by_letters for entry in given):
            raise ValueProblem(f"{', '.join(allowed)}, separated by semicolons")
        return "; ".join(dict.fromkeys(by_letters[_letters(entry)] for entry in given))

    return parse


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


def name_prefix(value: Any) -> str:
    text = value.lstrip() if isinstance(value, str) else ""
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_PREFIX:
        raise ValueProblem(f"a text of at most {_LONGEST_PREFIX} characters")
    return text


def sides_of(pair: str) -> tuple[str, str]:
    left, _, right = pair.partition(PAIR)
    return left.strip(), right.strip()


def whole_number(value: Any) -> int:
    """Convert a positive integer, or a text of its digits. Any other value becomes 0."""
    if isinstance(value, str):
        digits = value.lstrip("0")
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
        value = int(digits) if is_number else 0
    elif not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value <= LARGEST_NUMBER else 0


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts_text(counts: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{number:,} {words}" for number, words in counts if number)


def in_brief(value: Any) -> str:
    """Return a text in quotes, and any other value as JSON, cut to 100 characters."""
    try:
        return (repr(value) if isinstance(value, str) else json.dumps(value))[:_SHOWN]
    except ValueError:
        return "a very large number"


def first_words(text: str) -> str:
    line = " ".join(_MARKUP.sub(" ", text[:_LOOKED_AT]).split())
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"

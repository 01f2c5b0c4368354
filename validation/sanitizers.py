import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from validation.paths import folded

MAX_NAME = 255
MAX_SUMMARY = 10_000
_WORTH_KEEPING = 0.8

_NOT_IN_XML = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
# The invisible joiners U+200C and U+200D are not removed, because Persian, Indic scripts and emoji
# need these joiners.
_INVISIBLE = "\u200b\u2060\ufeff\u00ad"
_REMOVED = re.compile(f"[{_NOT_IN_XML}{_INVISIBLE}]")
_LINE_SPACE = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_PARAGRAPH_BREAK = re.compile(r"\n{3,}")
MOST_LOOKED_AT = 1_000_000


def sanitize_name(text: str, limit: int = MAX_NAME) -> str:
    return cut(" ".join(_clean(text).split()), limit).strip()


clean_name = lru_cache(maxsize=4096)(sanitize_name)


def distinct_names(names: Iterable[str], limit: int) -> tuple[str, ...]:
    """Return up to `limit` sanitized names without duplicates. Plex ignores the case of names."""
    distinct: dict[str, str] = {}
    for name in filter(None, map(clean_name, names)):
        distinct.setdefault(folded(name), name)
    return tuple(distinct.values())[:limit]


def sanitize_summary(text: str, limit: int = MAX_SUMMARY) -> str:
    text = _clean(text)
    if not text.isprintable() or "  " in text:
        text = re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)
        lines = _LINE_SPACE.sub(" ", text).split("\n")
        text = _PARAGRAPH_BREAK.sub("\n\n", "\n".join(line.strip() for line in lines))
    return cut(text.strip(), limit).strip()


def _clean(text: str) -> str:
    text = text.lstrip()[:MOST_LOOKED_AT]
    if text.isascii() and text.isprintable():
        return text
    # Normalize last. A removed character may have separated a letter from its accent.
    text = _REMOVED.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[:limit]
    if not text[limit].isspace():
        boundary = max(head.rfind(" "), head.rfind("\n"))
        if boundary >= limit * _WORTH_KEEPING:
            head = head[:boundary]
    return head.rstrip()

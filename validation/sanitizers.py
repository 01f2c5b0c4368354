"""Makes texts valid for Plex and XML, and limits the lengths of texts and lists.

A sanitized text stays unchanged when it is sanitized again.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from validation.paths import folded

MAX_NAME = 255  # characters of a title, studio, or the name of a performer, tag or collection
MAX_SUMMARY = 10_000  # characters
MAX_PERFORMERS = 50  # the limit of tags is the setting `max_tags`
_WORTH_KEEPING = 0.8  # a text is cut between words if this share of the limit remains

# XML 1.0 forbids control characters, lone surrogates and the non-characters at a plane's end.
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
# Zero-width space, word joiner, byte order mark and soft hyphen are invisible.
# The joiners U+200C and U+200D stay, because Persian, Indic scripts and emoji need them.
_INVISIBLE = "\u200b\u2060\ufeff\u00ad"
_REMOVED = re.compile(f"[{_FORBIDDEN}{_INVISIBLE}]")
_LINE_SPACE = re.compile(r"[^\S\n]{2,}|[^\S\n ]")  # everything but a single space
_PARAGRAPH_BREAK = re.compile(r"\n{3,}")
MOST_LOOKED_AT = 1_000_000  # characters; the rest of a longer text is ignored


def sanitize_name(text: str, limit: int = MAX_NAME) -> str:
    """Return a title or name as one line of at most `limit` characters."""
    return cut(_one_line(text), limit).strip()


# Many scenes share performers, studios and tags, so sanitized names are cached.
clean_name = lru_cache(maxsize=4096)(sanitize_name)


def distinct_names(names: Iterable[str], limit: int) -> tuple[str, ...]:
    """Return the first `limit` of the sanitized names, each name once.

    Names that differ only in case or Unicode composition are one name in Plex.
    """
    distinct: dict[str, str] = {}
    for name in filter(None, map(clean_name, names)):
        distinct.setdefault(folded(name), name)
    return tuple(distinct.values())[:limit]


def sanitize_summary(text: str, limit: int = MAX_SUMMARY) -> str:
    """Return a text of several paragraphs with at most `limit` characters."""
    return cut(_paragraphs(text), limit).strip()


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _paragraphs(text: str) -> str:
    text = _clean(text)
    if text.isprintable() and "  " not in text:
        return text.strip()  # a single line with single spaces only
    text = re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)
    lines = _LINE_SPACE.sub(" ", text).split("\n")
    return _PARAGRAPH_BREAK.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def _clean(text: str) -> str:
    text = text.lstrip()[:MOST_LOOKED_AT]
    if text.isascii() and text.isprintable():
        return text  # fast path for most names
    # Removing a character may let its neighbours combine, so normalize afterwards.
    text = _REMOVED.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, cut between two words if possible."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    if not text[limit].isspace():
        boundary = max(head.rfind(" "), head.rfind("\n"))
        if boundary >= limit * _WORTH_KEEPING:
            head = head[:boundary]
    return head.rstrip()

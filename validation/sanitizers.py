"""Makes any text storable in Plex and readable back as XML; doing it twice changes nothing."""

import re
import unicodedata
from collections.abc import Callable

from validation.limits import MAX_NAME, MAX_SUMMARY, cut

# XML 1.0 forbids control characters, lone surrogates and the non-characters at a plane's end.
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
# Invisible, and without a job in any script: zero-width space, word joiner, byte order mark.
# The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji need them.
_INVISIBLE = "\u200b\u2060\ufeff\u00ad"
_REMOVED = re.compile(f"[{_FORBIDDEN}{_INVISIBLE}]")
_LINE_SPACE = re.compile(r"[^\S\n]{2,}|[^\S\n ]")  # a single space is as it should be
_PARAGRAPH_BREAK = re.compile(r"\n{3,}")
# So much of a huge text is looked at, and eight times more until enough is left of it. What comes
# after that much more than is kept can no longer change what is kept.
_FIRST_LOOK, _MARGIN = 4, 64


def sanitize_name(text: str, limit: int = MAX_NAME) -> str:
    """Return one line of text: a title, or the name of a person, studio, tag or collection."""
    return cut(_enough(_one_line, text, limit), limit).strip()


def sanitize_summary(text: str, limit: int = MAX_SUMMARY) -> str:
    """Return text of several paragraphs; line breaks survive, at most one empty line in a row."""
    return cut(_enough(_paragraphs, text, limit), limit).strip()


def _enough(clean: Callable[[str], str], text: str, limit: int) -> str:
    """Return the clean text, or its beginning when it is much longer than the limit."""
    text = text.lstrip()
    size = _FIRST_LOOK * (limit + _MARGIN)
    while size < len(text):
        end = _end_of_marks(text, size)
        head = clean(text[:end])
        if len(head) > limit + _MARGIN:
            return head
        size = max(size * 8, end)
    return clean(text)


def _end_of_marks(text: str, start: int) -> int:
    """Return the first position from `start` on that no run of combining marks goes over.

    Normalizing sorts the marks of such a run, so its end can change its beginning.
    """
    while start < len(text) and (
        unicodedata.combining(text[start]) or _REMOVED.match(text, start) is not None
    ):
        start += 1
    return start


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _paragraphs(text: str) -> str:
    text = _clean(text)
    if text.isprintable() and "  " not in text:
        return text.strip()  # one line, and no white space in it but single spaces
    lines = _LINE_SPACE.sub(" ", _line_breaks(text)).split("\n")
    return _PARAGRAPH_BREAK.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text  # what is forbidden or invisible is neither; most names are both
    # Removing a character may let its neighbours combine: so normalize after it.
    text = _REMOVED.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _line_breaks(text: str) -> str:
    return re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)

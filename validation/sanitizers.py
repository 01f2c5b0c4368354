"""Makes any text storable in Plex and readable back as XML; doing it twice changes nothing."""

import re
import unicodedata

from validation.limits import MAX_NAME, MAX_SUMMARY, cut

# XML 1.0 forbids control characters, lone surrogates and the non-characters at a plane's end.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef]")
_PLANE_END = 0xFFFE
# Invisible, and without a job in any script: zero-width space, word joiner, byte order mark.
# The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji need them.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_SPACE_RUN = re.compile(r"\s+")
_LINE_SPACE = re.compile(r"[^\S\n]+")
_PARAGRAPH_BREAK = re.compile(r"\n{3,}")


def sanitize_name(text: str, limit: int = MAX_NAME) -> str:
    """Return one line of text: a title, or the name of a person, studio, tag or collection."""
    return cut(_SPACE_RUN.sub(" ", _clean(text)).strip(), limit).strip()


def sanitize_summary(text: str, limit: int = MAX_SUMMARY) -> str:
    """Return text of several paragraphs; line breaks survive, at most one empty line in a row."""
    lines = _LINE_SPACE.sub(" ", _line_breaks(_clean(text))).split("\n")
    joined = "\n".join(line.strip() for line in lines)
    return cut(_PARAGRAPH_BREAK.sub("\n\n", joined).strip(), limit).strip()


def _clean(text: str) -> str:
    # Removing a character may let its neighbours combine: so normalize after it.
    text = _INVISIBLE.sub("", _FORBIDDEN.sub("", text))
    if not text.isascii():
        text = "".join(c for c in text if ord(c) & _PLANE_END != _PLANE_END)
        text = unicodedata.normalize("NFC", text)
    return text


def _line_breaks(text: str) -> str:
    return re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)

"""The beginning of what a server answers, for people."""

import re

_LOOKED_AT = 4096  # characters
_LONGEST = 120  # characters
_MARKUP = re.compile(r"(?is)<(script|style|title)\b.*?(</\1>|$)|<[^>]*(>|$)")


def first_words(text: str) -> str:
    """Return the beginning of a server's error text, as one short line without markup.

    Args:
        text: plain text or HTML, of any length.
    """
    line = " ".join(_MARKUP.sub(" ", text[:_LOOKED_AT]).split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"

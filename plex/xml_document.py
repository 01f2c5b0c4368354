"""The XML documents of Plex's answers, also those with characters that XML forbids."""

import re
from xml.etree.ElementTree import Element, ParseError, fromstring

from plexapi.utils import parseXMLString

_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,9})|([0-9]{1,9}));")
_OVERLONG_REFERENCE = re.compile(rb"&#(?:x[0-9A-Fa-f]{10,}|[0-9]{10,});")
# The characters of XML 1.0.
_LEGAL = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
_LEGAL_CONTROLS = frozenset((0x9, 0xA, 0xD))


def parse_document(content: bytes) -> Element | None:
    """Parse the body of an answer.

    A document that is not well-formed is parsed once more without the characters, and without the
    references to characters (`&#11;`), that XML forbids.

    Returns:
        The root element; None for an empty body.

    Raises:
        ParseError: the document is not well-formed for another reason.
    """
    if not content.strip():
        return None
    try:
        return fromstring(content)  # noqa: S314 - as plexapi; expat bounds the expansion
    except ParseError:
        legal = _OVERLONG_REFERENCE.sub(b"", _REFERENCE.sub(_without_illegal, content))
        root: Element | None = parseXMLString(legal.decode("utf-8", "replace"))
        return root


def _without_illegal(reference: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = reference.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    is_legal = code in _LEGAL_CONTROLS or any(code in legal for legal in _LEGAL)
    return reference[0] if is_legal else b""

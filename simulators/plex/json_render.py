"""The same answers as JSON, for clients that ask for it (plex-protocol.md §1.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.etree import ElementTree as ET

_TEXT = frozenset(
    {
        "title",
        "titleSort",
        "originalTitle",
        "summary",
        "tagline",
        "studio",
        "tag",
        "role",
        "file",
        "contentRating",
        "editionTitle",
        "key",
        "ratingKey",
        "title1",
        "friendlyName",
        "path",
        "version",
        "aspectRatio",
        "videoResolution",
        "tagKey",
        "openSubtitleHash",
        "librarySectionTitle",
        "subtitle",
        "value",
        "platformVersion",
    }
)
"""Attributes that stay text although they may look like a number."""


def as_json(xml: bytes) -> bytes:
    """Convert a MediaContainer.

    Raises:
        ElementTree.ParseError: if the XML holds characters that XML forbids.
    """
    root = ET.fromstring(xml)
    return json.dumps({root.tag: _node(root)}, ensure_ascii=False).encode()


def _node(element: ET.Element) -> Mapping[str, object]:
    node: dict[str, object] = {name: _value(name, text) for name, text in element.attrib.items()}
    children: dict[str, list[Mapping[str, object]]] = {}
    for child in element:
        children.setdefault(_name(child), []).append(_node(child))
    return {**node, **children}


def _name(element: ET.Element) -> str:
    """Videos, photos and collections are all `Metadata` in JSON."""
    is_item = element.tag in {"Video", "Photo"} or "ratingKey" in element.attrib
    return "Metadata" if is_item else element.tag


def _value(name: str, text: str) -> object:
    if name in _TEXT:
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text

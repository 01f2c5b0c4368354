"""The oracle's sentences, sorted by the field they speak of."""

import re
from collections.abc import Iterable

from simulators.oracle import Verdict
from simulators.plex import ItemState

OTHER = "other"
_SAYS = {
    "title": "title is",
    "studio": "studio is",
    "summary": "summary is",
    "date": "originally_available_at is",
    "actors": "actors is",
    "genres": "genres is",
    "collection": "it is not in the collection",
    "poster": "the poster is",
    "art": "the art is",
    "locks": "not locked",
}
FIELDS = tuple(_SAYS)
LATE_FIELDS = frozenset({"poster", "art", "locks"})
"""What a batch of scenes gets last: covers, then the covers' locks for all scenes at once."""

_DIFFERENCE = re.compile(r"scene (?P<scene>\d+)(?:, item \d+)?: (?P<sentence>.*)", re.DOTALL)


def field_of(sentence: str) -> str:
    """Return the field that a sentence of `compare` is about; `OTHER` for one unknown here."""
    return next((name for name, start in _SAYS.items() if sentence.startswith(start)), OTHER)


def fields_of(sentences: Iterable[str]) -> set[str]:
    """Return the fields that sentences of `compare` are about."""
    return {field_of(sentence) for sentence in sentences}


def differing(verdict: Verdict) -> dict[str, set[str]]:
    """Return the scenes that differ, by field; a field unknown here is `OTHER`."""
    found: dict[str, set[str]] = {name: set() for name in (*FIELDS, OTHER)}
    for difference in verdict.differences:
        match = _DIFFERENCE.fullmatch(difference)
        if match is None:
            found[OTHER].add(difference)
        else:
            found[field_of(match["sentence"])].add(match["scene"])
    return found


def shown(item: ItemState, field: str) -> str:
    """Return a field of an item as a person would see it; a dash for nothing."""
    texts = {
        "title": item["title"],
        "studio": item["studio"],
        "summary": item["summary"],
        "date": item["originally_available_at"],
        "actors": ", ".join(actor["name"] for actor in item["actors"]),
        "genres": ", ".join(item["genres"]),
        "collection": ", ".join(item["collections"]),
        "poster": _image(item["poster"]),
        "art": _image(item["art"]),
        "locks": f"{len(item['locks'])} fields" if item["locks"] else "",
    }
    return texts[field] or "-"


def _image(sha1: str | None) -> str:
    return f"image {sha1[:8]}" if sha1 else ""

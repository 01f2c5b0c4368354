"""The query string, in order and with repeated keys, as Plex reads it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_plus


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Decode once. `title==x` is the key `title=` (operator "is") with the value `x`."""
    pairs = []
    for piece in raw.split("&"):
        if not piece:
            continue
        key, _, value = piece.partition("=")
        if value.startswith("=") and not key.endswith(".value"):
            key, value = f"{key}=", value[1:]
        pairs.append((unquote_plus(key), unquote_plus(value)))
    return pairs


class Params:
    """First value by name, or all pairs in order."""

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self._first: dict[str, str] = {}
        for key, value in pairs:
            self._first.setdefault(key, value)

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def get(self, name: str, default: str = "") -> str:
        return self._first.get(name, default)

    def number(self, name: str) -> int | None:
        """A non-negative integer, or None when absent or no number."""
        text = self._first.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else None

    def names(self, name: str) -> frozenset[str]:
        """A comma-separated list as a set."""
        return frozenset(filter(None, self.get(name).split(",")))

"""Substring search over the file paths of a section, fast enough for 100,000 of them."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

from simulators.plex.state import Item

_SEPARATOR = "\0"


class PathIndex:
    """All paths in one string: one `str.find` per hit instead of one test per path."""

    def __init__(self, items: Iterable[Item], fold: Callable[[str], str]) -> None:
        self._fold = fold
        self._items: list[Item] = []
        self._starts: list[int] = []
        pieces: list[str] = []
        position = 0
        for item in items:
            for file in item.files:
                folded = fold(file)
                self._items.append(item)
                self._starts.append(position)
                pieces.append(folded)
                position += len(folded) + 1
        self._haystack = _SEPARATOR.join(pieces)

    def containing(self, text: str) -> list[Item]:
        """Items with a path that contains `text`, each once."""
        needle = self._fold(text)
        if not needle:
            return list(dict.fromkeys(self._items))
        found: dict[Item, None] = {}
        at = self._haystack.find(needle)
        while at >= 0:
            row = bisect_right(self._starts, at) - 1
            found[self._items[row]] = None
            if row + 1 == len(self._starts):
                break
            at = self._haystack.find(needle, self._starts[row + 1])
        return list(found)

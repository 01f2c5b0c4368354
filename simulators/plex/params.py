from collections.abc import Iterator
from urllib.parse import unquote_plus


class Params:
    __slots__ = ("_first", "pairs")

    def __init__(self, raw: str) -> None:
        pieces = (piece.partition("=") for piece in raw.split("&") if piece)
        self.pairs = [(unquote_plus(key), unquote_plus(value)) for key, _, value in pieces]
        self._first = dict(reversed(self.pairs))

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def get(self, name: str, default: str = "") -> str:
        return self._first.get(name, default)

    def names(self, name: str) -> frozenset[str]:
        return frozenset(filter(None, self.get(name).split(",")))

import string
from collections.abc import Callable, Iterable

from simulators.plex.state import Actor, ActorLike, Tag

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class TagBook:
    """The tags of a server.

    Names that differ only by case are one tag, which has the first name.
    """

    def __init__(self, ascii_only: Callable[[], bool] = lambda: False) -> None:
        self.ascii_only = ascii_only
        self._by_name: dict[tuple[str, str], Tag] = {}

    def fold(self, name: str) -> str:
        return name.translate(_ASCII_LOWER) if self.ascii_only() else name.casefold()

    def tag(self, kind: str, name: str) -> Tag:
        key = (kind, self.fold(name))
        found = self._by_name.get(key)
        if found is None:
            found = self._by_name[key] = Tag(len(self._by_name) + 1, kind, name)
        return found

    def names(self, kind: str, wanted: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.tag(kind, name).name for name in wanted))

    def actors(self, wanted: Iterable[ActorLike | Actor]) -> tuple[Actor, ...]:
        merged: dict[int, Actor] = {}
        for entry in wanted:
            actor = entry if isinstance(entry, Actor) else self._actor(entry)
            merged[actor.tag.id] = actor
        return tuple(merged.values())

    def _actor(self, entry: ActorLike) -> Actor:
        name, role, thumb = (entry, "", "") if isinstance(entry, str) else (*entry, "", "")[:3]
        tag = self.tag("actor", name)
        if thumb:
            tag.thumb = thumb
        return Actor(tag, role)

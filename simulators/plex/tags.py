"""The server-wide table of tags: case-insensitive, first spelling wins."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.plex.state import Actor, ActorLike, Tag


class TagBook:
    """Every tag that was ever used, by kind and folded name."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Tag] = {}
        self._by_id: dict[int, Tag] = {}

    def tag(self, kind: str, name: str) -> Tag:
        """The tag of that name, created when new. A trailing blank makes another tag."""
        key = (kind, name.casefold())
        found = self._by_name.get(key)
        if found is None:
            found = self._by_name[key] = Tag(len(self._by_name) + 1, kind, name)
            self._by_id[found.id] = found
        return found

    def names(self, kind: str, wanted: Iterable[str]) -> tuple[str, ...]:
        """Canonical spellings, duplicates dropped, order kept."""
        return tuple(dict.fromkeys(self.tag(kind, name).name for name in wanted))

    def actors(self, wanted: Iterable[ActorLike | Actor]) -> tuple[Actor, ...]:
        """Roles from what a test wrote; a given thumb becomes the performer's everywhere."""
        merged: dict[int, Actor] = {}
        for entry in wanted:
            actor = entry if isinstance(entry, Actor) else self._actor(entry)
            merged[actor.tag.id] = actor
        return tuple(merged.values())

    def find(self, kind: str, text: str) -> Tag | None:
        """By id or by name, as a filter's value may be either."""
        by_id = self._by_id.get(int(text)) if text.isdigit() else None
        if by_id is not None and by_id.kind == kind:
            return by_id
        return self._by_name.get((kind, text.casefold()))

    def rename(self, tag: Tag, name: str) -> None:
        del self._by_name[tag.kind, tag.name.casefold()]
        tag.name = name
        self._by_name[tag.kind, name.casefold()] = tag

    def _actor(self, entry: ActorLike) -> Actor:
        name, role, thumb = (entry, "", "") if isinstance(entry, str) else (*entry, "", "")[:3]
        tag = self.tag("actor", name)
        if thumb:
            tag.thumb = thumb
        return Actor(tag, role)

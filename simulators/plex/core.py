"""What the handlers share: one server's state behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulators.plex.answers import RefusedError
from simulators.plex.images import Images
from simulators.plex.library import Library
from simulators.plex.params import Params
from simulators.plex.request_log import TokenState
from simulators.plex.scans import Disk, Scanner
from simulators.plex.state import Collection, Item, ItemFields, Section
from simulators.plex.switches import Switches

_UNLOCKED_BY = {
    "poster": "thumb",
    "art": "art",
    "actors": "actor",
    "genres": "genre",
    "collections": "collection",
    "labels": "label",
    "directors": "director",
    "writers": "writer",
    "producers": "producer",
    "countries": "country",
    "title_sort": "titleSort",
    "original_title": "originalTitle",
    "originally_available_at": "originallyAvailableAt",
    "content_rating": "contentRating",
    "edition_title": "editionTitle",
    "user_rating": "userRating",
    "audience_rating": "audienceRating",
    "added_at": "addedAt",
}


def lock_of(name: str) -> str:
    """Plex's lock for a field in Python names."""
    return _UNLOCKED_BY.get(name, name)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a handler sees it: `ids` are the groups of its path."""

    method: str
    path: str
    params: Params
    headers: dict[str, str]
    body: bytes
    token: TokenState
    ids: tuple[str, ...] = ()


@dataclass
class Core:
    """State, and the few operations that both handlers and tests use."""

    library: Library
    switches: Switches
    scanner: Scanner
    images: Images
    disk: Disk
    changed: threading.Condition
    machine_identifier: str
    friendly_name: str
    version: str
    fetch: Callable[[str], bytes]
    agent: dict[int, ItemFields] = field(default_factory=dict)
    whole_library_edits: list[str] = field(default_factory=list)
    analyses: int = 0

    def section(self, text: str) -> Section:
        """By the key in a path.

        Raises:
            RefusedError: 404 if unknown, 500 if it is no number (plex-protocol.md §9, Kometa#449).
        """
        if not text.isdigit():
            raise RefusedError(500)
        found = self.library.sections.get(int(text))
        if found is None:
            raise RefusedError(404)
        return found

    def items(self, text: str) -> list[Item]:
        """By comma-separated rating keys; unknown ones are left out.

        Raises:
            RefusedError: 404 if none is known.
        """
        keys = dict.fromkeys(int(key) for key in text.split(",") if key.isdigit())
        found = [self.library.items[key] for key in keys if key in self.library.items]
        if not found:
            raise RefusedError(404)
        return found

    def readable(self, shown: Sequence[Item | Collection]) -> None:
        """Refuse an answer that would contain an item which breaks it.

        Raises:
            RefusedError: 500.
        """
        if any(one.rating_key in self.switches.unreadable for one in shown):
            raise RefusedError(500)

    def target(self, text: str) -> Item | Collection:
        """An item or a collection: both have images.

        Raises:
            RefusedError: 404 if neither is known.
        """
        collection = self.library.collections.get(int(text))
        return collection if collection is not None else self.items(text)[0]

    def collection(self, text: str) -> Collection:
        """By rating key.

        Raises:
            RefusedError: 404 if unknown.
        """
        found = self.library.collections.get(int(text))
        if found is None:
            raise RefusedError(404)
        return found

    def refresh(self, item: Item) -> None:
        """What the agent does: its values overwrite all that is not locked."""
        values: ItemFields = {}
        for name, value in self.agent.get(item.rating_key, {}).items():
            if lock_of(name) not in item.locks:
                values[name] = value  # type: ignore[literal-required]  # same TypedDict
        if values:
            self.library.assign(item, values, item.section.agent)
            self.library.touch(item)
            item.section.content_changed_at += 1

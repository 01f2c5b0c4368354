import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulators.plex.answers import RefusedError
from simulators.plex.images import Images
from simulators.plex.library import Library
from simulators.plex.params import Params
from simulators.plex.request_log import TokenState
from simulators.plex.scans import Scanner
from simulators.plex.state import SCALARS, TAG_ATTRIBUTES, Item, ItemFields, Section
from simulators.plex.switches import Switches

_LOCKS = {
    **{scalar.attribute: name for name, scalar in SCALARS.items()},
    **{attribute: kind for kind, attribute in TAG_ATTRIBUTES.items()},
    "actors": "actor",
    "poster": "thumb",
}


def lock_of(name: str) -> str:
    return _LOCKS.get(name, name)


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    params: Params
    headers: dict[str, str]
    body: bytes
    token: TokenState
    ids: tuple[str, ...] = ()


@dataclass
class Core:
    library: Library
    switches: Switches
    scanner: Scanner
    images: Images
    changed: threading.Condition
    machine_identifier: str
    version: str
    agent: dict[int, ItemFields] = field(default_factory=dict)
    whole_library_edits: list[str] = field(default_factory=list)
    analyses: int = 0

    def section(self, text: str) -> Section:
        if not text.isdigit():
            raise RefusedError(500)
        found = self.library.sections.get(int(text))
        if found is None:
            raise RefusedError(404)
        return found

    def items(self, text: str) -> list[Item]:
        keys = dict.fromkeys(int(key) for key in text.split(",") if key.isdigit())
        found = [self.library.items[key] for key in keys if key in self.library.items]
        if not found:
            raise RefusedError(404)
        return found

    def readable(self, shown: Sequence[Item]) -> None:
        if any(item.rating_key in self.switches.unreadable for item in shown):
            raise RefusedError(500)

    def refresh(self, item: Item) -> None:
        values: ItemFields = {}
        for name, value in self.agent.get(item.rating_key, {}).items():
            if lock_of(name) not in item.locks:
                values[name] = value  # type: ignore[literal-required]
        if values:
            self.library.assign(item, values, item.section.agent)
            self.library.touch(item)
            item.section.content_changed_at += 1

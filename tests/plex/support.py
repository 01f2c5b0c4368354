from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from plex.client import PlexClient
from plex.diff import Comparison, ItemEdit
from plex.items import LibraryPart, Section as OurSection
from plex.library import Library
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Item, Section
from tests.reported import Reported
from tests.sync_queue.support import Clock
from validation.values import LARGEST_NUMBER

IDENTITY = {
    "X-Plex-Client-Identifier": "0b0a0d0c-device",
    "X-Plex-Product": "Stash2Plex",
    "X-Plex-Device-Name": "Stash2Plex",
}
SECONDS = (5.0, 10.0)
FOLDER = "/plex/scenes"


def keys_of(index: PathIndex) -> set[int]:
    return set(index.keys_between(0, LARGEST_NUMBER))


def client_of(
    server: FakePlex,
    *,
    token: str | None = None,
    timeout: tuple[float, float] = SECONDS,
    verify: bool | str = True,
    url: str | None = None,
) -> PlexClient:
    """Our client of a server; the owner's token unless another is given."""
    return PlexClient(
        url or server.url, server.token if token is None else token, timeout, verify, IDENTITY
    )


def edit_for(*values: Any, **options: Any) -> ItemEdit:
    return Comparison(*values, **options).edit()


def paths(pages: Iterable[list[LibraryPart]]) -> list[str]:
    return [part.path for page in pages for part in page]


class Lab:
    """A fake Plex with one library of the folder `FOLDER`, and our client and index of it."""

    def __init__(self, plex: FakePlex, clock: Clock, folder: Path) -> None:
        self.plex = plex
        self.clock = clock
        self.reports = Reported()
        self.section: Section = plex.add_section("Scenes", [FOLDER])
        self.client = client_of(plex)
        self._folder = folder

    @cached_property
    def index(self) -> PathIndex:
        return PathIndex(str(self._folder / "library.db"))

    @cached_property
    def library(self) -> Library:
        return self.opened()

    def opened(self, names: str = "") -> Library:
        return Library(self.client, self.index, names, self.clock, self.reports)

    def close(self) -> None:
        self.client.close()
        if "index" in self.__dict__:
            self.index.close()

    def add(self, name: str, **fields: Any) -> Item:
        return self.plex.add_item(self.section, f"{FOLDER}/{name}", **fields)

    def switch(self, **switches: Any) -> None:
        self.plex.switches = replace(self.plex.switches, **switches)

    def fill(self, count: int) -> list[int]:
        return [self.add(f"{n}.mp4").rating_key for n in range(count)]

    def found(self, name: str) -> list[int]:
        path = name if name.startswith("/") else f"{FOLDER}/{name}"
        return [part.rating_key for part in self.index.find_exact(path)]

    @property
    def ours(self) -> OurSection:
        return OurSection(self.section.key, self.section.title)

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

from simulators.plex.library import Library
from simulators.plex.scanner_rules import is_listed, stacks
from simulators.plex.state import Item, Media, Part, Section, below

_VIDEO_SUFFIXES = frozenset({"mp4", "mkv", "avi", "mov", "wmv", "m4v", "ts", "webm", "flv", "mpg"})


class Disk:
    def __init__(self, lock: threading.Condition) -> None:
        self._lock = lock
        self._parts: dict[str, Part] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def add(self, path: str, size: int = 1_000_000) -> None:
        self.put(Part(path, size))

    def put(self, part: Part) -> None:
        with self._lock:
            self._parts[part.file] = part

    def remove(self, path: str) -> None:
        with self._lock:
            self._parts.pop(path, None)

    def below(self, folder: str) -> list[Part]:
        return [
            self._parts[path]
            for path in sorted(self._parts)
            if path != folder and below(path, folder)
        ]


class Scanner:
    def __init__(self, library: Library, disk: Disk, changed: threading.Condition) -> None:
        self._library = library
        self._disk = disk
        self._changed = changed
        self._running: list[tuple[Section, tuple[str, ...]]] = []
        self.waits = False

    def start(self, section: Section, path: str | None) -> None:
        with self._changed:
            self._running.append((section, _folders(section, path)))
            section.refreshing = True
            if not self.waits:
                self.finish()
            self._changed.notify_all()

    def finish(self) -> None:
        with self._changed:
            running, self._running = self._running, []
            for section, folders in running:
                section.refreshing = False
                self._take_stock(section, folders)
            self._changed.notify_all()

    def _take_stock(self, section: Section, folders: Iterable[str]) -> None:
        section.scanned_at = self._library.now()
        for folder in folders:
            self._add_new(section, folder)
            for item in self._library.members(section):
                self._mark_missing(item, folder)

    def _add_new(self, section: Section, folder: str) -> None:
        known = {file for item in self._library.members(section) for file in item.files}
        new = [
            part
            for part in self._disk.below(folder)
            if part.file not in known and part.container in _VIDEO_SUFFIXES
        ]
        listed = [part for part in new if is_listed(section, part)]
        for parts in stacks(section, listed):
            self._library.add_item(section, [Media(tuple(parts))], {})

    def _mark_missing(self, item: Item, folder: str) -> None:
        if not any(file != folder and below(file, folder) for file in item.files):
            return
        media = tuple(self._without_missing(version) for version in item.media)
        if media == item.media:
            return
        item.media = media
        gone = all(version.deleted_at is not None for version in media)
        item.deleted_at = self._library.now() if gone else None
        item.section.content_changed_at += 1

    def _without_missing(self, version: Media) -> Media:
        now = self._library.now()
        parts = tuple(
            replace(part, deleted_at=None if part.file in self._disk else part.deleted_at or now)
            for part in version.parts
        )
        gone = all(part.deleted_at is not None for part in parts)
        return replace(
            version, parts=parts, deleted_at=(version.deleted_at or now) if gone else None
        )


def _folders(section: Section, path: str | None) -> tuple[str, ...]:
    if path is None:
        return section.locations
    if any(below(path.rstrip("/\\"), location) for location in section.locations):
        return (path.rstrip("/\\"),)
    return ()

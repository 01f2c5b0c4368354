"""Scanning folders, the files on Plex's disk, and what the server says it is doing.

See plex-protocol.md §4 and §8.3.6.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from simulators.plex.library import Library
from simulators.plex.scanner_rules import is_listed, stacks
from simulators.plex.state import Item, Media, Part, Section, below

_VIDEO_SUFFIXES = frozenset({"mp4", "mkv", "avi", "mov", "wmv", "m4v", "ts", "webm", "flv", "mpg"})


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that the server is busy with, as `/activities` shows it."""

    uuid: str
    type: str
    title: str
    subtitle: str
    section_key: int | None = None
    progress: float = 0.0


class Disk:
    """The files that exist where Plex runs."""

    def __init__(self, lock: threading.Condition) -> None:
        self._lock = lock
        self._parts: dict[str, Part] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._parts

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def add(
        self, path: str, size: int = 1_000_000, duration: int | None = 60_000, oshash: str = ""
    ) -> None:
        """A file appears; a scan of its folder finds it."""
        self.put(Part(path, size, duration, oshash))

    def put(self, part: Part) -> None:
        with self._lock:
            self._parts[part.file] = part

    def remove(self, path: str) -> None:
        """A file vanishes; a scan of its folder sends its item to the trash."""
        with self._lock:
            self._parts.pop(path, None)

    def below(self, folder: str) -> list[Part]:
        """Files in a folder and its folders, by path; none if `folder` is itself a file."""
        return [
            self._parts[path]
            for path in sorted(self._parts)
            if path != folder and below(path, folder)
        ]


@dataclass(slots=True)
class _Scan:
    section: Section
    folders: tuple[str, ...]
    activity: Activity
    timer: threading.Timer | None = None


class Scanner:
    """Scans that were asked for.

    Attributes:
        delay: seconds from the request to the result: 0 at once, before the answer is sent;
            None: only `finish()` ends a scan.
    """

    def __init__(self, library: Library, disk: Disk, changed: threading.Condition) -> None:
        self._library = library
        self._disk = disk
        self._changed = changed
        self._running: list[_Scan] = []
        self._started = 0
        self.activities: list[Activity] = []
        self.delay: float | None = 0.0

    def start(self, section: Section, path: str | None) -> None:
        """Begin a scan of a folder, or of the whole section; a wrong path scans nothing."""
        with self._changed:
            self._started += 1
            activity = Activity(
                uuid=f"scan-{self._started}",
                type="library.update.section",
                title="Scanning the library",
                subtitle=section.title,
                section_key=section.key,
            )
            scan = _Scan(section, _folders(section, path), activity)
            self._running.append(scan)
            self.activities.append(activity)
            section.refreshing = True
            if self.delay == 0:
                self._end(scan)
            elif self.delay is not None:
                scan.timer = threading.Timer(self.delay, self._end, (scan,))
                scan.timer.daemon = True
                scan.timer.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """End all running scans now."""
        with self._changed:
            for scan in list(self._running):
                self._end(scan)

    def cancel(self, section: Section | None = None) -> None:
        """End scans without a result; of one section, or all."""
        with self._changed:
            for scan in list(self._running):
                if section is None or scan.section is section:
                    self._end(scan, keep=False)

    def empty_trash(self, section: Section) -> None:
        """Remove items whose files are gone."""
        for item in self._library.members(section):
            if item.deleted_at is not None:
                self._library.remove_item(item)

    def _end(self, scan: _Scan, *, keep: bool = True) -> None:
        with self._changed:
            if scan not in self._running:
                return
            self._running.remove(scan)
            self.activities.remove(scan.activity)
            if scan.timer is not None:
                scan.timer.cancel()
            if keep:
                self._take_stock(scan.section, scan.folders)
            scan.section.refreshing = any(s.section is scan.section for s in self._running)
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
            self._library.add_item(section, [Media(tuple(parts))], None, {})

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
        """A version as it is now: it and its files are in the trash while they are missing."""
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
    """What a scan looks at: nothing unless the path lies under a location of the section."""
    if path is None:
        return section.locations
    if any(below(path.rstrip("/\\"), location) for location in section.locations):
        return (path.rstrip("/\\"),)
    return ()

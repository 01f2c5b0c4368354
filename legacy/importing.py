"""Imports the data of the legacy implementation once, and reports the result.

The legacy implementation used the same data folder, so its files are found automatically. A user
puts a data folder from another place into ours under the name `earlier`.

Each file is imported in one transaction with a record of the import, so a killed process has
imported all of a file or nothing. No file is deleted; an imported file is renamed at the end.
"""

import glob
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial

from legacy.dead_letters import read_letters, store_letters
from legacy.foreign import SourceBusyError, UnreadableSourceError, content_sha1
from legacy.jobs import import_rows, parse_scene_id, read_queue, store_queue
from legacy.presence import (
    ELSEWHERE,
    FILES,
    LETTERS,
    QUEUE,
    STAMPS,
    STATES,
    Entry,
    Ledger,
    mark_imported,
    path_of,
    states_to_copy,
)
from shared.data_folder import DataFolder
from shared.events import Event
from shared.files import replace_file
from shared.log import Log
from shared.state_file import parse_moment
from sync_queue.database import connect
from sync_queue.schema import transaction
from sync_queue.sync_log import SyncLog
from validation.values import counted


@dataclass(frozen=True, slots=True)
class Found:
    """The content of a file.

    Attributes:
        text: what is imported, in words; empty for nothing.
        store: imports the content, inside a transaction on the queue's database.
        left: reason → number of skipped rows.
    """

    text: str
    store: Callable[[sqlite3.Connection], None]
    left: Counter[str] = field(default_factory=Counter)


def read_file(name: str, path: str, now: float, redact: Callable[[str], str]) -> Found:
    """Read a file; `name` is one of `FILES`."""
    kind = os.path.basename(name)
    if kind == STAMPS:
        stamps = read_time_stamps(path)
        text = counted(len(stamps), "time stamp") if stamps else ""
        return Found(text, partial(store_time_stamps, stamps=stamps))
    if kind == LETTERS:
        letters = read_letters(path, now)
        store = partial(store_letters, found=letters, now=now, redact=redact)
        return Found(letters.text, store, letters.left)
    jobs = read_queue(path)
    return Found(jobs.text, partial(store_queue, found=jobs, now=now), jobs.left)


def read_time_stamps(path: str) -> dict[int, float]:
    """Return scene id → seconds since the epoch, without entries that cannot be parsed."""
    try:
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
    except OSError as error:
        raise SourceBusyError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableSourceError(str(error)) from None
    if not isinstance(raw, dict):
        message = f"a JSON object was expected, not {type(raw).__name__}"
        raise UnreadableSourceError(message)
    parsed = ((parse_scene_id(name), parse_moment(moment)) for name, moment in raw.items())
    return {scene: moment for scene, moment in parsed if scene is not None and moment is not None}


def store_time_stamps(connection: sqlite3.Connection, stamps: dict[int, float]) -> None:
    """Record, inside the caller's transaction, that these scenes were synced."""
    for scene_id, moment in stamps.items():
        SyncLog(connection).remember_earlier_sync(scene_id, moment)


@dataclass(slots=True)
class _Report:
    taken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, source: str, text: str, left: Counter[str]) -> None:
        if text:
            self.taken.append(text)
        self.left += [f"{count:,} of {source}: {why}" for why, count in left.most_common()]

    def write(self, log: Log) -> None:
        taken = self.taken or ["nothing"]
        if self.left:
            log.event(Event.LEGACY_LEFT, taken=taken, left="; ".join(self.left))
        elif self.taken:
            log.event(Event.LEGACY_IMPORTED, taken=taken)


@dataclass(frozen=True, slots=True)
class LegacyData:
    """The data of the legacy implementation, imported by the holder of the worker lock.

    Attributes:
        log: gets one line about what was imported and what was skipped.
        learn_secrets: makes the log redact the current secrets, such as the token in an old error
            message; returns False when the secrets cannot be read now.
    """

    folder: DataFolder
    log: Log
    learn_secrets: Callable[[], bool]
    clock: Callable[[], float]

    def import_all(self) -> None:
        """Import all files that are present and report the result.

        After a sqlite3.Error of the queue's database, the files imported so far stay imported.
        """
        report = _Report()
        with closing(connect(self.folder.queue_database)) as connection:
            ledger = Ledger(connection)
            if ledger.find(QUEUE) is None:
                jobs = import_rows(connection, self.clock())
                ledger.note(QUEUE, Entry("", taken=True), self.clock())
                report.add(QUEUE, jobs.text, jobs.left)
            self._copy_states(report)
            for name in FILES:
                if os.path.isfile(self._path(name)):
                    self._import_file(name, connection, ledger, report)
        if report.taken or report.left:
            self._make_private()
        report.write(self.log)

    def _import_file(
        self, name: str, connection: sqlite3.Connection, ledger: Ledger, report: _Report
    ) -> None:
        """Import a file unless the ledger has it; report an unreadable file once."""
        path, sha1 = self._path(name), ""
        try:
            sha1 = content_sha1(path)
            known = ledger.find(name)
            if known is not None and known.sha1 == sha1:
                if known.taken:
                    mark_imported(path)
                return
            found = self._read(name, path)
        except UnreadableSourceError as error:
            ledger.note(name, Entry(sha1, taken=False), self.clock())
            report.left.append(f"{name}: {error}")
            return
        except SourceBusyError as error:
            report.left.append(f"{name}, until the next start: {error}")
            return
        with transaction(connection):
            found.store(connection)
            ledger.note(name, Entry(sha1, taken=True), self.clock())
        mark_imported(path)
        report.add(name, found.text, found.left)

    def _read(self, name: str, path: str) -> Found:
        if os.path.basename(name) == LETTERS and not self.learn_secrets():
            message = "Stash does not return the settings, so secrets in it cannot be redacted"
            raise SourceBusyError(message)
        return read_file(name, path, self.clock(), self.log.redact)

    def _copy_states(self, report: _Report) -> None:
        for name in states_to_copy(self.folder):
            temporary = f"{self._path(name)}.tmp-{os.getpid()}"
            try:
                shutil.copyfile(self._path(f"{ELSEWHERE}/{name}"), temporary)
                replace_file(temporary, self._path(name))
            except OSError as error:
                report.left.append(f"{ELSEWHERE}/{name}: {error}")
            else:
                report.taken.append(name)

    def _make_private(self) -> None:
        """Make jobs and messages, which the legacy code left readable to all, the owner's only."""
        for name in (*FILES, *STATES, QUEUE):
            for path in glob.glob(glob.escape(self._path(name)) + "*"):
                with suppress(OSError):
                    os.chmod(path, 0o600)

    def _path(self, name: str) -> str:
        return path_of(self.folder, name)

"""Imports the data of the earlier implementation once, and reports the result.

The earlier implementation used the same data folder, so its files are found automatically. A user
puts a data folder from another place into ours under the name `earlier`.

Each file is imported in one transaction, together with a record that it was imported. A process
that is killed has imported all of a file or nothing. No file is deleted; an imported file is
renamed at the end.
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
from legacy.jobs import parse_scene_id, read_queue, store_queue, take_rows
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
from sync_queue.sync_log import SyncLog


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    Attributes:
        text: what is taken over of it, for people; empty when there is nothing.
        store: does so, inside a transaction on our database.
        left: why something is not, and how often.
    """

    text: str
    store: Callable[[sqlite3.Connection], None]
    left: Counter[str] = field(default_factory=Counter)


def may_hold_secrets(name: str) -> bool:
    """Tell whether this file can be read only by who knows what to blank out."""
    return os.path.basename(name) == LETTERS


def read_file(name: str, path: str, now: float, redact: Callable[[str], str]) -> Found:
    """Read one file.

    Args:
        name: one of `FILES`.
        path: where it lies.
        redact: blanks out secrets.

    Raises:
        UnreadableSourceError: it holds something else.
        SourceBusyError: it cannot be read now.
    """
    kind = os.path.basename(name)
    if kind == STAMPS:
        stamps = read_time_stamps(path)
        text = f"{len(stamps):,} time stamps" if stamps else ""
        return Found(text, partial(store_time_stamps, stamps=stamps))
    if kind == LETTERS:
        letters = read_letters(path, now)
        store = partial(store_letters, found=letters, now=now, redact=redact)
        return Found(letters.text, store, letters.left)
    jobs = read_queue(path)
    return Found(jobs.text, partial(store_queue, found=jobs, now=now), jobs.left)


def read_time_stamps(path: str) -> dict[int, float]:
    """Return scene id → seconds since the epoch, without what is garbage in it.

    Raises:
        UnreadableSourceError, SourceBusyError: it holds something else, or cannot be read now.
    """
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
    """Remember that these scenes were synced once; to be called inside a transaction."""
    log = SyncLog(connection)
    for scene_id, moment in stamps.items():
        log.remember_earlier_sync(scene_id, moment)


@dataclass(slots=True)
class _Report:
    """What was taken over and what was not, for people."""

    taken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, source: str, text: str, left: Counter[str]) -> None:
        if text:
            self.taken.append(text)
        self.left += [f"{count:,} of {source}: {why}" for why, count in left.most_common()]

    def tell(self, log: Log) -> None:
        taken = self.taken or ["nothing"]
        if self.left:
            log.event(Event.LEGACY_LEFT, taken=taken, left="; ".join(self.left))
        elif self.taken:
            log.event(Event.LEGACY_IMPORTED, taken=taken)


@dataclass(frozen=True, slots=True)
class EarlierData:
    """The data of the earlier implementation; to be taken by the holder of the worker lock.

    Attributes:
        folder: ours.
        log: is told, in one line, what was taken over and what not.
        learn_secrets: tells the log the secrets that it must not let through, such as the token in
            an old error message; False when they cannot be known yet.
    """

    folder: DataFolder
    log: Log
    learn_secrets: Callable[[], bool]
    clock: Callable[[], float]

    def take_over(self) -> None:
        """Take over what there is, and tell.

        Raises:
            sqlite3.Error: our database cannot be used; what was taken by then is taken.
        """
        report = _Report()
        with closing(connect(self.folder.queue_database)) as connection:
            ledger = Ledger(connection)
            if ledger.find(QUEUE) is None:
                jobs = take_rows(connection, self.clock())
                ledger.note(QUEUE, Entry("", taken=True), self.clock())
                report.add(QUEUE, jobs.text, jobs.left)
            self._copy_states(report)
            for name in FILES:
                if os.path.isfile(self._path(name)):
                    self._take_file(name, connection, ledger, report)
        if report.taken or report.left:
            self._make_private()
        report.tell(self.log)

    def _take_file(
        self, name: str, connection: sqlite3.Connection, ledger: Ledger, report: _Report
    ) -> None:
        """Take over one file, unless that was done; what nobody can read is told of once."""
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
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            found.store(connection)
            ledger.note(name, Entry(sha1, taken=True), self.clock())
        mark_imported(path)
        report.add(name, found.text, found.left)

    def _read(self, name: str, path: str) -> Found:
        if may_hold_secrets(name) and not self.learn_secrets():
            message = "Stash does not tell the settings, so secrets in it cannot be blanked out"
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
        """Take from others what the earlier implementation let them read: jobs and messages."""
        for name in (*FILES, *STATES, QUEUE):
            for path in glob.glob(glob.escape(self._path(name)) + "*"):
                with suppress(OSError):
                    os.chmod(path, 0o600)

    def _path(self, name: str) -> str:
        return path_of(self.folder, name)

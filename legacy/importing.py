"""Imports the data of the legacy plugin once. Imported files are renamed, never deleted."""

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

from legacy import presence
from legacy.dead_letters import read_letters
from legacy.jobs import import_rows, read_queue
from legacy.presence import Found, SourceBusyError, UnreadableSourceError, content_sha1
from shared.data_folder import DataFolder
from shared.events import Event
from shared.files import replace_file
from shared.log import Log
from shared.state_file import parse_moment
from stash.exceptions import StashError
from sync_queue.database import connect, transaction
from sync_queue.sync_log import SyncLog
from validation.values import counted, whole_number


def read_time_stamps(path: str) -> Found:
    try:
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
    except OSError as error:
        raise SourceBusyError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableSourceError(str(error)) from None
    if not isinstance(raw, dict):
        raise UnreadableSourceError(f"a JSON object was expected, not {type(raw).__name__}")
    parsed = ((whole_number(name), parse_moment(moment)) for name, moment in raw.items())
    stamps = {scene: moment for scene, moment in parsed if scene and moment is not None}
    text = f"the sync time of {counted(len(stamps), 'scene')}" if stamps else ""
    return Found(text, partial(_store_time_stamps, stamps=stamps))


def _store_time_stamps(connection: sqlite3.Connection, stamps: dict[int, float]) -> None:
    for scene_id, moment in stamps.items():
        SyncLog(connection).remember_earlier_sync(scene_id, moment)


@dataclass(frozen=True, slots=True)
class LegacyData:
    folder: DataFolder
    log: Log
    read_settings: Callable[[], object]
    clock: Callable[[], float]
    _taken: list[str] = field(default_factory=list)
    _left: list[str] = field(default_factory=list)

    def import_all(self) -> None:
        with closing(connect(self.folder.queue_database)) as connection:
            if presence.find_entry(connection, presence.QUEUE) is None:
                jobs = import_rows(connection, self.clock())
                presence.add_entry(connection, presence.QUEUE, self.clock())
                self._report(presence.QUEUE, jobs.text, jobs.skipped)
            self._copy_states()
            for name in presence.FILES:
                if os.path.isfile(self._path(name)):
                    self._import_file(name, connection)
        if self._taken or self._left:
            self._make_private()
        if self._left:
            taken = self._taken or ["nothing"]
            self.log.event(Event.LEGACY_LEFT, taken=taken, left="; ".join(self._left))
        elif self._taken:
            self.log.event(Event.LEGACY_IMPORTED, taken=self._taken)

    def _report(self, source: str, text: str, skipped: Counter[str]) -> None:
        self._taken.extend([text] if text else [])
        for why, count in skipped.most_common():
            self._left.append(f"{counted(count, 'row')} of {source}: {why}")

    def _import_file(self, name: str, connection: sqlite3.Connection) -> None:
        path, sha1 = self._path(name), ""
        try:
            sha1 = content_sha1(path)
            known_sha1, was_taken = presence.find_entry(connection, name) or (None, False)
            if known_sha1 == sha1:
                if was_taken:
                    presence.mark_imported(path)
                return
            found = self._read(name, path)
        except UnreadableSourceError as error:
            presence.add_entry(connection, name, self.clock(), sha1, taken=False)
            self._left.append(f"{name}: {error}")
            return
        except SourceBusyError as error:
            self._left.append(f"{name} (tried again at the next start): {error}")
            return
        with transaction(connection):
            found.store(connection)
            presence.add_entry(connection, name, self.clock(), sha1)
        presence.mark_imported(path)
        self._report(name, found.text, found.skipped)

    def _read(self, name: str, path: str) -> Found:
        kind = os.path.basename(name)
        if kind == presence.STAMPS:
            return read_time_stamps(path)
        if kind != presence.LETTERS:
            return read_queue(path, self.clock())
        try:
            self.read_settings()
        except StashError:
            raise SourceBusyError(
                "Stash does not return the settings, so secrets in the file cannot be found"
            ) from None
        return read_letters(path, self.clock(), self.log.redact)

    def _copy_states(self) -> None:
        for name in presence.states_to_copy(self.folder):
            temporary = f"{self._path(name)}.tmp-{os.getpid()}"
            try:
                shutil.copyfile(self._path(f"{presence.COPIED_FOLDER}/{name}"), temporary)
                replace_file(temporary, self._path(name))
            except OSError as error:
                self._left.append(f"{presence.COPIED_FOLDER}/{name}: {error}")
            else:
                self._taken.append(name)

    def _make_private(self) -> None:
        for name in (*presence.FILES, *presence.COPIED_STATES, presence.QUEUE):
            for path in glob.glob(glob.escape(self._path(name)) + "*"):
                with suppress(OSError):
                    os.chmod(path, 0o600)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder.root, name)

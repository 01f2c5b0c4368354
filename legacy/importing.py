"""Takes over what the earlier implementation left behind, once, and says what became of it.

It kept its data where ours is kept, `data/` beside the entry script or the folder that
`STASH_PLUGIN_DATA` names; there it is found by itself. A data folder from elsewhere is put into
ours under the name `earlier`.

Each file goes, as one transaction, into the one database, together with a note that it went:
whoever is killed in between has taken either all of it or nothing. No file is deleted; one that was
taken over is renamed in the end.
"""

import glob
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field

from legacy.foreign import SourceBusyError, UnreadableSourceError, content_sha1
from legacy.ledger import Entry, Ledger, mark_imported
from legacy.presence import ELSEWHERE, FILES, QUEUE, STATES, path_of, states_to_copy
from legacy.sources import Found, may_hold_secrets, read_file
from legacy.waiting_jobs import take_rows
from shared.data_folder import DataFolder
from shared.files import replace_file
from shared.frozen import frozen
from shared.log import Log
from sync_queue.database import connect


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
        taken = f"Taken over from the earlier Stash2Plex: {', '.join(self.taken) or 'nothing'}"
        if self.left:
            log.warning(
                f"{taken}. Left behind: {'; '.join(self.left)}. If edits were among that, the task "
                "'Sync All Scenes to Plex' finds them"
            )
        elif self.taken:
            log.info(taken)


@frozen
class EarlierData:
    """The data of the earlier implementation; to be taken by the holder of the worker lock.

    Attributes:
        folder: ours.
        log: is told, in one line, what was taken over and what not.
        learn_secrets: tells the log the secrets that it must not let through, such as the token in
            an old error message; False when they cannot be known yet.
        clock: seconds since the epoch.
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

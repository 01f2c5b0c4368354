"""Finds data of the legacy implementation, and records which files were imported.

Every task and every worker checks for such data, and few find any. So this module does not load the
modules that read the data.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

from shared.data_folder import DataFolder
from sync_queue.database import connect
from sync_queue.schema import TABLE

IMPORTED = ".imported"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS earlier_data (source TEXT PRIMARY KEY, sha1 TEXT NOT NULL, "
    "taken INTEGER NOT NULL, at REAL NOT NULL)"
)
_EXISTS = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'earlier_data')"
_NOTE = "INSERT OR REPLACE INTO earlier_data (source, sha1, taken, at) VALUES (?, ?, ?, ?)"
ELSEWHERE = "earlier"  # a data folder that was put into ours
QUEUE, LETTERS, STAMPS = "queue/data.db", "dlq.db", "sync_timestamps.json"
# Relative to the data folder, whose `queue/data.db` is the plugin's own: see `import_rows`.
FILES = (LETTERS, STAMPS, *(f"{ELSEWHERE}/{name}" for name in (QUEUE, LETTERS, STAMPS)))
# State files worth copying from a folder from another place; the others describe a past moment.
STATES = ("device_id.json", "outage_history.json", "stats.json")
PROBE_TIMEOUT = 1.0  # seconds to wait for another writer
FAILED = 9  # persist-queue's AckStatus.ack_failed
NOT_JSON = "NOT coalesce(json_valid(CAST(data AS TEXT)), 0)"
_HAS_ROWS = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE status < {FAILED} AND {NOT_JSON})"


@dataclass(frozen=True, slots=True)
class Entry:
    """The result for a source: the SHA-1 of its file, and whether it was imported."""

    sha1: str
    taken: bool


class Ledger:
    """The table `earlier_data`, created with its first entry; needs autocommit mode."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, source: str) -> Entry | None:
        """Return the result for a source; None when the source was never examined."""
        if not self._connection.execute(_EXISTS).fetchone()[0]:
            return None
        row = self._connection.execute(
            "SELECT sha1, taken FROM earlier_data WHERE source = ?", (source,)
        ).fetchone()
        return None if row is None else Entry(row[0], bool(row[1]))

    def note(self, source: str, entry: Entry, now: float) -> None:
        """Record the result for a source, inside the transaction that imports it."""
        self._connection.execute(_TABLE)
        self._connection.execute(_NOTE, (source, entry.sha1, entry.taken, now))


def mark_imported(path: str) -> None:
    """Rename an imported file and its SQLite side files, without overwriting another file.

    Where that fails, the ledger prevents a second import.
    """
    number = 1
    while os.path.exists(new_name := f"{path}{IMPORTED}{f'-{number}' if number > 1 else ''}"):
        number += 1
    for beside in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            os.rename(path + beside, new_name + beside)


def has_legacy_data(folder: DataFolder, clock: Callable[[], float]) -> bool:
    """Tell whether there may be something to import.

    The first negative answer is recorded, because finding it reads the whole queue.
    """
    if any(os.path.exists(path_of(folder, name)) for name in FILES) or states_to_copy(folder):
        return True
    with closing(connect(folder.queue_database, busy_timeout=PROBE_TIMEOUT)) as connection:
        ledger = Ledger(connection)
        if ledger.find(QUEUE) is not None:
            return False
        if connection.execute(_HAS_ROWS).fetchone()[0]:
            return True
        with suppress(sqlite3.OperationalError):  # the next start tries again
            ledger.note(QUEUE, Entry("", taken=True), clock())
    return False


def states_to_copy(folder: DataFolder) -> list[str]:
    """Return the state files of a folder from another place that the data folder lacks."""
    return [
        name
        for name in STATES
        if os.path.isfile(path_of(folder, f"{ELSEWHERE}/{name}"))
        and not os.path.exists(path_of(folder, name))
    ]


def path_of(folder: DataFolder, name: str) -> str:
    """Return the path of a file of this name."""
    return os.path.join(folder.root, *name.split("/"))

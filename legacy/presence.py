"""Finds data of the legacy implementation, and records which files were imported.

Every task and every worker checks for such data. So this module does not load the modules that read
the data.
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
ELSEWHERE = "earlier"  # name of a data folder that the user put into this data folder
QUEUE, LETTERS, STAMPS = "queue/data.db", "dlq.db", "sync_timestamps.json"
# Relative to the data folder. `queue/data.db` is the plugin's own file, so it is not listed.
FILES = (LETTERS, STAMPS, *(f"{ELSEWHERE}/{name}" for name in (QUEUE, LETTERS, STAMPS)))
# State files to copy from a folder from another place; other state files are outdated.
STATES = ("device_id.json", "outage_history.json", "stats.json")
PROBE_TIMEOUT = 1.0  # seconds to wait for another writer
FAILED = 9  # persist-queue's AckStatus.ack_failed
NOT_JSON = "NOT coalesce(json_valid(CAST(data AS TEXT)), 0)"
_HAS_ROWS = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE status < {FAILED} AND {NOT_JSON})"


@dataclass(frozen=True, slots=True)
class Entry:
    """The result of reading a source for the import."""

    sha1: str  # of the file
    taken: bool  # whether the file was imported


def find_entry(connection: sqlite3.Connection, source: str) -> Entry | None:
    """Return the result for a source; None if the source was never examined."""
    if not connection.execute(_EXISTS).fetchone()[0]:
        return None
    statement = "SELECT sha1, taken FROM earlier_data WHERE source = ?"
    row = connection.execute(statement, (source,)).fetchone()
    return None if row is None else Entry(row[0], bool(row[1]))


def add_entry(connection: sqlite3.Connection, source: str, entry: Entry, now: float) -> None:
    """Record the result for a source, inside the transaction that imports the source."""
    connection.execute(_TABLE)
    connection.execute(_NOTE, (source, entry.sha1, entry.taken, now))


def mark_imported(path: str) -> None:
    """Rename an imported file and its SQLite side files; overwrite no other file.

    If renaming fails, the entry of the file prevents a second import.
    """
    number = 1
    while os.path.exists(new_name := f"{path}{IMPORTED}{f'-{number}' if number > 1 else ''}"):
        number += 1
    for beside in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            os.rename(path + beside, new_name + beside)


def has_legacy_data(folder: DataFolder, clock: Callable[[], float]) -> bool:
    """Return whether data may wait for its import.

    The first negative answer is stored, because it takes reading the whole queue.
    """
    if any(os.path.exists(path_of(folder, name)) for name in FILES) or states_to_copy(folder):
        return True
    with closing(connect(folder.queue_database, busy_timeout=PROBE_TIMEOUT)) as connection:
        if find_entry(connection, QUEUE) is not None:
            return False
        if connection.execute(_HAS_ROWS).fetchone()[0]:
            return True
        with suppress(sqlite3.OperationalError):  # the next start tries again
            add_entry(connection, QUEUE, Entry("", taken=True), clock())
    return False


def states_to_copy(folder: DataFolder) -> list[str]:
    """Return the state files of the folder `earlier` that the data folder lacks."""
    return [
        name
        for name in STATES
        if os.path.isfile(path_of(folder, f"{ELSEWHERE}/{name}"))
        and not os.path.exists(path_of(folder, name))
    ]


def path_of(folder: DataFolder, name: str) -> str:
    return os.path.join(folder.root, *name.split("/"))

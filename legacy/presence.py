import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from shared.data_folder import DataFolder
from shared.sqlite import error_code, tolerant_text
from sync_queue.database import connect
from sync_queue.quarantine import is_damage
from sync_queue.schema import FAILED, TABLE

IMPORTED = ".imported"
_TABLE = """CREATE TABLE IF NOT EXISTS earlier_data (source TEXT PRIMARY KEY, sha1 TEXT NOT NULL,
    taken INTEGER NOT NULL, at REAL NOT NULL)"""
_EXISTS = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'earlier_data')"
_NOTE = "INSERT OR REPLACE INTO earlier_data (source, sha1, taken, at) VALUES (?, ?, ?, ?)"
# A user may copy the data folder of the legacy plugin to `data/earlier`.
COPIED_FOLDER = "earlier"
QUEUE, LETTERS, STAMPS = "queue/data.db", "dlq.db", "sync_timestamps.json"
# `queue/data.db` is not in `FILES`, because the current plugin uses this file for its own queue.
FILES = (LETTERS, STAMPS, *(f"{COPIED_FOLDER}/{name}" for name in (QUEUE, LETTERS, STAMPS)))
COPIED_STATES = ("device_id.json", "outage_history.json", "stats.json")
PROBE_TIMEOUT, BUSY_TIMEOUT = 1.0, 5.0
NOT_JSON = "NOT coalesce(json_valid(CAST(data AS TEXT)), 0)"
_HAS_ROWS = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE status < {FAILED} AND {NOT_JSON})"


class UnreadableSourceError(Exception):
    """A legacy file has an unknown format and can never be imported."""


class SourceBusyError(Exception):
    """A legacy file cannot be read at the moment. The next import tries again."""


@dataclass(frozen=True, slots=True)
class Found:
    text: str
    store: Callable[[sqlite3.Connection], None]
    skipped: Counter[str] = field(default_factory=Counter)


@contextmanager
def foreign_database(path: str) -> Iterator[sqlite3.Connection]:
    """Open a legacy database for reading and writing, because SQLite may have to recover it."""
    try:
        opened = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
        with closing(opened) as connection:
            connection.text_factory = tolerant_text
            yield connection
    except sqlite3.Error as error:
        # SQLITE_ERROR means a missing table or column, because the statements are well-formed.
        if is_damage(error) or error_code(error) == sqlite3.SQLITE_ERROR:
            raise UnreadableSourceError(str(error)) from None
        raise SourceBusyError(str(error)) from None


def content_sha1(path: str) -> str:
    if path.endswith(".db"):
        with suppress(UnreadableSourceError), foreign_database(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest()
    except OSError as error:
        raise SourceBusyError(str(error)) from None


def find_entry(connection: sqlite3.Connection, source: str) -> tuple[str, bool] | None:
    if not connection.execute(_EXISTS).fetchone()[0]:
        return None
    statement = "SELECT sha1, taken FROM earlier_data WHERE source = ?"
    row: tuple[str, bool] | None = connection.execute(statement, (source,)).fetchone()
    return row


def add_entry(
    connection: sqlite3.Connection, source: str, now: float, sha1: str = "", *, taken: bool = True
) -> None:
    connection.execute(_TABLE)
    connection.execute(_NOTE, (source, sha1, taken, now))


def mark_imported(path: str) -> None:
    number = 1
    while os.path.exists(new_name := f"{path}{IMPORTED}{f'-{number}' if number > 1 else ''}"):
        number += 1
    for beside in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            os.rename(path + beside, new_name + beside)


def has_legacy_data(folder: DataFolder, clock: Callable[[], float]) -> bool:
    """Return whether legacy data may exist. Store a negative result, because the search is slow."""
    if any(os.path.exists(f"{folder.root}/{name}") for name in FILES) or states_to_copy(folder):
        return True
    with closing(connect(folder.queue_database, busy_timeout=PROBE_TIMEOUT)) as connection:
        if find_entry(connection, QUEUE) is not None:
            return False
        if connection.execute(_HAS_ROWS).fetchone()[0]:
            return True
        with suppress(sqlite3.OperationalError):
            add_entry(connection, QUEUE, clock())
    return False


def states_to_copy(folder: DataFolder) -> list[str]:
    return [
        name
        for name in COPIED_STATES
        if os.path.isfile(f"{folder.root}/{COPIED_FOLDER}/{name}")
        and not os.path.exists(f"{folder.root}/{name}")
    ]

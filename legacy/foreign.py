"""Read access to files of the legacy implementation, which the plugin never changes.

Every function of this package that reads such a file raises `UnreadableSourceError` for another
format, and `SourceBusyError` while the file cannot be read.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from sync_queue.database import tolerant_text
from sync_queue.quarantine import error_code, is_damage

BUSY_TIMEOUT = 5.0  # seconds


class UnreadableSourceError(Exception):
    """The file can never be imported."""


class SourceBusyError(Exception):
    """The file cannot be imported now."""


@dataclass(frozen=True, slots=True)
class Found:
    """The content of a file."""

    text: str  # the number of imported rows, for users; empty for none
    store: Callable[[sqlite3.Connection], None]  # imports the content, inside a transaction
    left: Counter[str] = field(default_factory=Counter)  # number of skipped rows by reason


@contextmanager
def foreign_database(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; SQLite may first complete a killed process's transaction."""
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
    """Return the SHA-1 of a file; the write-ahead log of a database is merged first."""
    if path.endswith(".db"):
        # A file that is no database has no write-ahead log.
        with suppress(UnreadableSourceError), foreign_database(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest()
    except OSError as error:
        raise SourceBusyError(str(error)) from None

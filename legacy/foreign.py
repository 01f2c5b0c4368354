"""Files of the earlier implementation, which are not ours to write to."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from sync_queue.rescue import error_code, is_damage

BUSY_TIMEOUT = 5.0  # seconds


class UnreadableSourceError(Exception):
    """A file can never be taken over; the text says why."""


class SourceBusyError(Exception):
    """A file cannot be taken over now; the text says why."""


@contextmanager
def foreign_database(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; text that is no UTF-8 comes with marks in it.

    SQLite may first finish what a killed process has begun: the content stays the same.

    Raises:
        UnreadableSourceError: it is none, or has other tables.
        SourceBusyError: it cannot be read now.
    """
    try:
        with closing(
            sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
        ) as connection:
            connection.text_factory = _text
            yield connection
    except sqlite3.Error as error:
        # SQLITE_ERROR: it has no such table or column, since the statements are well-formed.
        if is_damage(error) or error_code(error) == sqlite3.SQLITE_ERROR:
            raise UnreadableSourceError(str(error)) from None
        raise SourceBusyError(str(error)) from None


def content_sha1(path: str) -> str:
    """Return the SHA-1 of a file's content, with what SQLite keeps beside it written into it.

    Raises:
        SourceBusyError: it cannot be read now.
    """
    try:
        if path.endswith(".db"):
            with foreign_database(path) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except UnreadableSourceError:
        pass  # its bytes are its content
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest()
    except OSError as error:
        raise SourceBusyError(str(error)) from None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")

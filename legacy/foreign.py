import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from sync_queue.database import tolerant_text
from sync_queue.quarantine import error_code, is_damage

BUSY_TIMEOUT = 5.0


class UnreadableSourceError(Exception):
    """A legacy file has an unknown format and can never be imported."""


class SourceBusyError(Exception):
    """A legacy file cannot be read at the moment. The next import tries again."""


@dataclass(frozen=True, slots=True)
class Found:
    # This text is for users, such as "2 dead letters".
    text: str
    store: Callable[[sqlite3.Connection], None]
    # The number of skipped rows by reason.
    left: Counter[str] = field(default_factory=Counter)


@contextmanager
def foreign_database(path: str) -> Iterator[sqlite3.Connection]:
    """Open a legacy database for reading. SQLite may have to recover the file after a kill."""
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
        # A file that is not a database has no write-ahead log, so the checkpoint may fail.
        with suppress(UnreadableSourceError), foreign_database(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest()
    except OSError as error:
        raise SourceBusyError(str(error)) from None

import json
import os
import re
import sqlite3
import time
from contextlib import closing

from shared.files import keep_newest, locked, remove_file, replace_file
from shared.sqlite import error_code
from shared.state_file import write_state

REBUILT_MARKER = "rebuilt.json"
EMPTIED = "it was empty"
KEPT_DAMAGED_FILES = 3


def is_damage(error: Exception) -> bool:
    return error_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def setup_lock(path: str) -> str:
    return os.path.join(os.path.dirname(path), "setup.lock")


def ask_for_reconciliation(path: str, why: str) -> None:
    write_state(_marker(path), {"why": why})


def was_emptied(path: str) -> bool:
    try:
        with open(_marker(path), encoding="utf-8") as file:
            return file.read() == json.dumps({"why": EMPTIED})
    except (OSError, ValueError):
        return False


def _marker(path: str) -> str:
    return os.path.join(os.path.dirname(path), REBUILT_MARKER)


def quarantine_database(path: str) -> str | None:
    """Rename a damaged database. Return the new path, or None if the database is intact."""
    with locked(setup_lock(path)):
        if not _is_damaged(path):
            return None
        kept = f"{path}.corrupt-{int(time.time())}"
        was_asked = os.path.exists(_marker(path))
        # Request a reconciliation first, so that a kill between these steps loses no job.
        ask_for_reconciliation(path, f"kept as {kept}")
        try:
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(path + suffix):
                    replace_file(path + suffix, kept + suffix)
        except OSError:
            if os.path.exists(path) and not was_asked:
                remove_file(_marker(path))
            raise
        folder, name = os.path.split(path)
        for suffix in ("", "-wal", "-shm"):
            pattern = rf"{re.escape(name)}\.corrupt-\d+{suffix}"
            keep_newest(folder, pattern, KEPT_DAMAGED_FILES)
        return kept


def _is_damaged(path: str) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            if not _passes(connection, "quick_check"):
                return True
            if _passes(connection, "integrity_check"):
                return False
            connection.execute("REINDEX")
            return not _passes(connection, "integrity_check")
    except sqlite3.DatabaseError as error:
        return is_damage(error)


def _passes(connection: sqlite3.Connection, check: str) -> bool:
    return bool(connection.execute(f"PRAGMA {check}(1)").fetchone()[0] == "ok")

"""What to do when the database is damaged.

A damaged file is quarantined, never deleted, and a fresh one takes its place.
"""

import json
import os
import sqlite3
import time

from shared.file_lock import FileLock
from shared.files import acquire, remove_file, replace_file

REBUILT_MARKER = "rebuilt.json"  # asks for a reconciliation; whoever did one removes it
EMPTIED = "it was empty"
KEPT_DAMAGED_FILES = 3
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: Exception) -> bool:
    """Tell whether this error means that the file's content is no database (any more)."""
    return error_code(error) in _DAMAGE


def error_code(error: Exception) -> int:
    """Return the primary result code of SQLite; 0 for any other error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def setup_lock(path: str) -> str:
    """Return the file whose lock is held while the database is made or replaced."""
    return os.path.join(os.path.dirname(path), "setup.lock")


def ask_for_reconciliation(path: str, why: str) -> None:
    """Leave word that what waited in the database is lost, and has to be found again.

    Raises:
        OSError: the disk does not take it.
    """
    _write(_marker(path), {"why": why})


def was_emptied(path: str) -> bool:
    """Tell whether a reconciliation is asked for because the database was found empty."""
    try:
        with open(_marker(path), encoding="utf-8") as file:
            return bool(json.load(file) == {"why": EMPTIED})
    except (OSError, ValueError, RecursionError):
        return False


def _marker(path: str) -> str:
    return os.path.join(os.path.dirname(path), REBUILT_MARKER)


def set_aside(path: str) -> "str | None":
    """Rename a damaged database and its log; return its new name, None if it is sound by now.

    Several processes may find the damage at the same time: the first renames, under a lock, and
    the others find the fresh file in its place.

    Raises:
        OSError: it could not be renamed.
    """
    lock = FileLock(setup_lock(path))
    acquire(lock)
    try:
        if not _is_damaged(path):
            return None
        aside = f"{path}.corrupt-{int(time.time())}"
        _move_aside(path, aside)
        _forget_the_oldest(path)
        return aside
    finally:
        lock.release()


def _move_aside(path: str, aside: str) -> None:
    was_asked = os.path.exists(_marker(path))
    # First: who is killed in between leaves a reconciliation too many, and no edit unknown.
    ask_for_reconciliation(path, f"set aside as {aside}")
    try:
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                replace_file(path + suffix, aside + suffix)
    except OSError:
        # Nothing is lost yet: else each that fails at it would ask for one reconciliation more.
        if os.path.exists(path) and not was_asked:
            remove_file(_marker(path))
        raise


def _is_damaged(path: str) -> bool:
    try:
        connection = sqlite3.connect(path, timeout=1.0)
        try:
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return True
            if _is_whole(connection):
                return False
            # An index that does not fit its table, which a quick look does not see: no job is lost.
            connection.execute("REINDEX")
            return not _is_whole(connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return is_damage(error)


def _is_whole(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")


def _forget_the_oldest(path: str) -> None:
    folder, name = os.path.split(path)
    damaged = sorted(one for one in os.listdir(folder) if one.startswith(name + ".corrupt-"))
    stems = sorted({one.split("-wal")[0].split("-shm")[0] for one in damaged})
    for stem in stems[:-KEPT_DAMAGED_FILES]:
        for one in damaged:
            if one.startswith(stem):
                remove_file(os.path.join(folder, one))


def _write(path: str, content: "dict[str, object]") -> None:
    temporary = f"{path}.tmp-{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    replace_file(temporary, path)

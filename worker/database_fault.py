"""The faults of the plugin's databases: what to report, and which need a new connection."""

import sqlite3

from plex.index_database import is_about_index


def database_fault(error: Exception) -> str:
    """Return why nothing goes on, with the file that is to blame; no full stop."""
    if is_about_index(error):
        return (
            f"The index of Plex's files (library.db) cannot be used: {error}. Free it, or delete "
            "it: it is made anew"
        )
    return f"The queue's database cannot be used: {error}"


def is_read_only(error: sqlite3.DatabaseError) -> bool:
    """Tell whether SQLite opened the file for reading only: this connection never writes again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY

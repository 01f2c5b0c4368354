"""Looks at the index of Plex's files without changing it, and survives what it finds."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from plex.server_facts import Behaviour, stored_behaviours
from shared.read_only import open_for_reading

_PATIENCE = 2.0  # seconds for a writer


@dataclass(frozen=True, slots=True)
class IndexCheckup:
    """What was seen of the index.

    Attributes:
        problem: why it could not be read, empty when it was.
        size: bytes.
        files: how many files of Plex are known.
        libraries: how many libraries they are of.
        looked_at: when Plex was last asked what is new, in seconds since the epoch.
        behaviours: what was learned about servers, by id and version.
    """

    exists: bool = True
    problem: str = ""
    size: int = 0
    files: int = 0
    libraries: int = 0
    looked_at: float = 0.0
    behaviours: Mapping[tuple[str, str], Behaviour] = field(default_factory=dict)


def look_at_index(path: str) -> IndexCheckup:
    """Look at the index in this file."""
    if not os.path.exists(path):
        return IndexCheckup(exists=False)
    try:
        with closing(open_for_reading(path, _PATIENCE)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return IndexCheckup(problem=str(found))
            (files,) = connection.execute("SELECT COUNT(*) FROM parts").fetchone()
            libraries, looked_at = connection.execute(
                "SELECT COUNT(*), coalesce(MAX(looked_at), 0) FROM listings"
            ).fetchone()
            return IndexCheckup(
                size=os.path.getsize(path),
                files=files,
                libraries=libraries,
                looked_at=looked_at,
                behaviours=stored_behaviours(connection),
            )
    except (sqlite3.Error, OSError) as error:
        return IndexCheckup(problem=str(error))

"""What the index of Plex's files knows, for a page: nothing is asked, nothing is made."""

import os
import sqlite3
from contextlib import closing

from plex.path_evidence import LearnedMapping
from shared.frozen import frozen
from validation.path_map import PrefixPair


@frozen
class IndexView:
    """A look at the index.

    Attributes:
        files: that are known.
        listed_at: when a library was last listed to its end, in seconds since the epoch; 0 never.
        mappings: what was learned, that with the most evidence first.
    """

    files: int = 0
    listed_at: float = 0.0
    mappings: tuple[LearnedMapping, ...] = ()


def look_at_index(path: str) -> IndexView:
    """Return what the index at this path holds; nothing where it is missing or damaged."""
    if not os.path.exists(path):
        return IndexView()
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            files = connection.execute("SELECT COUNT(*) FROM parts").fetchone()[0]
            listed = connection.execute("SELECT MAX(listed_at) FROM listings").fetchone()[0]
            rows = connection.execute(
                "SELECT plex, stash, agree, disagree FROM learned_mappings "
                "ORDER BY agree DESC, stash"
            ).fetchall()
    except sqlite3.Error:
        return IndexView()  # the worker makes it anew
    mappings = tuple(LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows)
    return IndexView(int(files), float(listed or 0.0), mappings)

"""Finds folders that are the same in Stash and Plex, from files that exist on both sides.

A file whose name and size occur once in Stash and once in Plex is the same file. The parts of its
two paths before their common end are a pair of prefixes, for which the file counts. For every other
pair of a folder above the file, the file counts against.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from validation.path_map import PathMap, PrefixPair
from validation.paths import common_suffix, folded, folded_path, folders_above, without_last

FEWEST_PAIRS = 5  # files; a moved folder with few files must not decide for a whole library
MOST_MAPPINGS = 20  # a setup has a few mount points; more mappings are remains of contradictions

_EVIDENCE = """
CREATE TEMP TABLE IF NOT EXISTS evidence (
    stash TEXT NOT NULL, folded TEXT NOT NULL, plex TEXT NOT NULL, agree INTEGER NOT NULL,
    PRIMARY KEY (stash, folded)) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS below (
    stash TEXT PRIMARY KEY, pairs INTEGER NOT NULL) WITHOUT ROWID;
DELETE FROM evidence;
DELETE FROM below;
"""
_AGREE = (
    "INSERT INTO evidence VALUES (?, ?, ?, 1) "
    "ON CONFLICT (stash, folded) DO UPDATE SET agree = agree + 1"
)
_BELOW = "INSERT INTO below VALUES (?, 1) ON CONFLICT (stash) DO UPDATE SET pairs = pairs + 1"
_PAIRS = """
SELECT s.path, p.path FROM
    (SELECT name, size, MIN(path) AS path FROM stash_files WHERE size > 0
     GROUP BY name, size HAVING COUNT(*) = 1) AS s
    JOIN parts AS p ON p.name = s.name AND p.size = s.size
WHERE p.server_id = ?
GROUP BY s.name, s.size HAVING COUNT(DISTINCT p.folded) = 1
"""
# Pairs without contradiction come first, the widest first; then the others by evidence.
_RANKED = """
SELECT e.stash, e.plex, e.agree, b.pairs - e.agree AS disagree
FROM evidence AS e JOIN below AS b USING (stash)
ORDER BY NOT (disagree = 0 AND e.agree >= ?), CASE WHEN disagree = 0 AND e.agree >= ?
    THEN 0 ELSE -e.agree END, length(e.stash), e.stash, e.agree DESC
"""


def prefix_pairs(stash: str, plex: str) -> list[PrefixPair]:
    """Return the pairs of folders that are equal if two paths are the same file, widest first.

    The first pair excludes the whole common suffix; each further pair is a folder deeper. Pairs
    with the root are left out, because they would apply to every path.
    """
    shared = common_suffix(stash, plex)
    pairs = (
        PrefixPair(plex=without_last(plex, count), stash=without_last(stash, count))
        for count in range(shared, 0, -1)
    )
    return [pair for pair in pairs if pair.plex and pair.stash]


@dataclass(frozen=True, slots=True)
class LearnedMapping:
    """A pair of prefixes, with the number of files for and against it."""

    pair: PrefixPair
    agree: int
    disagree: int

    @property
    def usable(self) -> bool:
        """Whether there is enough evidence for the mapping and none against it."""
        return self.agree >= FEWEST_PAIRS and not self.disagree

    def __str__(self) -> str:
        """Return the pair in the notation of the setting, with its evidence."""
        return f"{self.pair}: {self.agree} scenes agree, {self.disagree} disagree"


def weigh(
    connection: sqlite3.Connection, server_id: str, is_outside: Callable[[str], bool]
) -> list[LearnedMapping]:
    """Return the prefix pairs that follow from the two libraries, usable ones first.

    A wider pair replaces the narrower pairs that follow from it. SQLite does the counting, so
    memory does not grow with the libraries. Only files in Stash for which `is_outside` is true
    count: they lie in none of Plex's folders and need a mapping.
    """
    connection.executescript(_EVIDENCE)
    connection.execute("BEGIN")
    with connection:
        for stash, plex in connection.execute(_PAIRS, (server_id,)):
            if is_outside(stash):
                connection.executemany(
                    _AGREE,
                    [
                        (pair.stash, _key(pair.plex), pair.plex)
                        for pair in prefix_pairs(stash, plex)
                    ],
                )
                connection.executemany(_BELOW, [(folder,) for folder in folders_above(stash)])
    chosen: list[LearnedMapping] = []
    for mapping in _ranked(connection):
        if len(chosen) == MOST_MAPPINGS:
            break
        if not _follows(mapping, chosen):
            chosen.append(mapping)
    return chosen


def _ranked(connection: sqlite3.Connection) -> Iterator[LearnedMapping]:
    rows = connection.execute(_RANKED, (FEWEST_PAIRS, FEWEST_PAIRS))
    for stash, plex, agree, disagree in rows:
        yield LearnedMapping(PrefixPair(plex=plex, stash=stash), agree, disagree)


def _follows(mapping: LearnedMapping, chosen: list[LearnedMapping]) -> bool:
    """Tell whether a wider pair already gives the same result."""
    wider = (PathMap((wide.pair,)).find_plex(mapping.pair.stash) for wide in chosen)
    return any(path is not None and _key(path) == _key(mapping.pair.plex) for path in wider)


def _key(path: str) -> str:
    return folded_path(path) or folded(path)

"""Learns path mappings from the two libraries, for users who set none."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from plex.path_evidence import LearnedMapping, weigh
from shared.events import Event, Report
from validation.path_map import PathMap, PrefixPair
from validation.paths import components, folded_name
from validation.scene_extractor import SceneFile, StashScene

SURVEY_INTERVAL = 86_400.0  # seconds between two walks through Stash
RETRY_INTERVAL = 60.0  # seconds after a walk that failed
CHANGED_A_LOT = 0.1  # share of Plex's files; after such a change the evidence is weighed again

_TABLES = """
CREATE TABLE IF NOT EXISTS learned_mappings (
    server_id TEXT NOT NULL, stash TEXT NOT NULL, plex TEXT NOT NULL, agree INTEGER NOT NULL,
    disagree INTEGER NOT NULL, PRIMARY KEY (server_id, stash, plex)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS weighings (
    server_id TEXT PRIMARY KEY, plex_files INTEGER NOT NULL) WITHOUT ROWID;
"""
# Plex's path of a file whose name and size are unique on both sides.
_WHERE_PLEX_HAS_IT = (
    "SELECT MIN(p.path) FROM parts AS p JOIN stash_files AS s ON s.path = ? "
    "WHERE p.name = s.name AND p.size = s.size AND p.server_id = ? AND s.size > 0 "
    "AND (SELECT COUNT(*) FROM stash_files WHERE name = s.name AND size = s.size) = 1 "
    "HAVING COUNT(DISTINCT p.folded) = 1"
)
_FILE_TABLES = """
CREATE TABLE IF NOT EXISTS stash_files (
    path TEXT PRIMARY KEY, scene INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    survey INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stash_files_by_name ON stash_files (name, size);
CREATE INDEX IF NOT EXISTS stash_files_by_scene ON stash_files (scene);
CREATE TABLE IF NOT EXISTS surveys (survey INTEGER PRIMARY KEY, surveyed_at REAL NOT NULL);
"""
_UPSERT = (
    "INSERT INTO stash_files (path, scene, name, size, survey) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (path) DO UPDATE SET scene = excluded.scene, size = excluded.size, "
    "survey = excluded.survey"
)
# Size 0 is unknown and matches any size.
_SAME_NAME_AND_SIZE = (
    "SELECT path FROM stash_files WHERE name = ? AND size IN (?, 0) AND scene != ?"
)
_SAME_NAME = "SELECT path FROM stash_files WHERE name = ? AND scene != ?"


class PathLearning:
    """Compares the files of both libraries, and stores the mappings that follow.

    Stash is walked only for a scene outside of all of Plex's folders, and at most once a day. The
    evidence is weighed again after many changes in Plex, or when a scene contradicts a mapping. A
    mapping that no longer holds is dropped.

    Args:
        connection: to `library.db`.
        server_id: returns the identity of the Plex server, whose library is prepared.
        files: walks through Stash; yields pages of scenes with id and files.
        report: gets an event about each learned and each dropped mapping.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        server_id: Callable[[], str],
        files: Callable[[], Iterable[Sequence[StashScene]]],
        clock: Callable[[], float],
        report: Report,
    ) -> None:
        connection.executescript(_TABLES)
        self._connection = connection
        self._server_id = server_id
        self._files = files
        self._clock = clock
        self._report = report
        self._tried_at: float | None = None
        self.files = FileSurvey(connection)

    def mappings(self) -> list[LearnedMapping]:
        """Return all mappings with their evidence, including those without enough evidence."""
        rows = self._connection.execute(
            "SELECT plex, stash, agree, disagree FROM learned_mappings WHERE server_id = ? "
            "ORDER BY agree DESC, stash",
            (self._server_id(),),
        )
        return [LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows]

    def path_map(self) -> PathMap:
        """Return the mappings in use."""
        return PathMap(tuple(mapping.pair for mapping in self.mappings() if mapping.usable))

    def competing_files(self, scene_id: int, file: SceneFile) -> list[str] | None:
        """Return other scenes' files of the same name and size; None before the first survey."""
        if self.files.surveyed_at() is None:
            return None
        return self.files.competing_files(scene_id, file)

    def survey(self, is_outside: Callable[[str], bool]) -> int:
        """Walk through Stash and weigh the evidence; return the number of files in Stash.

        Errors of the walk are passed on, and then nothing changes. For `is_outside` see `weigh`.
        """
        self._tried_at = self._clock()
        count = self.files.replace_all(self._files(), self._tried_at)
        self._weigh(is_outside)
        return count

    def consider(self, scenes: Sequence[StashScene], is_outside: Callable[[str], bool]) -> None:
        """Learn from scenes whose files lie outside of Plex's folders.

        Errors of a walk through Stash are passed on, and then nothing changes.
        """
        now = self._clock()
        if not _within(SURVEY_INTERVAL, self.files.surveyed_at(), now):
            if not _within(RETRY_INTERVAL, self._tried_at, now):
                self.survey(is_outside)
            return
        self.files.note(scenes)
        if self._changed_a_lot() or any(self._contradicts(scene) for scene in scenes):
            self._weigh(is_outside)

    # -- the evidence -----------------------------------------------------------------------

    def _contradicts(self, scene: StashScene) -> bool:
        """Tell whether Plex has a file elsewhere than a learned mapping says."""
        learned = self.path_map()
        for file in scene.files:
            said = learned.find_plex(file.path)
            there = self._where_plex_has(file.path) if said is not None else None
            if said is not None and there is not None and components(said) != components(there):
                return True
        return False

    def _where_plex_has(self, path: str) -> str | None:
        values = (path, self._server_id())
        row = self._connection.execute(_WHERE_PLEX_HAS_IT, values).fetchone()
        return None if row is None else row[0]

    def _changed_a_lot(self) -> bool:
        row = self._connection.execute(
            "SELECT plex_files FROM weighings WHERE server_id = ?", (self._server_id(),)
        ).fetchone()
        before = 0 if row is None else int(row[0])
        return abs(self._count_plex_files() - before) > CHANGED_A_LOT * before

    def _count_plex_files(self) -> int:
        statement = "SELECT COUNT(*) FROM parts WHERE server_id = ?"
        return int(self._connection.execute(statement, (self._server_id(),)).fetchone()[0])

    def _weigh(self, is_outside: Callable[[str], bool]) -> None:
        server_id = self._server_id()
        before = {mapping.pair for mapping in self.mappings() if mapping.usable}
        now = weigh(self._connection, server_id, is_outside)
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            self._connection.execute("DELETE FROM learned_mappings")
            self._connection.executemany(
                "INSERT INTO learned_mappings VALUES (?, ?, ?, ?, ?)",
                [(server_id, m.pair.stash, m.pair.plex, m.agree, m.disagree) for m in now],
            )
            self._connection.execute(
                "INSERT OR REPLACE INTO weighings VALUES (?, ?)",
                (server_id, self._count_plex_files()),
            )
        self._report_changes(before, now)

    def _report_changes(self, before: set[PrefixPair], now: list[LearnedMapping]) -> None:
        used = {mapping.pair for mapping in now if mapping.usable}
        for mapping in now:
            if mapping.usable and mapping.pair not in before:
                self._report(Event.PATHS_LEARNED, mapping=mapping)
        for pair in sorted(before - used, key=str):
            evidence = next(
                (f": {m.agree} scenes agree, {m.disagree} disagree" for m in now if m.pair == pair),
                "",
            )
            self._report(Event.PATHS_DROPPED, mapping=pair, evidence=evidence)


def _within(interval: float, moment: float | None, now: float) -> bool:
    """Tell whether a moment is at most an interval ago; a moment in the future is not."""
    return moment is not None and 0 <= now - moment < interval


class FileSurvey:
    """The table of Stash's files in `library.db`, as of the last walk through Stash."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_FILE_TABLES)
        self._connection = connection

    def surveyed_at(self) -> float | None:
        """Return when Stash was last walked completely, in seconds since the epoch, or None."""
        row = self._connection.execute("SELECT MAX(surveyed_at) FROM surveys").fetchone()
        return None if row[0] is None else float(row[0])

    def replace_all(self, pages: Iterable[Sequence[StashScene]], now: float) -> int:
        """Store all scenes of Stash, page by page; return the number of files.

        If the walk fails, older rows are kept.
        """
        row = self._connection.execute("SELECT coalesce(MAX(survey), 0) + 1 FROM stash_files")
        survey = int(row.fetchone()[0])
        for page in pages:
            self._store(page, survey)
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            self._connection.execute("DELETE FROM stash_files WHERE survey < ?", (survey,))
            self._connection.execute("DELETE FROM surveys")
            self._connection.execute("INSERT INTO surveys VALUES (?, ?)", (survey, now))
            (count,) = self._connection.execute("SELECT COUNT(*) FROM stash_files").fetchone()
        return int(count)

    def note(self, scenes: Sequence[StashScene]) -> None:
        """Store the current files of some scenes."""
        row = self._connection.execute("SELECT coalesce(MAX(survey), 0) FROM stash_files")
        self._store(scenes, int(row.fetchone()[0]), forget=[(scene.id,) for scene in scenes])

    def competing_files(self, scene_id: int, file: SceneFile) -> list[str]:
        """Return other scenes' files with the same name and, if known, the same size."""
        name = folded_name(file.path)
        if file.size:
            rows = self._connection.execute(_SAME_NAME_AND_SIZE, (name, file.size, scene_id))
        else:
            rows = self._connection.execute(_SAME_NAME, (name, scene_id))
        return [row[0] for row in rows]

    def scenes(self) -> Iterator[tuple[int, list[SceneFile]]]:
        """Yield each scene with its files."""
        rows = self._connection.execute(
            "SELECT scene, path, size FROM stash_files ORDER BY scene, path"
        )
        for scene_id, group in groupby(rows, key=lambda row: int(row[0])):
            yield scene_id, [SceneFile(path, size) for _, path, size in group]

    def _store(
        self, scenes: Sequence[StashScene], survey: int, forget: Sequence[tuple[int]] = ()
    ) -> None:
        rows = [
            (file.path, scene.id, folded_name(file.path), file.size, survey)
            for scene in scenes
            for file in scene.files
        ]
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            self._connection.executemany("DELETE FROM stash_files WHERE scene = ?", forget)
            self._connection.executemany(_UPSERT, rows)

"""Stores the files of Stash beside those of Plex, so that SQL can compare the libraries."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from validation.paths import folded_name
from validation.scene_extractor import SceneFile, StashScene

_TABLES = """
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


class FileSurvey:
    """The table of Stash's files in `library.db`, as of the last walk through Stash."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_TABLES)
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

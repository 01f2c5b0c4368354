"""Learns which folders are the same in Stash and Plex, for users who set no path map.

If a file with a unique name and size is `/data/new/a.mp4` in Stash and `/media/new/a.mp4` in Plex,
the file is evidence that `/data` is `/media`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from plex.index_database import IndexDatabase
from shared.events import Event, Report
from validation.path_map import PathMap, PrefixPair
from validation.paths import common_suffix, folded_name, folded_path, folders_above, without_last
from validation.scene_extractor import SceneFile, StashScene

SURVEY_INTERVAL = 86_400.0
RETRY_INTERVAL = 60.0
CHANGED_A_LOT = 0.1
FEWEST_PAIRS = 5
MOST_MAPPINGS = 20

_TABLES = """
CREATE TABLE IF NOT EXISTS learned_mappings (
    server_id TEXT NOT NULL, stash TEXT NOT NULL, plex TEXT NOT NULL, agree INTEGER NOT NULL,
    disagree INTEGER NOT NULL, PRIMARY KEY (server_id, stash, plex)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS weighings (
    server_id TEXT PRIMARY KEY, plex_files INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stash_files (
    path TEXT PRIMARY KEY, scene INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    survey INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stash_files_by_name ON stash_files (name, size);
CREATE INDEX IF NOT EXISTS stash_files_by_scene ON stash_files (scene);
CREATE TABLE IF NOT EXISTS surveys (survey INTEGER PRIMARY KEY, surveyed_at REAL NOT NULL);
"""
_EVIDENCE = """
CREATE TEMP TABLE IF NOT EXISTS evidence (
    stash TEXT NOT NULL, folded TEXT NOT NULL, plex TEXT NOT NULL, agree INTEGER NOT NULL,
    PRIMARY KEY (stash, folded)) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS below (
    stash TEXT PRIMARY KEY, pairs INTEGER NOT NULL) WITHOUT ROWID;
DELETE FROM evidence;
DELETE FROM below;
"""
_PAIRS = """
SELECT s.path, p.path FROM
    (SELECT name, size, MIN(path) AS path FROM stash_files WHERE size > 0 {condition}
     GROUP BY name, size HAVING COUNT(*) = 1) AS s
    JOIN parts AS p ON p.name = s.name AND p.size = s.size
WHERE p.server_id = ?
GROUP BY s.name, s.size HAVING COUNT(DISTINCT p.folded) = 1
"""
_OF_ONE_FILE = "AND (name, size) = (SELECT name, size FROM stash_files WHERE path = ?)"
_PLEX_FILES = (
    "SELECT COUNT(*), coalesce((SELECT plex_files FROM weighings WHERE server_id = ?), 0) "
    "FROM parts WHERE server_id = ?"
)
_AGREE = (
    "INSERT INTO evidence VALUES (?, ?, ?, 1) "
    "ON CONFLICT (stash, folded) DO UPDATE SET agree = agree + 1"
)
_BELOW = "INSERT INTO below VALUES (?, 1) ON CONFLICT (stash) DO UPDATE SET pairs = pairs + 1"
_RANKED = """
SELECT e.plex, e.stash, e.agree, b.pairs - e.agree AS disagree
FROM evidence AS e JOIN below AS b USING (stash)
ORDER BY NOT (disagree = 0 AND e.agree >= ?), CASE WHEN disagree = 0 AND e.agree >= ?
    THEN 0 ELSE -e.agree END, length(e.stash), e.stash, e.agree DESC
"""
_UPSERT_FILE = (
    "INSERT INTO stash_files VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (path) DO UPDATE SET scene = excluded.scene, size = excluded.size, "
    "survey = excluded.survey"
)


@dataclass(frozen=True, slots=True)
class LearnedMapping:
    pair: PrefixPair
    agree: int
    disagree: int

    @property
    def usable(self) -> bool:
        return self.agree >= FEWEST_PAIRS and not self.disagree

    @property
    def evidence(self) -> str:
        agree = "1 scene agrees" if self.agree == 1 else f"{self.agree} scenes agree"
        return f"{agree}, {self.disagree} disagree" if self.disagree else agree

    def __str__(self) -> str:
        return f"{self.pair} ({self.evidence})"


def prefix_pairs(stash: str, plex: str) -> list[PrefixPair]:
    pairs = (
        PrefixPair(plex=without_last(plex, count), stash=without_last(stash, count))
        for count in range(common_suffix(stash, plex), 0, -1)
    )
    return [pair for pair in pairs if pair.plex and pair.stash]


@dataclass
class PathLearning:
    database: IndexDatabase
    server_id: Callable[[], str]
    files: Callable[[], Iterable[Sequence[StashScene]]]
    clock: Callable[[], float]
    report: Report
    _tried_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.database.run(_TABLES)

    def mappings(self) -> list[LearnedMapping]:
        rows = self.database.rows(
            "SELECT plex, stash, agree, disagree FROM learned_mappings WHERE server_id = ? "
            "ORDER BY agree DESC, stash",
            self.server_id(),
        )
        return [LearnedMapping(PrefixPair(*row[:2]), *row[2:]) for row in rows]

    def path_map(self) -> PathMap:
        return PathMap(tuple(mapping.pair for mapping in self.mappings() if mapping.usable))

    def survey(self, is_outside: Callable[[str], bool]) -> None:
        self._tried_at = self.clock()
        survey = self._last_survey() + 1
        for scenes in self.files():
            self._store(scenes, survey)
        with self.database.transaction():
            self.database.write("DELETE FROM stash_files WHERE survey < ?", survey)
            self.database.write("DELETE FROM surveys")
            self.database.write("INSERT INTO surveys VALUES (?, ?)", survey, self._tried_at)
        self._weigh(is_outside)

    def consider(self, scenes: Sequence[StashScene], is_outside: Callable[[str], bool]) -> None:
        now = self.clock()
        surveyed_at = self.surveyed_at()
        if surveyed_at is None or not 0 <= now - surveyed_at < SURVEY_INTERVAL:
            if not 0 <= now - self._tried_at < RETRY_INTERVAL:
                self.survey(is_outside)
            return
        self._store(scenes, self._last_survey())
        server_id = self.server_id()
        count, before = self.database.first(_PLEX_FILES, server_id, server_id)
        if abs(count - before) > CHANGED_A_LOT * before or self._contradict(scenes):
            self._weigh(is_outside)

    def surveyed_at(self) -> float | None:
        moment = self.database.first("SELECT MAX(surveyed_at) FROM surveys")[0]
        return None if moment is None else float(moment)

    def competing_files(self, scene_id: int, file: SceneFile) -> list[str] | None:
        """Return other scenes' files that have the name and size of `file`.

        Return None if the plugin has not read the files in Stash yet.
        """
        if self.surveyed_at() is None:
            return None
        rows = self.database.rows(
            "SELECT path FROM stash_files WHERE name = ? AND scene != ? "
            "AND (? = 0 OR size IN (?, 0))",
            *(folded_name(file.path), scene_id, file.size, file.size),
        )
        return [row[0] for row in rows]

    def scenes(self) -> Iterator[tuple[int, list[SceneFile]]]:
        rows = self.database.each("SELECT scene, path, size FROM stash_files ORDER BY scene, path")
        for scene_id, group in groupby(rows, key=lambda row: int(row[0])):
            yield scene_id, [SceneFile(path, size) for _, path, size in group]

    def _last_survey(self) -> int:
        return int(self.database.first("SELECT coalesce(MAX(survey), 0) FROM stash_files")[0])

    def _store(self, scenes: Sequence[StashScene], survey: int) -> None:
        rows = [
            (file.path, scene.id, folded_name(file.path), file.size, survey)
            for scene in scenes
            for file in scene.files
        ]
        scene_ids = [(scene.id,) for scene in scenes]
        with self.database.transaction():
            self.database.write_all("DELETE FROM stash_files WHERE scene = ?", scene_ids)
            self.database.write_all(_UPSERT_FILE, rows)

    def _contradict(self, scenes: Sequence[StashScene]) -> bool:
        learned = self.path_map()
        for file in (file for scene in scenes for file in scene.files):
            expected = learned.find_plex(file.path)
            if expected is not None:
                statement = _PAIRS.format(condition=_OF_ONE_FILE)
                row = self.database.first(statement, file.path, self.server_id())
                if row is not None and folded_path(row[1]) != folded_path(expected):
                    return True
        return False

    def _weigh(self, is_outside: Callable[[str], bool]) -> None:
        server_id = self.server_id()
        before = {mapping.pair for mapping in self.mappings() if mapping.usable}
        self._collect_evidence(server_id, is_outside)
        now = self._strongest_mappings()
        with self.database.transaction():
            self.database.write("DELETE FROM learned_mappings")
            self.database.write_all(
                "INSERT INTO learned_mappings VALUES (?, ?, ?, ?, ?)",
                [(server_id, m.pair.stash, m.pair.plex, m.agree, m.disagree) for m in now],
            )
            count, _ = self.database.first(_PLEX_FILES, server_id, server_id)
            self.database.write("INSERT OR REPLACE INTO weighings VALUES (?, ?)", server_id, count)
        used = {mapping.pair for mapping in now if mapping.usable}
        for mapping in now:
            if mapping.usable and mapping.pair not in before:
                self.report(Event.PATHS_LEARNED, mapping=mapping)
        evidence = {mapping.pair: f" ({mapping.evidence})" for mapping in now}
        for pair in sorted(before - used, key=str):
            self.report(Event.PATHS_DROPPED, mapping=pair, evidence=evidence.get(pair, ""))

    def _collect_evidence(self, server_id: str, is_outside: Callable[[str], bool]) -> None:
        self.database.run(_EVIDENCE)
        # The transaction needs no write lock, because only temporary tables change.
        with self.database.transaction("DEFERRED"):
            for stash, plex in self.database.each(_PAIRS.format(condition=""), server_id):
                if is_outside(stash):
                    pairs = prefix_pairs(stash, plex)
                    rows = [(pair.stash, folded_path(pair.plex), pair.plex) for pair in pairs]
                    self.database.write_all(_AGREE, rows)
                    folders = [(folder,) for folder in folders_above(stash)]
                    self.database.write_all(_BELOW, folders)

    def _strongest_mappings(self) -> list[LearnedMapping]:
        chosen: list[LearnedMapping] = []
        for plex, stash, agree, disagree in self.database.each(_RANKED, FEWEST_PAIRS, FEWEST_PAIRS):
            mapped = [PathMap((wider.pair,)).find_plex(stash) for wider in chosen]
            if folded_path(plex) not in [folded_path(path) for path in mapped if path is not None]:
                chosen.append(LearnedMapping(PrefixPair(plex, stash), agree, disagree))
            if len(chosen) == MOST_MAPPINGS:
                break
        return chosen

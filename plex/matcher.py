"""Finds the Plex items that hold a scene's files."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from plex.items import LibraryPart, PlexItem, Section
from plex.match_rules import Hits, Rule, ambiguous, by_name_and_size, by_spelling, same_size
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from validation.path_map import PathMap
from validation.paths import Folders, common_suffix, folded_path
from validation.scene_extractor import SceneFile

LARGEST_STRETCH = 1.05  # versions with a larger ratio of durations are different films


class MatchConfidence(Enum):
    """Certainty of a match: high for the full path, low for weaker rules."""

    HIGH = "high"
    LOW = "low"


class Sharing(Enum):
    """How files of several scenes share an item in Plex."""

    PARTS = "parts of one film"
    VERSIONS = "versions of one video"
    FILMS = "versions of one video, though their durations differ"


class Match(NamedTuple):
    """An item that holds a file of the scene."""

    rating_key: int
    path: str  # the path in Plex's listing; compared with the item before each write
    confidence: MatchConfidence = MatchConfidence.HIGH
    also: tuple[str, ...] = ()  # further files of the scene in the item


class Matching(NamedTuple):
    """The result of matching a scene's files."""

    matches: tuple[Match, ...] = ()  # items that hold the files
    rule: Rule | None = None  # the weakest rule used; None without matches
    # Possible files in Plex, best first; empty when there are matches.
    candidates: tuple[LibraryPart, ...] = ()
    unmatched: tuple[SceneFile, ...] = ()  # files without a match


_STRENGTHS = list(Rule)


class _Target(NamedTuple):
    """The expected place of a file in Plex."""

    path: str
    rule: Rule
    settled: bool  # the path lies in one of Plex's folders, so weaker rules do not apply


class PlexMatcher:
    """Finds items by full path, or by name and size where the path is unknown to Plex.

    The full path is mapped by the setting, or else by a learned mapping. It is compared exactly,
    then without case, composition and separators. For a path inside Plex's own folders no weaker
    rule applies: the file is not in Plex yet. All items that hold one of the files match, as a file
    may be in two libraries and a scene may have several versions.

    Args:
        sections: returns the libraries as last read; weaker rules need at least one.
        learning: learned mappings and Stash's files.
    """

    def __init__(
        self,
        index: PathIndex,
        path_map: PathMap,
        sections: Callable[[], Sequence[Section]],
        learning: PathLearning,
    ) -> None:
        self._index = index
        self._path_map = path_map
        self._sections = sections
        self._learning = learning
        self._locations: tuple[str, ...] = ()
        self._known_folders = Folders.of(())

    def find(self, files: Sequence[SceneFile], scene_id: int = 0) -> Matching:
        """Return the items of these files by any rule, or the candidates."""
        return self._find(files, scene_id)

    def find_by_path(self, files: Sequence[SceneFile]) -> Matching:
        """Return the items of these files by full path only."""
        return self._find(files, None)

    def to_plex(self, path: str) -> str:
        """Return the expected path in Plex of a file in Stash."""
        return self._target(path).path

    def is_outside(self, path: str) -> bool:
        """Tell whether a path in Stash, mapped by the setting, lies in none of Plex's folders.

        False while no folder is known.
        """
        return not _settled(self._path_map.to_plex(path), self._folders())

    def is_inside(self, path: str) -> bool:
        """Tell whether a path in Stash, also by a learned mapping, lies in one of Plex's folders.

        True while no folder is known.
        """
        return self._target(path).settled

    def same_named_files(self, file: SceneFile) -> list[LibraryPart]:
        """Return Plex's files of the same name, in any folder and of any size."""
        return self._index.find_named(file.path)

    def _find(self, files: Sequence[SceneFile], scene_id: int | None) -> Matching:
        found: dict[int, Match] = {}
        rules: list[Rule] = []
        candidates: list[LibraryPart] = []
        unmatched: list[SceneFile] = []
        for file in files:
            hits, rule = self._find_file(file, scene_id)
            candidates += hits.candidates
            unmatched += [] if hits.parts else [file]
            for part in hits.parts:
                rules.append(rule)
                found[part.rating_key] = _joined(found.get(part.rating_key), part, rule)
        if not found:
            return Matching(candidates=tuple(candidates), unmatched=tuple(unmatched))
        weakest = max(rules, key=_STRENGTHS.index)
        return Matching(tuple(found.values()), weakest, unmatched=tuple(unmatched))

    def _find_file(self, file: SceneFile, scene_id: int | None) -> tuple[Hits, Rule]:
        mapped = self._path_map.find_plex(file.path)
        # A file with the same path in Plex needs no mapping.
        same = self._index.find_exact(file.path) if mapped in (None, file.path) else []
        if same:
            return self._at(file.path, file.size, same, Rule.FULL_PATH)
        target = self._target(file.path)
        exact = self._index.find_exact(target.path)
        hits, rule = self._at(target.path, file.size, exact, target.rule)
        if target.rule is Rule.LEARNED_MAPPING:
            hits = self._as_learned(file, hits, scene_id or 0)
        # A file of another size at the path prevents a search by name.
        if exact:
            return hits, rule
        if hits.parts or hits.candidates or target.settled or scene_id is None:
            return hits, rule
        return self._by_name(file, scene_id), Rule.NAME_AND_SIZE

    def _at(
        self, path: str, size: int, exact: Sequence[LibraryPart], rule: Rule
    ) -> tuple[Hits, Rule]:
        """Return the files at a path, or at its other spellings when Plex has none there."""
        if not all(part.in_trash for part in exact):
            return Hits(tuple(exact)), rule
        hits = by_spelling(path, size, self._index.find_folded(path))
        if exact and all(part.in_trash for part in hits.parts):
            return Hits(tuple(exact)), rule
        return hits, Rule.SPELLING

    def _as_learned(self, file: SceneFile, hits: Hits, scene_id: int) -> Hits:
        """Check a match by a learned mapping: the size fits, and no other scene's file competes.

        Few files may imply a wrong mapping by chance. Then other files in Stash have no file at
        their mapped path. Such a file competes if its path is as similar to the found path.
        """
        fitting = tuple(part for part in hits.parts if same_size(part.size, file.size))
        for path in self._learning.competing_files(scene_id, file) or () if fitting else ():
            nearness = common_suffix(path, fitting[0].path)
            if nearness >= common_suffix(file.path, fitting[0].path):
                place = self._target(path).path
                if not (self._index.find_exact(place) or self._index.find_folded(place)):
                    return ambiguous(fitting)
        return Hits(fitting, hits.candidates)

    def _target(self, path: str) -> _Target:
        folders = self._folders()
        mapped = self._path_map.find_plex(path)
        if mapped is not None:
            rule = Rule.FULL_PATH if mapped == path else Rule.SET_MAPPING
            return _Target(mapped, rule, _settled(mapped, folders))
        if _settled(path, folders):
            return _Target(path, Rule.FULL_PATH, settled=True)
        mapped = self._learning.path_map().find_plex(path)
        if mapped is not None:
            return _Target(mapped, Rule.LEARNED_MAPPING, _settled(mapped, folders))
        return _Target(path, Rule.FULL_PATH, settled=False)

    def _by_name(self, file: SceneFile, scene_id: int) -> Hits:
        competing = self._learning.competing_files(scene_id, file)
        if competing is None:
            return Hits()
        mapped = SceneFile(self._path_map.to_plex(file.path), file.size)
        others = [self._path_map.to_plex(path) for path in competing]
        same_named = self._index.find_named(file.path, file.size)
        return by_name_and_size(mapped, same_named, others)

    def _folders(self) -> Folders:
        locations = tuple(path for section in self._sections() for path in section.locations)
        if locations != self._locations:
            self._locations, self._known_folders = locations, Folders.of(locations)
        return self._known_folders


def _settled(path: str, folders: Folders) -> bool:
    return not folders.roots or folders.hold(path)


def _joined(match: Match | None, part: LibraryPart, rule: Rule) -> Match:
    if match is None:
        low = rule is Rule.NAME_AND_SIZE
        confidence = MatchConfidence.LOW if low else MatchConfidence.HIGH
        return Match(part.rating_key, part.path, confidence)
    if part.path in (match.path, *match.also):
        return match
    return Match(match.rating_key, match.path, match.confidence, (*match.also, part.path))


def still_holds(item: PlexItem, match: Match) -> bool:
    """Tell whether the item, just read, holds the matched file.

    A remembered key may belong to another video, so no write happens without this check.
    """
    if match.path in item.files:
        return True
    wanted = folded_path(match.path)
    return any(folded_path(path) == wanted for path in item.files)


def has_first_file(item: PlexItem, match: Match) -> bool:
    """Tell whether the first file of the item's first version is matched."""
    if not item.files or match.path == item.files[0]:
        return bool(item.files)
    first = folded_path(item.files[0])
    return any(folded_path(path) == first for path in (match.path, *match.also))


def sharing_of(item: PlexItem, match: Match) -> Sharing:
    """Tell how the matched files share an item with other files."""
    mine = {folded_path(path) for path in (match.path, *match.also)}
    for version in item.versions:
        files = {folded_path(path) for path in version.files}
        if files & mine and files - mine:
            return Sharing.PARTS
    durations = [version.duration for version in item.versions if version.duration]
    if durations and max(durations) > min(durations) * LARGEST_STRETCH:
        return Sharing.FILMS
    return Sharing.VERSIONS

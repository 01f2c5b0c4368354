from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from plex.items import LibraryPart, PlexItem, Section
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from validation.path_map import PathMap
from validation.paths import common_suffix, components, folded_path, is_below, spelled
from validation.scene_extractor import SceneFile

LARGEST_STRETCH = 1.05
# If Stash or Plex does not know a file's size, the last three components of both paths must be
# equal.
SURE_SUFFIX = 3


class MatchConfidence(Enum):
    HIGH = "high"
    LOW = "low"


class Rule(Enum):
    """The rules for matching a file, from the strongest to the weakest."""

    FULL_PATH = "full path"
    SET_MAPPING = "full path with the path map"
    LEARNED_MAPPING = "full path with a learned path map"
    SPELLING = "full path in another spelling"
    NAME_AND_SIZE = "name and size"


class Sharing(Enum):
    PARTS = "parts of one film"
    VERSIONS = "versions of one video"
    FILMS = "versions of one video, though their durations differ"


class Match(NamedTuple):
    rating_key: int
    path: str
    confidence: MatchConfidence = MatchConfidence.HIGH
    also: tuple[str, ...] = ()


class Matching(NamedTuple):
    matches: tuple[Match, ...] = ()
    rule: Rule | None = None
    candidates: tuple[LibraryPart, ...] = ()
    unmatched: tuple[SceneFile, ...] = ()


class _Hits(NamedTuple):
    parts: tuple[LibraryPart, ...] = ()
    candidates: tuple[LibraryPart, ...] = ()


class _Target(NamedTuple):
    path: str
    rule: Rule
    is_in_library: bool


@dataclass
class PlexMatcher:
    index: PathIndex
    path_map: PathMap
    sections: Callable[[], Sequence[Section]]
    learning: PathLearning
    _locations: tuple[str, ...] = ()
    _folders: tuple[tuple[str, ...], ...] = ()

    def to_plex(self, path: str) -> str:
        return self._target(path).path

    def is_outside(self, path: str) -> bool:
        return not self._is_in_library(self.path_map.to_plex(path))

    def is_inside(self, path: str) -> bool:
        return self._target(path).is_in_library

    def find(self, files: Sequence[SceneFile], scene_id: int | None = None) -> Matching:
        """Find the items of a scene's files by path.

        With a `scene_id`, also find items by name and size.
        """
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
        weakest = max(rules, key=list(Rule).index)
        return Matching(tuple(found.values()), weakest, unmatched=tuple(unmatched))

    def _find_file(self, file: SceneFile, scene_id: int | None) -> tuple[_Hits, Rule]:
        mapped = self.path_map.find_plex(file.path)
        same = self.index.find_exact(file.path) if mapped in (None, file.path) else []
        if same:
            return self._at(file.path, file.size, same, Rule.FULL_PATH)
        target = self._target(file.path)
        exact = self.index.find_exact(target.path)
        hits, rule = self._at(target.path, file.size, exact, target.rule)
        if target.rule is Rule.LEARNED_MAPPING:
            hits = self._as_learned(file, hits, scene_id or 0)
        # If Plex has a different file at the expected path, a match by name is not allowed.
        if exact or hits.parts or hits.candidates or target.is_in_library or scene_id is None:
            return hits, rule
        competing = self.learning.competing_files(scene_id, file)
        if competing is None:
            return _Hits(), Rule.NAME_AND_SIZE
        expected = SceneFile(self.path_map.to_plex(file.path), file.size)
        others = [self.path_map.to_plex(path) for path in competing]
        parts = self.index.find_named(file.path, file.size)
        return _by_name_and_size(expected, parts, others), Rule.NAME_AND_SIZE

    def _at(
        self, path: str, size: int, exact: Sequence[LibraryPart], rule: Rule
    ) -> tuple[_Hits, Rule]:
        if not all(part.in_trash for part in exact):
            return _Hits(tuple(exact)), rule
        hits = _by_spelling(path, size, self.index.find_folded(path))
        if exact and all(part.in_trash for part in hits.parts):
            return _Hits(tuple(exact)), rule
        return hits, Rule.SPELLING

    def _as_learned(self, file: SceneFile, hits: _Hits, scene_id: int) -> _Hits:
        """Reject a file that a learned path map found, if it fits another scene equally well."""
        fitting = tuple(part for part in hits.parts if _may_be_equal(part.size, file.size))
        competing = self.learning.competing_files(scene_id, file) if fitting else None
        for path in competing or ():
            nearness = common_suffix(path, fitting[0].path)
            if nearness >= common_suffix(file.path, fitting[0].path):
                place = self._target(path).path
                if not (self.index.find_exact(place) or self.index.find_folded(place)):
                    return _ambiguous(fitting)
        return _Hits(fitting, hits.candidates)

    def _target(self, path: str) -> _Target:
        mapped, rule = self.path_map.find_plex(path), Rule.SET_MAPPING
        if mapped is None and not self._is_in_library(path):
            mapped, rule = self.learning.path_map().find_plex(path), Rule.LEARNED_MAPPING
        if mapped is None or (mapped == path and rule is Rule.SET_MAPPING):
            mapped, rule = path, Rule.FULL_PATH
        return _Target(mapped, rule, self._is_in_library(mapped))

    def _is_in_library(self, path: str) -> bool:
        locations = tuple(path for section in self.sections() for path in section.locations)
        if locations != self._locations:
            self._locations = locations
            self._folders = tuple(filter(None, map(components, locations)))
        return not self._folders or is_below(path, self._folders)


def _ambiguous(candidates: Sequence[LibraryPart]) -> _Hits:
    # Plex keeps the old paths of moved files in its trash. If all candidates are in the trash, they
    # are such old paths.
    return _Hits(candidates=() if all(part.in_trash for part in candidates) else tuple(candidates))


def _by_spelling(path: str, size: int, parts: Sequence[LibraryPart]) -> _Hits:
    # On some disks, paths that differ only in case belong to different files.
    same_case = tuple(part for part in parts if spelled(part.path) == spelled(path))
    if same_case:
        return _Hits(same_case)
    fitting = [part for part in parts if _may_be_equal(part.size, size)]
    if len({spelled(part.path) for part in fitting}) > 1:
        fitting = [part for part in fitting if part.size == size != 0] or fitting
    if len({spelled(part.path) for part in fitting}) > 1:
        return _ambiguous(sorted(fitting, key=lambda part: part.rating_key))
    return _Hits(tuple(fitting))


def _by_name_and_size(
    file: SceneFile, parts: Sequence[LibraryPart], competing: Sequence[str]
) -> _Hits:
    groups: dict[str, list[LibraryPart]] = {}
    for part in parts:
        known = bool(file.size and part.size)
        is_possible = file.size == part.size if known else _nearness(file, part) >= SURE_SUFFIX
        if is_possible:
            groups.setdefault(folded_path(part.path), []).append(part)
    if not groups:
        return _Hits()
    ranked = sorted(
        groups.values(),
        key=lambda group: (-_nearness(file, group[0]), min(part.rating_key for part in group)),
    )
    best = ranked[0]
    closeness = _nearness(file, best[0])
    closest_competitor = max((common_suffix(path, best[0].path) for path in competing), default=0)
    if closest_competitor > closeness:
        return _Hits()
    tied = len(ranked) > 1 and _nearness(file, ranked[1][0]) == closeness
    sizes_known = all(part.size and file.size for group in ranked for part in group)
    if tied or closest_competitor == closeness or (len(ranked) > 1 and not sizes_known):
        return _ambiguous([part for group in ranked for part in group])
    return _Hits(tuple(best))


def _nearness(file: SceneFile, part: LibraryPart) -> int:
    return common_suffix(file.path, part.path)


def _may_be_equal(first: int, second: int) -> bool:
    return first == second or not first or not second


def _joined(match: Match | None, part: LibraryPart, rule: Rule) -> Match:
    if match is None:
        confidence = MatchConfidence.LOW if rule is Rule.NAME_AND_SIZE else MatchConfidence.HIGH
        return Match(part.rating_key, part.path, confidence)
    if part.path in (match.path, *match.also):
        return match
    return match._replace(also=(*match.also, part.path))


def still_holds(item: PlexItem, match: Match) -> bool:
    return folded_path(match.path) in map(folded_path, item.files)


def has_first_file(item: PlexItem, match: Match) -> bool:
    return bool(item.files) and folded_path(item.files[0]) in _folded_files(match)


def sharing_of(item: PlexItem, match: Match) -> Sharing:
    mine = _folded_files(match)
    for version in item.versions:
        files = set(map(folded_path, version.files))
        if files & mine and files - mine:
            return Sharing.PARTS
    durations = [version.duration for version in item.versions if version.duration]
    if durations and max(durations) > min(durations) * LARGEST_STRETCH:
        return Sharing.FILMS
    return Sharing.VERSIONS


def _folded_files(match: Match) -> set[str]:
    return set(map(folded_path, (match.path, *match.also)))

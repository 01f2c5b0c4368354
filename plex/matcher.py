"""Finds the Plex items that hold a scene's files."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from plex.items import LibraryPart, PlexItem, Section
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from validation.path_map import PathMap
from validation.paths import Folders, common_suffix, folded_path, spelled
from validation.scene_extractor import SceneFile

LARGEST_STRETCH = 1.05  # ratio of durations; with a larger ratio, two versions are different films
SURE_SUFFIX = 3  # parts of the path that must agree if a size is unknown: name and two folders


class MatchConfidence(Enum):
    """The confidence of a match: low if only name and size agree."""

    HIGH = "high"
    LOW = "low"


class Rule(Enum):
    """How a file was found, from the strongest rule to the weakest; users see the values."""

    FULL_PATH = "full path"
    SET_MAPPING = "full path with the path map"
    LEARNED_MAPPING = "full path with a learned path map"
    SPELLING = "full path in another spelling"
    NAME_AND_SIZE = "name and size"


class Sharing(Enum):
    """How files of several scenes share an item in Plex."""

    PARTS = "parts of one film"
    VERSIONS = "versions of one video"
    FILMS = "versions of one video, though their durations differ"


class Match(NamedTuple):
    """An item that holds a file of the scene."""

    rating_key: int
    path: str  # Plex's path of the file
    confidence: MatchConfidence = MatchConfidence.HIGH
    also: tuple[str, ...] = ()  # Plex's paths of the scene's other files in the item


class Matching(NamedTuple):
    """The result of matching a scene's files."""

    matches: tuple[Match, ...] = ()
    rule: Rule | None = None  # the weakest rule that found a file; None without matches
    candidates: tuple[LibraryPart, ...] = ()  # possible files, best first; empty with matches
    unmatched: tuple[SceneFile, ...] = ()  # files without a match


class _Hits(NamedTuple):
    """The result of a rule for a file."""

    parts: tuple[LibraryPart, ...] = ()  # Plex's file, which may be in several libraries
    candidates: tuple[LibraryPart, ...] = ()  # Plex's possible files if the match is ambiguous


class _Target(NamedTuple):
    """The expected path of a file in Plex; `settled` if it lies in one of Plex's folders."""

    path: str
    rule: Rule
    settled: bool


class PlexMatcher:
    """Finds items by full path, or by name and size if the path lies in none of Plex's folders.

    The full path is mapped by the setting, or else by a learned mapping. All items that contain one
    of the files match: a file may be in two libraries, and a scene may have several files.
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
        self._folders = Folders.of(())

    def to_plex(self, path: str) -> str:
        """Return the expected path in Plex of a file in Stash."""
        return self._target(path).path

    def is_outside(self, path: str) -> bool:
        """Return whether a file, mapped by the setting only, lies in none of Plex's folders."""
        return not self._is_settled(self._path_map.to_plex(path))

    def is_inside(self, path: str) -> bool:
        """Return whether a file, mapped by any mapping, lies in one of Plex's folders."""
        return self._target(path).settled

    def find_by_path(self, files: Sequence[SceneFile]) -> Matching:
        return self.find(files, None)

    def find(self, files: Sequence[SceneFile], scene_id: int | None) -> Matching:
        """Return the items of a scene's files by any rule, or the candidates."""
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
        mapped = self._path_map.find_plex(file.path)
        # A file that has the same path in Plex needs no mapping.
        same = self._index.find_exact(file.path) if mapped in (None, file.path) else []
        if same:
            return self._at(file.path, file.size, same, Rule.FULL_PATH)
        target = self._target(file.path)
        exact = self._index.find_exact(target.path)
        hits, rule = self._at(target.path, file.size, exact, target.rule)
        if target.rule is Rule.LEARNED_MAPPING:
            hits = self._as_learned(file, hits, scene_id or 0)
        # No search by name if Plex has a file of another size at this path.
        if exact or hits.parts or hits.candidates or target.settled or scene_id is None:
            return hits, rule
        return self._by_name(file, scene_id), Rule.NAME_AND_SIZE

    def _at(
        self, path: str, size: int, exact: Sequence[LibraryPart], rule: Rule
    ) -> tuple[_Hits, Rule]:
        """Return the files at a path, or else at other spellings of the path."""
        if not all(part.in_trash for part in exact):
            return _Hits(tuple(exact)), rule
        hits = _by_spelling(path, size, self._index.find_folded(path))
        if exact and all(part.in_trash for part in hits.parts):
            return _Hits(tuple(exact)), rule
        return hits, Rule.SPELLING

    def _as_learned(self, file: SceneFile, hits: _Hits, scene_id: int) -> _Hits:
        """Check a match by a learned mapping, because a few files may imply a wrong mapping.

        Another scene's file of the same name and size competes if Plex lacks its mapped path. The
        match is ambiguous if the other path is at least as similar to the found path.
        """
        fitting = tuple(part for part in hits.parts if _may_be_equal(part.size, file.size))
        competing = self._learning.competing_files(scene_id, file) if fitting else None
        for path in competing or ():
            nearness = common_suffix(path, fitting[0].path)
            if nearness >= common_suffix(file.path, fitting[0].path):
                place = self._target(path).path
                if not (self._index.find_exact(place) or self._index.find_folded(place)):
                    return _ambiguous(fitting)
        return _Hits(fitting, hits.candidates)

    def _by_name(self, file: SceneFile, scene_id: int) -> _Hits:
        competing = self._learning.competing_files(scene_id, file)
        if competing is None:
            return _Hits()
        expected = SceneFile(self._path_map.to_plex(file.path), file.size)
        others = [self._path_map.to_plex(path) for path in competing]
        return _by_name_and_size(expected, self._index.find_named(file.path, file.size), others)

    def _target(self, path: str) -> _Target:
        mapped = self._path_map.find_plex(path)
        if mapped is not None:
            rule = Rule.FULL_PATH if mapped == path else Rule.SET_MAPPING
            return _Target(mapped, rule, self._is_settled(mapped))
        if self._is_settled(path):
            return _Target(path, Rule.FULL_PATH, settled=True)
        mapped = self._learning.path_map().find_plex(path)
        if mapped is not None:
            return _Target(mapped, Rule.LEARNED_MAPPING, self._is_settled(mapped))
        return _Target(path, Rule.FULL_PATH, settled=False)

    def _is_settled(self, path: str) -> bool:
        """Return whether a path lies in one of Plex's folders; True while no folder is known."""
        locations = tuple(path for section in self._sections() for path in section.locations)
        if locations != self._locations:
            self._locations, self._folders = locations, Folders.of(locations)
        return not self._folders.roots or self._folders.hold(path)


def _ambiguous(candidates: Sequence[LibraryPart]) -> _Hits:
    # Plex's trash often contains the old path of a moved file.
    return _Hits(candidates=() if all(part.in_trash for part in candidates) else tuple(candidates))


def _by_spelling(path: str, size: int, parts: Sequence[LibraryPart]) -> _Hits:
    """Choose among Plex's files whose full path is another spelling of `path`.

    Some systems distinguish case, so a file that differs in case must not differ in size.
    """
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
    """Choose among Plex's files of the same name; paths of scenes are those expected in Plex.

    The sizes must be equal. If a size is unknown, the last two folders must be equal too, and there
    must be no other candidate. Of several candidates, the file with the longest common suffix
    matches, unless another scene's file (`competing`) has an equally long suffix.
    """
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
    return first == second or not first or not second  # 0 is an unknown size


def _joined(match: Match | None, part: LibraryPart, rule: Rule) -> Match:
    if match is None:
        low = rule is Rule.NAME_AND_SIZE
        confidence = MatchConfidence.LOW if low else MatchConfidence.HIGH
        return Match(part.rating_key, part.path, confidence)
    if part.path in (match.path, *match.also):
        return match
    return match._replace(also=(*match.also, part.path))


def still_holds(item: PlexItem, match: Match) -> bool:
    """Return whether an item that was just read contains the matched file."""
    return folded_path(match.path) in map(folded_path, item.files)


def has_first_file(item: PlexItem, match: Match) -> bool:
    """Return whether the first file of the item's first version is matched."""
    return bool(item.files) and folded_path(item.files[0]) in _folded_files(match)


def sharing_of(item: PlexItem, match: Match) -> Sharing:
    """Return how the matched files share an item with other files."""
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

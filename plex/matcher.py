"""Finds the Plex items that hold a scene's files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from plex.items import LibraryPart, PlexItem, Section
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from validation.path_map import PathMap
from validation.paths import Folders, common_suffix, folded_path, spelled
from validation.scene_extractor import SceneFile

LARGEST_STRETCH = 1.05  # versions with a larger ratio of durations are different films
SURE_SUFFIX = 3  # components: name and two folders must agree where no size is known


class MatchConfidence(Enum):
    """Certainty of a match: low where only name and size agree."""

    HIGH = "high"
    LOW = "low"


class Rule(Enum):
    """How a file was found, from the strongest rule to the weakest; the values are for people."""

    FULL_PATH = "full path"
    SET_MAPPING = "full path by the path map that is set"
    LEARNED_MAPPING = "full path by a learned path mapping"
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


@dataclass(frozen=True, slots=True)
class Hits:
    """The result of a rule for a file."""

    parts: tuple[LibraryPart, ...] = ()  # the matching file in Plex, maybe in several libraries
    # Possible files, best first; empty unless the match is ambiguous.
    candidates: tuple[LibraryPart, ...] = ()


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
        """Tell whether a path in Stash, mapped by the setting, lies in none of Plex's folders."""
        return not self._is_settled(self._path_map.to_plex(path))

    def is_inside(self, path: str) -> bool:
        """Tell whether a path, also by a learned mapping, lies in one of Plex's folders."""
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
        weakest = max(rules, key=list(Rule).index)
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
        if exact or hits.parts or hits.candidates or target.settled or scene_id is None:
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
        """Check a match by a learned mapping, because few files may imply a wrong one by chance.

        Then other files in Stash have no file at their mapped path. Such a file competes if its
        path is as similar to the found path.
        """
        fitting = tuple(part for part in hits.parts if _may_be_equal(part.size, file.size))
        competing = self._learning.competing_files(scene_id, file) if fitting else None
        for path in competing or ():
            nearness = common_suffix(path, fitting[0].path)
            if nearness >= common_suffix(file.path, fitting[0].path):
                place = self._target(path).path
                if not (self._index.find_exact(place) or self._index.find_folded(place)):
                    return ambiguous(fitting)
        return Hits(fitting, hits.candidates)

    def _by_name(self, file: SceneFile, scene_id: int) -> Hits:
        competing = self._learning.competing_files(scene_id, file)
        if competing is None:
            return Hits()
        expected = SceneFile(self._path_map.to_plex(file.path), file.size)
        others = [self._path_map.to_plex(path) for path in competing]
        return by_name_and_size(expected, self._index.find_named(file.path, file.size), others)

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
        """Tell whether a path lies in one of Plex's folders; True while no folder is known."""
        locations = tuple(path for section in self._sections() for path in section.locations)
        if locations != self._locations:
            self._locations, self._folders = locations, Folders.of(locations)
        return not self._folders.roots or self._folders.hold(path)


# -- rules that choose among several files in Plex -------------------------------------------------


def ambiguous(candidates: Sequence[LibraryPart]) -> Hits:
    """Return an ambiguous result; empty when all candidates lie in Plex's trash."""
    return Hits(candidates=() if all(part.in_trash for part in candidates) else tuple(candidates))


def by_spelling(path: str, size: int, parts: Sequence[LibraryPart]) -> Hits:
    """Choose among files whose full path is a spelling of this path.

    Some systems ignore case: a file that differs in case must not differ in size. Of several such
    files, the one of equal size matches.
    """
    same_case = tuple(part for part in parts if spelled(part.path) == spelled(path))
    if same_case:
        return Hits(same_case)
    fitting = [part for part in parts if _may_be_equal(part.size, size)]
    if len({spelled(part.path) for part in fitting}) > 1:
        fitting = [part for part in fitting if part.size == size != 0] or fitting
    if len({spelled(part.path) for part in fitting}) > 1:
        return ambiguous(sorted(fitting, key=lambda part: part.rating_key))
    return Hits(tuple(fitting))


def by_name_and_size(
    file: SceneFile, parts: Sequence[LibraryPart], competing: Sequence[str]
) -> Hits:
    """Choose among files of this name in any folder.

    The sizes must be equal. If a size is unknown, the last two folders must be equal too, and there
    must be no other candidate. Of several candidates, the one with the longest common suffix
    matches, unless another scene's file has an equally long suffix. The paths of `file` and
    `competing` are those expected in Plex.
    """
    groups: dict[str, list[LibraryPart]] = {}
    for part in parts:
        if _may_be(file, part):
            groups.setdefault(folded_path(part.path), []).append(part)
    if not groups:
        return Hits()
    ranked = sorted(groups.values(), key=lambda group: _rank(file.path, group))
    best = ranked[0]
    closeness = common_suffix(file.path, best[0].path)
    closest_competitor = max((common_suffix(path, best[0].path) for path in competing), default=0)
    if closest_competitor > closeness:
        return Hits()
    tied = len(ranked) > 1 and common_suffix(file.path, ranked[1][0].path) == closeness
    sizes_known = all(part.size and file.size for group in ranked for part in group)
    if tied or closest_competitor == closeness or (len(ranked) > 1 and not sizes_known):
        return ambiguous([part for group in ranked for part in group])
    return Hits(tuple(best))


def _may_be(file: SceneFile, part: LibraryPart) -> bool:
    if file.size and part.size:
        return file.size == part.size
    return common_suffix(file.path, part.path) >= SURE_SUFFIX


def _rank(path: str, group: list[LibraryPart]) -> tuple[int, int]:
    return -common_suffix(path, group[0].path), min(part.rating_key for part in group)


def _may_be_equal(first: int, second: int) -> bool:
    """Tell whether two sizes may be equal; 0 is unknown."""
    return first == second or not first or not second


def _joined(match: Match | None, part: LibraryPart, rule: Rule) -> Match:
    if match is None:
        low = rule is Rule.NAME_AND_SIZE
        confidence = MatchConfidence.LOW if low else MatchConfidence.HIGH
        return Match(part.rating_key, part.path, confidence)
    if part.path in (match.path, *match.also):
        return match
    return match._replace(also=(*match.also, part.path))


# -- an item that was just read --------------------------------------------------------------------


def still_holds(item: PlexItem, match: Match) -> bool:
    """Tell whether the item holds the matched file; a remembered key may mean another video."""
    return folded_path(match.path) in map(folded_path, item.files)


def has_first_file(item: PlexItem, match: Match) -> bool:
    """Tell whether the first file of the item's first version is matched."""
    return bool(item.files) and folded_path(item.files[0]) in _folded_files(match)


def sharing_of(item: PlexItem, match: Match) -> Sharing:
    """Tell how the matched files share an item with other files."""
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

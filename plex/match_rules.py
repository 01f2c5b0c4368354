"""Which of several files of Plex is the one that a scene means: rules without any state."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from plex.items import LibraryPart
from validation.paths import common_suffix, components, spelled
from validation.scene_extractor import SceneFile

SURE_SUFFIX = 3  # components: a name and two folders, where no size tells files apart


class Rule(Enum):
    """How a file was found; the values are for people."""

    FULL_PATH = "full path"
    SET_MAPPING = "full path by the path map that is set"
    LEARNED_MAPPING = "full path by a learned path mapping"
    SPELLING = "full path in another spelling"
    NAME_AND_SIZE = "name and size"


@dataclass(frozen=True, slots=True)
class Hits:
    """What a rule says of a file.

    Attributes:
        parts: Plex's files that are this one, each the same path, maybe in several libraries.
        candidates: Plex's files that may be this one, the best first; empty unless it is ambiguous.
    """

    parts: tuple[LibraryPart, ...] = ()
    candidates: tuple[LibraryPart, ...] = ()


def ambiguous(candidates: Sequence[LibraryPart]) -> Hits:
    """Return hits that may be meant; none when all of them lie in Plex's trash."""
    return Hits(candidates=() if all(one.in_trash for one in candidates) else tuple(candidates))


def same_size(one: int, other: int) -> bool:
    """Tell whether two sizes may be the same; 0 is unknown."""
    return one == other or not one or not other


def by_spelling(path: str, size: int, parts: Sequence[LibraryPart]) -> Hits:
    """Choose among files whose full path is this one but for its spelling.

    Composition, separators and long-path prefixes make no other file, and case does on some
    systems: a file that differs in case must not differ in size, and of several such files the one
    of equal size is meant.
    """
    same_case = tuple(part for part in parts if spelled(part.path) == spelled(path))
    if same_case:
        return Hits(same_case)
    fitting = [part for part in parts if same_size(part.size, size)]
    if len({spelled(part.path) for part in fitting}) > 1:
        fitting = [part for part in fitting if part.size == size != 0] or fitting
    if len({spelled(part.path) for part in fitting}) > 1:
        return ambiguous(sorted(fitting, key=lambda part: part.rating_key))
    return Hits(tuple(fitting))


def by_name_and_size(file: SceneFile, parts: Sequence[LibraryPart], rivals: Sequence[str]) -> Hits:
    """Choose among files of this name in whatever folder.

    Their size must be this one's; where one side does not know it, the two last folders must be
    the same as well, and there must be no other candidate. Of several candidates the one that
    shares more folders with the file than any other is meant, unless another scene's file is
    as close to it.

    Args:
        file: with the path that it should have in Plex.
        parts: Plex's files of that name.
        rivals: the paths of other scenes' files of the same name and perhaps the same size, as
            they should be in Plex.
    """
    groups: dict[tuple[str, ...], list[LibraryPart]] = {}
    for part in parts:
        if _may_be(file, part):
            groups.setdefault(components(part.path), []).append(part)
    if not groups:
        return Hits()
    ranked = sorted(groups.values(), key=lambda group: _rank(file.path, group))
    best = ranked[0]
    closeness = common_suffix(file.path, best[0].path)
    closest_rival = max((common_suffix(one, best[0].path) for one in rivals), default=0)
    if closest_rival > closeness:
        return Hits()
    tied = len(ranked) > 1 and common_suffix(file.path, ranked[1][0].path) == closeness
    sizes_known = all(part.size and file.size for group in ranked for part in group)
    unsure = tied or closest_rival == closeness or (len(ranked) > 1 and not sizes_known)
    if unsure:
        return ambiguous([part for group in ranked for part in group])
    return Hits(tuple(best))


def _may_be(file: SceneFile, part: LibraryPart) -> bool:
    if file.size and part.size:
        return file.size == part.size
    return common_suffix(file.path, part.path) >= SURE_SUFFIX


def _rank(path: str, group: list[LibraryPart]) -> tuple[int, int]:
    return -common_suffix(path, group[0].path), min(part.rating_key for part in group)

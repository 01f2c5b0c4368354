"""Rules that choose among several files in Plex the one of a scene. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from plex.items import LibraryPart
from validation.paths import common_suffix, components, spelled
from validation.scene_extractor import SceneFile

SURE_SUFFIX = 3  # components: name and two folders must agree where no size is known


class Rule(Enum):
    """How a file was found; the values are texts for people."""

    FULL_PATH = "full path"
    SET_MAPPING = "full path by the path map that is set"
    LEARNED_MAPPING = "full path by a learned path mapping"
    SPELLING = "full path in another spelling"
    NAME_AND_SIZE = "name and size"


@dataclass(frozen=True, slots=True)
class Hits:
    """The result of a rule for a file."""

    parts: tuple[LibraryPart, ...] = ()  # the matching file in Plex, maybe in several libraries
    # Possible files, best first; empty unless the match is ambiguous.
    candidates: tuple[LibraryPart, ...] = ()


def ambiguous(candidates: Sequence[LibraryPart]) -> Hits:
    """Return an ambiguous result; empty when all candidates lie in Plex's trash."""
    return Hits(candidates=() if all(part.in_trash for part in candidates) else tuple(candidates))


def same_size(first: int, second: int) -> bool:
    """Tell whether two sizes may be equal; 0 is unknown."""
    return first == second or not first or not second


def by_spelling(path: str, size: int, parts: Sequence[LibraryPart]) -> Hits:
    """Choose among files whose full path is a spelling of this path.

    Unicode composition, separators and long-path prefixes are ignored. Some systems ignore case: a
    file that differs in case must not differ in size. Of several such files, the one of equal size
    matches.
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


def by_name_and_size(
    file: SceneFile, parts: Sequence[LibraryPart], competing: Sequence[str]
) -> Hits:
    """Choose among files of this name in any folder.

    The sizes must be equal. If a size is unknown, the last two folders must be equal too, and there
    must be no other candidate. Of several candidates, the one with the longest common suffix
    matches, unless another scene's file has an equally long suffix. The paths of `file` and
    `competing` are those expected in Plex.
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
    closest_competitor = max((common_suffix(path, best[0].path) for path in competing), default=0)
    if closest_competitor > closeness:
        return Hits()
    tied = len(ranked) > 1 and common_suffix(file.path, ranked[1][0].path) == closeness
    sizes_known = all(part.size and file.size for group in ranked for part in group)
    unsure = tied or closest_competitor == closeness or (len(ranked) > 1 and not sizes_known)
    if unsure:
        return ambiguous([part for group in ranked for part in group])
    return Hits(tuple(best))


def _may_be(file: SceneFile, part: LibraryPart) -> bool:
    if file.size and part.size:
        return file.size == part.size
    return common_suffix(file.path, part.path) >= SURE_SUFFIX


def _rank(path: str, group: list[LibraryPart]) -> tuple[int, int]:
    return -common_suffix(path, group[0].path), min(part.rating_key for part in group)

"""From a scene's files to the Plex items that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from plex.items import LibraryPart, PlexItem
from plex.path_index import PathIndex, folded_path
from validation.path_map import PathMap
from validation.scene_extractor import SceneFile


class MatchConfidence(Enum):
    """How sure a match is: by the full path, or by a weaker rule."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Match:
    """An item that holds one of a scene's files.

    Attributes:
        path: the file's path as Plex's listing named it; the item is held to it before a write.
    """

    rating_key: int
    path: str
    confidence: MatchConfidence = MatchConfidence.HIGH


class PlexMatcher:
    """Finds items by full path: mapped exactly, then apart from case, composition and separators.

    Every item that holds one of the files matches: a file may be in two libraries, and a scene may
    have several versions.
    """

    def __init__(self, index: PathIndex, path_map: PathMap) -> None:
        self._index = index
        self._path_map = path_map

    def find(self, files: Sequence[SceneFile]) -> list[Match]:
        """Return the items of these files, each once; empty when the index knows none."""
        found: dict[int, Match] = {}
        for file in files:
            for part in self._parts(self._path_map.to_plex(file.path)):
                found.setdefault(part.rating_key, Match(part.rating_key, part.path))
        return list(found.values())

    def _parts(self, path: str) -> list[LibraryPart]:
        return self._index.find_exact(path) or self._index.find_folded(path)


def still_holds(item: PlexItem, match: Match) -> bool:
    """Tell whether the item, as just read, has the file for which it was matched.

    A remembered key may belong to another video by now: it is never written to unverified.
    """
    wanted = folded_path(match.path)
    return any(folded_path(path) == wanted for path in item.files)

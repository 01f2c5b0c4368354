"""A matcher over a library that stands in a real index, for tests of its rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plex.items import LibraryPart, Section
from plex.matcher import Matching, PlexMatcher
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from tests.reported import Reported
from validation.path_map import parse_path_map
from validation.scene_extractor import SceneFile, StashScene

SERVER = "server-a"
NOW = 1_750_000_000.0
PAGE = 100


@dataclass
class Libraries:
    """Both libraries and what is between them.

    Attributes:
        plex: the files of each library, by its key.
        locations: the folders of each library.
        stash: the files of each scene, by its id.
        told: what the user was told.
    """

    path: Path
    plex: Mapping[int, Sequence[LibraryPart]]
    locations: Mapping[int, Sequence[str]]
    stash: Mapping[int, Sequence[SceneFile]] = field(default_factory=dict)
    path_map: str = ""
    now: float = NOW
    walks: int = 0
    told: Reported = field(default_factory=Reported)

    def __post_init__(self) -> None:
        self.index = PathIndex(str(self.path / "library.db"))
        self.index.use_server(SERVER)
        self.list_plex()
        self.learning = PathLearning(
            self.index.database, lambda: SERVER, self.walk, lambda: self.now, self.told
        )
        paths = parse_path_map(self.path_map)
        self.matcher = PlexMatcher(self.index, paths, self.sections, self.learning)

    def list_plex(self) -> None:
        for section, parts in self.plex.items():
            self.index.replace_section(section, [list(parts)], "", self.now)

    def have(self, *parts: LibraryPart, **files: tuple[str, int]) -> None:
        """Add files to Plex's first library, and scenes with one file, each `_` and its id."""
        self.plex = {**self.plex, 1: [*self.plex[1], *parts]}
        scenes = {int(name[1:]): [SceneFile(*file)] for name, file in files.items()}
        self.stash = {**self.stash, **scenes}
        self.list_plex()

    def survey(self) -> None:
        self.learning.survey(self.matcher.is_outside)

    def sections(self) -> list[Section]:
        return [Section(key, f"Library {key}", tuple(p)) for key, p in self.locations.items()]

    def walk(self) -> Iterator[list[StashScene]]:
        self.walks += 1
        scenes = [StashScene(one, files=tuple(files)) for one, files in self.stash.items()]
        for start in range(0, len(scenes), PAGE):
            yield scenes[start : start + PAGE]

    def scenes(self) -> Iterator[StashScene]:
        return (scene for page in self.walk() for scene in page)

    def find(self, scene_id: int) -> Matching:
        files = self.stash[scene_id]
        matching = self.matcher.find(files)
        if matching.matches:
            return matching
        if any(self.matcher.is_outside(file.path) for file in files):
            scene = StashScene(scene_id, files=tuple(files))
            self.learning.consider([scene], self.matcher.is_outside)
        return self.matcher.find(files, scene_id)

    def keys(self, scene_id: int) -> list[int]:
        return sorted(match.rating_key for match in self.find(scene_id).matches)


def part(path: str, key: int, size: int = 0) -> LibraryPart:
    return LibraryPart(path, key, size)


def scenes_of(files: Iterable[tuple[str, int]]) -> dict[int, list[SceneFile]]:
    return {n: [SceneFile(path, size)] for n, (path, size) in enumerate(files, start=1)}

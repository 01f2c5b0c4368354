"""Two libraries of one collection of videos, made up from a seed, and the truth about them.

What no listing can tell apart is left out: a video that only Plex has shares name and size with
none that only Stash has, or whose folders Plex names differently; names of mount points are no
names of folders.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, SubElement

from plex.client import ItemsRead
from plex.items import PlexItem, Section
from validation.scene_extractor import SceneFile, StashScene

NAMES = ("scene.mp4", "Video.mp4", "clip 1.mkv", "é.mp4")
FOLDERS = ("2023", "2024", "Studio", "studio b", "summer", "Zoë")
SAME, SET, UNSET, LOOSE = "same", "set", "unset", "loose"
SIZES = (1_000, 2_000)


@dataclass(frozen=True)
class Mount:
    """A disk as both sides see it.

    Attributes:
        kind: both call it the same; the setting says how Plex calls it; nothing says it; and with
            `LOOSE` Plex has only the last folders of each path besides.
    """

    stash: str
    plex: str
    kind: str


@dataclass(frozen=True)
class Video:
    """A file, wherever it is seen.

    Attributes:
        path: below the mount, as Stash sees it.
        below: the same as Plex sees it.
    """

    number: int
    mount: Mount
    path: str
    below: str
    size: int
    in_stash: bool
    in_plex: bool

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass
class Collection:
    """All videos, and how each side groups them.

    Attributes:
        scenes: scene → its videos.
        items: item → its videos, the first version first.
        sections: item → its library.
    """

    videos: list[Video]
    mounts: list[Mount]
    scenes: dict[int, list[Video]] = field(default_factory=dict)
    items: dict[int, list[Video]] = field(default_factory=dict)
    sections: dict[int, int] = field(default_factory=dict)

    @property
    def path_map(self) -> str:
        return ";".join(f"{one.plex}=>{one.stash}" for one in self.mounts if one.kind == SET)

    def stash_scene(self, scene_id: int) -> StashScene:
        files = tuple(
            SceneFile(one.mount.stash + one.path, one.size) for one in self.scenes[scene_id]
        )
        return StashScene(scene_id, title=f"Scene {scene_id}", files=files)

    def right_items(self, scene_id: int) -> set[int]:
        mine = {one.number for one in self.scenes[scene_id]}
        return {key for key, held in self.items.items() if mine & {one.number for one in held}}

    def colliding(self) -> tuple[int, int]:
        shared = total = 0
        for side in (self.scenes, self.items):
            names = Counter(one.name.casefold() for group in side.values() for one in group)
            shared += sum(count for count in names.values() if count > 1)
            total += names.total()
        return shared, total


class Server:
    server_id = "generated"
    is_replaced = False

    def __init__(self, collection: Collection) -> None:
        self._all = collection

    def libraries(self) -> list[Section]:
        roots = tuple(mount.plex for mount in self._all.mounts)
        return [Section(1, "One", roots, "1"), Section(2, "Two", roots, "1")]

    def read(self, path: str, _doing: str, _headers: Mapping[str, str]) -> Element:
        section = int(path.split("/")[3])
        answer = Element("MediaContainer")
        for key in sorted(key for key, place in self._all.sections.items() if place == section):
            video = SubElement(answer, "Video", ratingKey=str(key))
            for one in self._all.items[key]:
                file = one.mount.plex + one.below
                SubElement(SubElement(video, "Media"), "Part", file=file, size=str(one.size))
        answer.set("totalSize", str(len(answer)))
        return answer

    def read_each(self, keys: Sequence[int], batch: int) -> ItemsRead:
        del batch
        found = {
            key: PlexItem(
                key,
                self._all.sections[key],
                files=tuple(one.mount.plex + one.below for one in self._all.items[key]),
            )
            for key in keys
        }
        return ItemsRead(found, {})


def collection(seed: int) -> Collection:
    rng = random.Random(seed)
    mounts = _mounts(rng)
    found = Collection([], mounts)
    alike = rng.choice((0.4, 0.6, 0.95))
    for number in range(rng.randint(20, 90)):
        mount = rng.choice(mounts)
        path = _path(rng, number, rng.random() < alike)
        sides = rng.choices(((True, True), (True, False), (False, True)), (7, 1.5, 1.5))[0]
        size = rng.choice(SIZES) if rng.random() < alike else 10_000 + number
        found.videos.append(Video(number, mount, path, _below(rng, mount, path), size, *sides))
    found.videos += _in_other_case(rng, found.videos) + _at_the_same_place(rng, found.videos)
    found.videos = _tellable(_in_their_own_places(found.videos))
    _group(rng, found)
    return found


def _mounts(rng: random.Random) -> list[Mount]:
    kinds = rng.choices((SAME, SET, UNSET, LOOSE), (2, 2, 3, 2), k=rng.randint(1, 3))
    return [
        Mount(
            f"/mnt{n}" if kind == SAME else f"/stash{n}/in",
            f"/mnt{n}" if kind == SAME else f"/plex{n}",
            kind,
        )
        for n, kind in enumerate(kinds)
    ]


def _path(rng: random.Random, number: int, alike: bool) -> str:
    folders = rng.sample(FOLDERS, rng.randint(0, 3))
    name = rng.choice(NAMES) if alike else f"unique {number}.mp4"
    return "/" + "/".join([*folders, name])


def _below(rng: random.Random, mount: Mount, path: str) -> str:
    parts = path[1:].split("/")
    kept = rng.randint(1, len(parts)) if mount.kind == LOOSE else len(parts)
    return "/" + "/".join(parts[-kept:])


def _in_other_case(rng: random.Random, videos: Sequence[Video]) -> list[Video]:
    return [
        replace(
            one,
            number=1_000 + one.number,
            path=one.path.swapcase(),
            below=one.below.swapcase(),
            size=50_000 + one.number,
            in_stash=rng.random() < 0.7,
            in_plex=rng.random() < 0.7,
        )
        for one in videos
        if rng.random() < 0.08
    ]


def _at_the_same_place(rng: random.Random, videos: Sequence[Video]) -> list[Video]:
    """Further files of Plex's that lie where one that only Stash has would lie, if it were there.

    (Below a map that is set, or none, a file at that place is that file: it was replaced.)
    """
    return [
        replace(
            one, number=2_000 + one.number, size=70_000 + one.number, in_stash=False, in_plex=True
        )
        for one in videos
        if not one.in_plex and one.mount.kind in (UNSET, LOOSE) and rng.random() < 0.3
    ]


def _in_their_own_places(videos: Sequence[Video]) -> list[Video]:
    taken: set[str] = set()
    kept = []
    for one in videos:
        same_place = one.mount.kind in (SAME, SET)
        places = set()
        if one.in_stash or same_place:
            places.add(f"stash:{one.mount.stash}{one.path}")
        if one.in_plex or same_place:
            places.add(f"plex:{one.mount.plex}{one.below}")
        if places and not places & taken:
            kept.append(one)
            taken |= places
    return kept


def _tellable(videos: Sequence[Video]) -> list[Video]:
    doubtful = {
        (one.name.casefold(), one.size)
        for one in videos
        if one.in_stash and (not one.in_plex or one.mount.kind == LOOSE)
    }
    return [
        one for one in videos if one.in_stash or (one.name.casefold(), one.size) not in doubtful
    ]


def _group(rng: random.Random, found: Collection) -> None:
    for side, groups in (("in_stash", found.scenes), ("in_plex", found.items)):
        videos = [one for one in found.videos if getattr(one, side)]
        rng.shuffle(videos)
        while videos:
            many = 2 if rng.random() < 0.1 else 1
            groups[len(groups) + 1] = videos[:many]
            videos = videos[many:]
    for key in list(found.items):
        found.sections[key] = rng.choice((1, 2))
        if rng.random() < 0.1:
            again = len(found.items) + 1
            found.items[again] = found.items[key]
            found.sections[again] = 3 - found.sections[key]

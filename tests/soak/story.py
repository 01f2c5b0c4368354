"""What people, agents and file systems do to two libraries: random steps of one seed.

A `Story` makes a small library of awkward shapes, lets things happen to it, remembers what of Plex
is nobody's business but the person's, and says at the end what is not as it should be.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from simulators.oracle import has_metadata, judge
from simulators.plex import FakePlex, Item, ItemFields, ItemState, Section
from simulators.stash import FakeStash
from simulators.stash.entities import Scene, VideoFile
from tests.soak.values import OWN_COLLECTIONS, OWN_LABELS, TAGS, TEXTS, Values

STASH_FOLDER = "/media/scenes"
NOTHING, ALL, FORCE = 0, 1, 2
"""What brings Plex in step after a story: the edits' own hooks, "Sync All", or all scenes anew."""


@dataclass
class Own:
    """What a person keeps at an item: no sync may touch it."""

    tagline: str = ""
    labels: set[str] = field(default_factory=set)
    collections: set[str] = field(default_factory=set)


@dataclass
class Gone:
    """An item that was removed from Plex, to be found again under another key."""

    scene_id: int
    section: Section
    file_ids: set[int]


class Story:
    """The steps of one seed.

    Args:
        rng: decides everything.
        stash: whoever runs its hooks sees the edits.
        plex: with no sections yet.
        folder: how Plex names Stash's folder.

    Attributes:
        steps: what happened, in words.
        needs: what brings Plex in step again.
        meanwhile: called between two edits in one second, for a worker to sync the first.
        most: what it may come to need; a third of the stories are of edits in Stash alone.
    """

    def __init__(self, rng: random.Random, stash: FakeStash, plex: FakePlex, folder: str) -> None:
        self.steps: list[str] = []
        self.needs = NOTHING
        self.meanwhile: Callable[[], object] = lambda: None
        self.most = rng.choice((NOTHING, ALL, FORCE))
        self.folder = folder
        self._rng = rng
        self._stash = stash
        self._plex = plex
        self._sections = [plex.add_section(name, [folder]) for name in ("Scenes", "Mirror")]
        self._values = Values(rng)
        self._own: dict[int, Own] = {}
        self._gone: list[Gone] = []
        self._moves: list[tuple[str, str]] = []
        self._files = 0
        self._names = 0
        self._strangers = self._add_strangers()
        for shape in range(rng.randint(6, 12)):
            self._add_scene(shape)

    # -- the library ----------------------------------------------------------------------------

    def _add_strangers(self) -> dict[str, ItemState]:
        for name in ("other/scene.mp4", "nobody.mp4"):
            for section in self._sections:
                path = f"{self.folder}/{name}"
                self._plex.add_item(section, path, size=77, title="Not yours", genres=["Mine"])
        return self._plex.snapshot()

    def _add_scene(self, shape: int) -> int:
        self._files += 1
        name = f"dir{self._files}/scene" if shape in (3, 4) else f"s{self._files:03}"
        first = VideoFile(f"{STASH_FOLDER}/{name}.mp4", size=1_000_000 + self._files)
        second = VideoFile(f"{STASH_FOLDER}/{name} - 4k.mkv", size=2_000_000 + self._files)
        files = [first, second] if shape in (1, 2) else [first]
        cover = self._values.cover() if self._rng.random() < 0.8 else None
        known = self._rng.random() < 0.8
        fields = self._values.scene_fields(4) if known else {}
        scene = self._stash.add_scene(files=files, cover=cover, **fields)
        everything = {file.id for file in scene.files}
        if shape == 2:
            for file_id in everything:
                self._add_item(scene.id, self._sections[0], {file_id})
        else:
            self._add_item(scene.id, self._sections[0], everything)
        if shape in (0, 4):
            self._add_item(scene.id, self._sections[1], everything)
        return scene.id

    def _add_item(self, scene_id: int, section: Section, file_ids: set[int]) -> None:
        files = [file for file in self._stash.scene(scene_id).files if file.id in file_ids]
        own = Own()
        if self._rng.random() < 0.3:
            own = Own("Mine", {"Mine"}, {self._rng.choice([*OWN_COLLECTIONS, "Northlight"])})
        item = self._plex.add_item(
            section,
            *(self._in_plex(file.path) for file in files),
            size=files[0].size,
            tagline=own.tagline,
            labels=sorted(own.labels),
            collections=sorted(own.collections),
        )
        if self._rng.random() < 0.3:
            self._plex.edit(item.rating_key, lock=False, summary="Old", genres=["Old", "Outdoor"])
        self._own[item.rating_key] = own

    def _in_plex(self, path: str) -> str:
        return self.folder + path.removeprefix(STASH_FOLDER)

    def _items_of(self, scene_id: int) -> list[Item]:
        paths = {self._in_plex(file.path) for file in self._stash.scene(scene_id).files}
        return [item for item in self._plex.items() if paths.intersection(item.files)]

    def _ids(self) -> list[int]:
        return [scene.id for scene in self._stash.scenes()]

    def _any_item(self) -> Item | None:
        items = self._items_of(self._rng.choice(self._ids()))
        return self._rng.choice(items) if items else None

    # -- what happens ---------------------------------------------------------------------------

    def happen(self) -> None:
        happenings: dict[Callable[[], str], tuple[int, int]] = {
            self._edit: (10, NOTHING),
            self._new_cover: (4, NOTHING),
            self._new_cover_in_the_same_second: (3, NOTHING),
            self._edit_many: (2, NOTHING),
            self._empty: (1, NOTHING),
            self._person_keeps_something: (2, NOTHING),
            self._agent_refreshes: (3, NOTHING),
            partial(self._move, several=False): (2, NOTHING),
            self._files_swap: (2, NOTHING),
            self._scene_goes: (1, NOTHING),
            partial(self._come, (1, 3, 5)): (1, NOTHING),
            self._rename: (2, NOTHING),
            self._name_goes: (1, NOTHING),
            self._tags_merge: (1, NOTHING),
            self._item_vanishes: (1, ALL),
            self._rescan: (2, ALL),
            self._scenes_merge: (1, ALL),
            # No hook tells of these, and no digest.
            self._person_edits: (2, FORCE),
            self._person_unlocks: (1, FORCE),
            self._copy_appears: (1, FORCE),
            partial(self._move, several=True): (1, FORCE),
            # A worker that dies between two libraries knows the one item only.
            partial(self._come, (0, 2, 4)): (1, FORCE),
        }
        allowed = {one: weight for one, (weight, need) in happenings.items() if need <= self.most}
        (happening,) = self._rng.choices(list(allowed), list(allowed.values()))
        self.needs = max(self.needs, happenings[happening][1])
        if self._ids():
            self.steps.append(happening())

    def edit(self) -> None:
        if self._ids():
            self.steps.append(self._edit())

    def _edit(self) -> str:
        scene_id = self._rng.choice(self._ids())
        fields = self._values.scene_fields(self._rng.randint(1, 3))
        self._stash.edit_scene(scene_id, **fields)
        return f"Stash: scene {scene_id}: {fields}"

    def _new_cover(self) -> str:
        scene_id = self._rng.choice(self._ids())
        cover = None if self._rng.random() < 0.1 else self._values.cover()
        self._stash.edit_scene(scene_id, cover=cover)
        what = f"cover {self._values.covers}" if cover else "no cover"
        return f"Stash: scene {scene_id}: {what}"

    def _new_cover_in_the_same_second(self) -> str:
        """Stash's time stamps have whole seconds: this one tells nothing of the second edit."""
        scene_id = self._rng.choice(self._ids())
        self._stash.edit_scene(scene_id, details=self._rng.choice(TEXTS), tags=["Archive"])
        self.meanwhile()
        self._stash.edit_scene(scene_id, cover=self._values.cover())
        if self._rng.random() < 0.5:
            self._stash.edit_scene(scene_id, tags=["Outdoor"])  # merged into the waiting job
        return f"Stash: scene {scene_id}: details, at once cover {self._values.covers}"

    def _edit_many(self) -> str:
        ids = self._rng.sample(self._ids(), min(4, len(self._ids())))
        tags = self._values.some(TAGS)
        self._stash.edit_scenes(ids, tags=tags)
        return f"Stash: scenes {ids}: tags {tags}"

    def _empty(self) -> str:
        scene_id = self._rng.choice(self._ids())
        self._stash.edit_scene(
            scene_id, title="", details="", date=None, studio=None, performers=[], tags=["Archive"]
        )
        return f"Stash: scene {scene_id}: all empty but one tag"

    def _some_name(self, *acts: Callable[..., object]) -> tuple[str, Callable[..., object], str]:
        library = self._stash.library
        shelves: tuple[Any, ...] = (library.tags, library.performers, library.studios)
        shelf, act = self._rng.choice(tuple(zip(shelves, acts, strict=True)))
        names = [one.name for one in shelf.by_id.values()]
        return shelf.kind, act, self._rng.choice(names) if names else ""

    def _rename(self) -> str:
        self._names += 1
        stash, new = self._stash, f"Renamed {self._names}"
        acts = (stash.update_tag, stash.update_performer, stash.update_studio)
        kind, update, old = self._some_name(*acts)
        if not old:
            return "nothing to rename"
        update(old, name=new)
        return f"Stash: {kind} {old!r} becomes {new!r}"

    def _name_goes(self) -> str:
        stash = self._stash
        acts = (stash.destroy_tags, stash.destroy_performer, stash.destroy_studio)
        kind, destroy, name = self._some_name(*acts)
        if not name:
            return "nobody goes"
        destroy(name)
        return f"Stash: {kind} {name!r} is destroyed"

    def _tags_merge(self) -> str:
        names = [one.name for one in self._stash.library.tags.by_id.values()]
        if len(names) < 3:
            return "no tags merge"
        into, *sources = self._rng.sample(names, 3)
        self._stash.merge_tags(sources, into=into)
        return f"Stash: tags {sources} are merged into {into!r}"

    def _scenes_merge(self) -> str:
        """No hook tells of it, but the time stamp of the one that is left."""
        ids = self._ids()
        if len(ids) < 4:
            return "no scenes merge"
        source, into = self._rng.sample(ids, 2)
        self._stash.merge_scenes([source], into=into)
        for one in self._gone:
            one.scene_id = into if one.scene_id == source else one.scene_id
        return f"Stash: scene {source} is merged into {into}"

    def _person_edits(self) -> str:
        item, fields = self._any_item(), self._values.plex_fields("By hand")
        if item is None or not fields:
            return "a person finds nothing to edit"
        self._plex.edit(item.rating_key, lock=self._rng.random() < 0.7, **fields)
        return f"Plex: a person edits item {item.rating_key}: {fields}"

    def _person_unlocks(self) -> str:
        item = self._any_item()
        if item is None:
            return "a person finds nothing to unlock"
        self._plex.set_locks(item.rating_key, ())
        return f"Plex: a person unlocks item {item.rating_key}"

    def _person_keeps_something(self) -> str:
        """What is not ours: no sync repairs it, none may touch it."""
        item = self._any_item()
        if item is None:
            return "a person finds nothing to keep"
        own = self._own[item.rating_key]
        own.tagline = self._rng.choice(("", "Taken", "Mine, all [mine]"))
        own.labels = set(self._values.some(OWN_LABELS))
        kept = [name for name in item.collections if name not in OWN_COLLECTIONS]
        mine = self._values.some(OWN_COLLECTIONS)
        own.collections = {name for name in own.collections if name in kept} | set(mine)
        self._plex.edit(
            item.rating_key,
            lock=self._rng.random() < 0.5,
            tagline=own.tagline,
            labels=sorted(own.labels),
            collections=[*kept, *mine],
        )
        return f"Plex: item {item.rating_key} is a person's own in {own}"

    def _agent_refreshes(self) -> str:
        item, fields = self._any_item(), self._values.plex_fields("By an agent")
        if item is None:
            return "an agent finds nothing"
        if self._rng.random() < 0.3:
            fields["poster"] = self._values.cover()
        self._plex.agent[item.rating_key] = fields
        self._plex.refresh_item(item.rating_key)
        return f"Plex: an agent refreshes item {item.rating_key}: {_shown(fields)}"

    def _item_vanishes(self) -> str:
        scene_id = self._rng.choice(self._ids())
        items = self._items_of(scene_id)
        if not items:
            return "nothing vanishes"
        return f"Plex: item {self._remove(scene_id, self._rng.choice(items))} vanishes"

    def _rescan(self) -> str:
        text = self._item_vanishes() if self._rng.random() < 0.7 else "nothing vanishes"
        self._find_again()
        return f"{text}; Plex: a scan finds what is missing"

    def _remove(self, scene_id: int, item: Item) -> int:
        files = self._stash.scene(scene_id).files
        file_ids = {file.id for file in files if self._in_plex(file.path) in item.files}
        self._gone.append(Gone(scene_id, item.section, file_ids))
        self._plex.remove_item(item.rating_key)
        del self._own[item.rating_key]
        return item.rating_key

    def _find_again(self) -> None:
        alive = set(self._ids())
        gone, self._gone = self._gone, []
        for one in gone:
            if one.scene_id in alive:
                self._add_item(one.scene_id, one.section, one.file_ids)

    def _move(self, *, several: bool) -> str:
        """Stash and Plex notice a renamed file, in either order, or Plex only later.

        While a scene of several items has one of them, others are not looked for.
        """
        scenes = self._places(several=several)
        if not scenes:
            return "no file moves"
        scene = self._rng.choice(scenes)
        old = scene.files[0].path
        self._files += 1
        new = f"{STASH_FOLDER}/moved{self._files}/{old.rsplit('/', 1)[-1]}"
        self._moves.append((self._in_plex(old), self._in_plex(new)))
        when = self._rng.choice(("first", "next", "later"))
        if when == "first":
            self._catch_up_with_moves()
        self._stash.scan_moved(scene.id, new)
        if when == "next":
            self._catch_up_with_moves()
        return f"{old} of scene {scene.id} moves to {new}, Plex notices {when}"

    def _files_swap(self) -> str:
        scenes = self._places(several=False)
        if len(scenes) < 2:
            return "no files swap"
        self._catch_up_with_moves()
        one, two = self._rng.sample(scenes, 2)
        first, second, aside = one.files[0].path, two.files[0].path, f"{STASH_FOLDER}/aside.mp4"
        self._moves += [
            (self._in_plex(old), self._in_plex(new))
            for old, new in ((first, aside), (second, first), (aside, second))
        ]
        self._catch_up_with_moves()
        self._stash.library.move_file(two.id, aside)
        self._stash.scan_moved(one.id, second)
        self._stash.scan_moved(two.id, first)
        return f"the files of scenes {one.id} and {two.id} swap their names"

    def _places(self, *, several: bool) -> list[Scene]:
        return [one for one in self._stash.scenes() if (self._shares(one) > 1) is several]

    def _shares(self, scene: Scene) -> int:
        gone = sum(one.scene_id == scene.id for one in self._gone)
        return max(len(scene.files), len(self._items_of(scene.id)) + gone)

    def _catch_up_with_moves(self) -> None:
        moves, self._moves = self._moves, []
        for old, new in moves:
            with suppress(KeyError):  # it vanished; a scan will find it at its new place
                self._plex.move_file(old, new)

    def _copy_appears(self) -> str:
        scene_id = self._rng.choice(self._ids())
        file_ids = {file.id for file in self._stash.scene(scene_id).files}
        section = self._rng.choice(self._sections)
        self._add_item(scene_id, section, file_ids)
        return f"Plex: scene {scene_id} has one more item, in {section.title}"

    def _scene_goes(self) -> str:
        ids = self._ids()
        if len(ids) < 4:
            return "no scene goes"
        scene_id = self._rng.choice(ids)
        items = self._items_of(scene_id)
        self._stash.destroy_scene(scene_id)
        for item in items:
            del self._own[item.rating_key]  # a sync may have been under way: nobody's any more
        return f"Stash: scene {scene_id} is destroyed"

    def _come(self, shapes: Sequence[int]) -> str:
        scene_id = self._add_scene(self._rng.choice(shapes))
        self._stash.edit_scene(scene_id, tags=["Archive"], studio="Northlight")
        return f"Stash: scene {scene_id} is new"

    # -- the end --------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        self._catch_up_with_moves()
        self._find_again()

    def differences(self) -> list[str]:
        verdict = judge(self._stash, self._plex, paths={STASH_FOLDER: self.folder})
        found = list(verdict.differences)
        snapshot = self._plex.snapshot()
        for key, before in self._strangers.items():
            if snapshot[key] != before:
                found.append(f"item {key} belongs to no scene and was written to")
        for scene_id, scene in self._stash.snapshot().items():
            if has_metadata(scene):
                for item in self._items_of(scene_id):
                    found += self._lost(item, {scene["studio"]} - {None})
        return found

    def alive(self) -> list[int]:
        return self._ids()

    def of_several_items(self) -> set[int]:
        return {one.id for one in self._places(several=True)}

    def unidentified(self) -> int:
        return sum(not has_metadata(scene) for scene in self._stash.snapshot().values())

    def _lost(self, item: Item, studio: set[str]) -> list[str]:
        own = self._own[item.rating_key]
        pairs: tuple[tuple[str, object, object], ...] = (
            ("tagline", item.tagline, own.tagline),
            ("labels", set(item.labels), own.labels),
            ("collections", set(item.collections), own.collections | studio),
        )
        return [
            f"item {item.rating_key}: {name} {has!r}, {expected!r} was expected"
            for name, has, expected in pairs
            if has != expected
        ]


def _shown(fields: ItemFields) -> dict[str, object]:
    return {name: "a picture" if name == "poster" else value for name, value in fields.items()}

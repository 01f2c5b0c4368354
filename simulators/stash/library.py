import dataclasses
import hashlib
import threading
from collections.abc import Iterable
from typing import Any, TypedDict, Unpack

from .clock import StashClock
from .entities import Group, Performer, Scene, StashError, Studio, Tag, VideoFile
from .shelf import NamedT, Ref, Shelf

_OF_FILE = [field.name for field in dataclasses.fields(VideoFile)]
_REFERENCES = ("studio_id", "performer_ids", "tag_ids", "group_ids")
_PLAIN = [one.name for one in dataclasses.fields(Scene) if one.name not in _REFERENCES]


class SceneFields(TypedDict, total=False):
    """The fields of a scene that a test can set.

    Studios, performers, tags and groups are names or ids. A new name adds a record to the library.
    """

    title: str
    code: str
    details: str
    director: str
    urls: Iterable[str]
    date: str | None
    rating100: int | None
    organized: bool
    play_duration: float
    files: Iterable[VideoFile | str]
    studio: Ref | None
    performers: Iterable[Ref]
    tags: Iterable[Ref]
    groups: Iterable[Ref]
    cover: bytes | None
    created_at: str
    updated_at: str


class Library:
    def __init__(self, clock: StashClock) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.scenes: dict[int, Scene] = {}
        self.performers: Shelf[Performer] = Shelf("performer", Performer, clock)
        self.studios: Shelf[Studio] = Shelf("studio", Studio, clock)
        self.tags: Shelf[Tag] = Shelf("tag", Tag, clock)
        self.groups: Shelf[Group] = Shelf("group", Group, clock)
        self._last_scene_id = 0
        self._last_file_id = 0

    def scene(self, scene_id: int) -> Scene:
        found = self.scenes.get(scene_id)
        if found is None:
            msg = f"scene with id {scene_id} not found"
            raise StashError(msg)
        return found

    def add_scene(self, **fields: Unpack[SceneFields]) -> Scene:
        with self.lock:
            self._last_scene_id += 1
            stamp = self.clock.stamp()
            given = {"created_at": stamp, "updated_at": stamp, **self._columns(fields, ())}
            scene = Scene(id=self._last_scene_id, **given)
            self.scenes[scene.id] = scene
            return scene

    def update_scene(
        self, scene_id: int, *, touch: bool = True, **changes: Unpack[SceneFields]
    ) -> Scene:
        with self.lock:
            scene = self.scene(scene_id)
            columns = self._columns(changes, scene.files)
            if touch:
                columns.setdefault("updated_at", self.clock.stamp())
            changed = dataclasses.replace(scene, **columns)
            self.scenes[scene_id] = changed
            return changed

    def move_file(self, scene_id: int, new_path: str) -> Scene:
        with self.lock:
            first, *others = self.scene(scene_id).files
            moved = dataclasses.replace(first, path=new_path)
            return self.update_scene(scene_id, touch=False, files=[moved, *others])

    def remove_scene(self, scene_id: int) -> Scene:
        with self.lock:
            scene = self.scene(scene_id)
            del self.scenes[scene_id]
            return scene

    def remove_performer(self, ref: Ref) -> Performer:
        return self._remove(self.performers, ref, "performer")

    def remove_studio(self, ref: Ref) -> Studio:
        with self.lock:
            gone = self.studios.remove(ref)
            for scene in [one for one in self.scenes.values() if one.studio_id == gone.id]:
                self.update_scene(scene.id, touch=False, studio=None)
            return gone

    def remove_group(self, ref: Ref) -> Group:
        return self._remove(self.groups, ref, "group")

    def remove_tag(self, ref: Ref, *successors: int) -> Tag:
        return self._remove(self.tags, ref, "tag", successors)

    def _remove(
        self, shelf: Shelf[NamedT], ref: Ref, kind: str, successors: tuple[int, ...] = ()
    ) -> NamedT:
        with self.lock:
            gone = shelf.remove(ref)
            for scene in list(self.scenes.values()):
                ids: tuple[int, ...] = getattr(scene, f"{kind}_ids")
                if gone.id in ids:
                    left: Any = {f"{kind}s": [*(id_ for id_ in ids if id_ != gone.id), *successors]}
                    self.update_scene(scene.id, touch=False, **left)
            return gone

    def merge_tags(self, sources: Iterable[int], destination: int) -> Tag:
        with self.lock:
            tag = self.tags.get(destination)
            gone = [self.tags.get(source) for source in dict.fromkeys(sources)]
            if tag in gone:
                msg = "cannot merge where source == destination"
                raise StashError(msg)
            for one in gone:
                self.remove_tag(one.id, tag.id)
            aliases = [name for one in gone for name in (one.name, *one.aliases)]
            return self.tags.update(tag.id, aliases=(*tag.aliases, *aliases))

    def merge_scenes(self, sources: Iterable[int], destination: int) -> Scene:
        with self.lock:
            scene = self.scene(destination)
            gone = [self.scene(source) for source in dict.fromkeys(sources)]
            if scene in gone:
                msg = "destination scene cannot be in source list"
                raise StashError(msg)
            for one in gone:
                self.remove_scene(one.id)
            files = [*scene.files, *(file for one in gone for file in one.files)]
            return self.update_scene(scene.id, files=files)

    def with_descendants(self, tag_ids: set[int]) -> set[int]:
        tags = self.tags.by_id.values()
        more = {tag.id for tag in tags if not tag_ids.isdisjoint(tag.parent_ids)} | tag_ids
        return tag_ids if more == tag_ids else self.with_descendants(more)

    def snapshot(self) -> dict[int, dict[str, Any]]:
        with self.lock:
            return {scene_id: self._plain(scene) for scene_id, scene in self.scenes.items()}

    def _plain(self, scene: Scene) -> dict[str, Any]:
        plain: dict[str, Any] = {name: getattr(scene, name) for name in _PLAIN}
        plain["files"] = [{name: getattr(file, name) for name in _OF_FILE} for file in scene.files]
        studio = self.studios.find(scene.studio_id or 0)
        plain["studio"] = studio.name if studio else None
        parent = self.studios.find((studio.parent_id if studio else None) or 0)
        plain["parent_studio"] = parent.name if parent else None
        plain["groups"] = [group.name for group in self.groups.sorted_by_name(scene.group_ids)]
        people = self.performers.sorted_by_name(scene.performer_ids)
        plain["performers"] = [performer.name for performer in people]
        plain["disambiguations"] = [performer.disambiguation for performer in people]
        plain["tags"] = [tag.name for tag in self.tags.sorted_by_name(scene.tag_ids)]
        plain["cover"] = hashlib.sha256(scene.cover).hexdigest() if scene.cover else None
        return plain

    def _columns(self, fields: SceneFields, old_files: tuple[VideoFile, ...]) -> dict[str, Any]:
        columns: dict[str, Any] = dict(fields)
        if "files" in columns:
            columns["files"] = tuple(self._file(file, old_files) for file in columns["files"])
        if "studio" in columns:
            studio = columns.pop("studio")
            columns["studio_id"] = None if studio is None else self.studios.ensure(studio)
        if "performers" in columns:
            columns["performer_ids"] = _ids(self.performers, columns.pop("performers"))
        if "tags" in columns:
            columns["tag_ids"] = _ids(self.tags, columns.pop("tags"))
        if "groups" in columns:
            columns["group_ids"] = _ids(self.groups, columns.pop("groups"))
        if "urls" in columns:
            columns["urls"] = tuple(columns["urls"])
        return columns

    def _file(self, file: VideoFile | str, old_files: tuple[VideoFile, ...]) -> VideoFile:
        if isinstance(file, str):
            known = next((old for old in old_files if old.path == file), None)
            file = known or VideoFile(file)
        if file.id:
            return file
        self._last_file_id += 1
        return dataclasses.replace(file, id=self._last_file_id)


def _ids(shelf: Shelf[Any], refs: Iterable[Ref]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(shelf.ensure(ref) for ref in refs))

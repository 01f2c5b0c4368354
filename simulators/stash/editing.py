import base64
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Unpack

from graphql import GraphQLInputObjectType

from .calls import Call
from .engine import small_schema
from .entities import Named
from .library import Library, SceneFields
from .plugin_host import PluginHost, PluginRun
from .shelf import Ref, Shelf

_LISTED = {"urls": "values", "performer_ids": "ids", "tag_ids": "ids"}


class Edited(NamedTuple):
    ids: tuple[int, ...]
    runs: list[PluginRun]


class Edits:
    library: Library
    host: PluginHost
    page: Call

    def edit_scene(self, scene_id: int, **changes: Unpack[SceneFields]) -> list[PluginRun]:
        input_ = {"id": str(scene_id), **self._input(changes)}
        self.library.update_scene(scene_id, **changes)
        return self._hooks("Scene.Update", scene_id, _struct("SceneUpdateInput", input_), input_)

    def edit_scenes(
        self, scene_ids: Iterable[int], **changes: Unpack[SceneFields]
    ) -> list[PluginRun]:
        ids = list(scene_ids)
        input_: dict[str, Any] = {"ids": [str(scene_id) for scene_id in ids]}
        for name, value in self._input(changes).items():
            listed = _LISTED.get(name)
            input_[name] = {listed: value, "mode": "SET"} if listed else value
        for scene_id in ids:
            self.library.update_scene(scene_id, **changes)
        return [run for id_ in ids for run in self._hooks("Scene.Update", id_, input_, input_)]

    def destroy_scene(self, scene_id: int) -> list[PluginRun]:
        scene = self.library.remove_scene(scene_id)
        input_ = {"id": str(scene_id), "delete_file": None, "delete_generated": None}
        told = {**input_, "checksum": "", "oshash": f"{scene_id:016x}", "path": scene.path or ""}
        return self._hooks("Scene.Destroy", scene_id, told)

    def merge_scenes(self, sources: Iterable[int], into: int) -> None:
        self.library.merge_scenes(sources, into)

    def scan_new(self, **fields: Unpack[SceneFields]) -> Edited:
        scene = self.library.add_scene(**fields)
        return Edited((scene.id,), self._hooks("Scene.Create", scene.id, None))

    def scan_moved(self, scene_id: int, new_path: str) -> list[PluginRun]:
        self.library.move_file(scene_id, new_path)
        return self._hooks("Scene.Update", scene_id, None)

    def update_performer(self, performer: Ref, **changes: Any) -> list[PluginRun]:
        return self._update("Performer", self.library.performers, performer, **changes)

    def update_studio(self, studio: Ref, **changes: Any) -> list[PluginRun]:
        return self._update("Studio", self.library.studios, studio, **changes)

    def update_group(self, group: Ref, **changes: Any) -> list[PluginRun]:
        return self._update("Group", self.library.groups, group, **changes)

    def update_tag(self, tag: Ref, **changes: Any) -> list[PluginRun]:
        return self._update("Tag", self.library.tags, tag, **changes)

    def set_children(self, parent: Ref, *children: Ref) -> list[PluginRun]:
        """Set the children of a tag. As in Stash, only the parent's hook runs."""
        tags = self.library.tags
        id_, ids = tags.get(parent).id, {tags.ensure(child) for child in children}
        for tag in list(tags.by_id.values()):
            parents = {*tag.parent_ids} - {id_} | ({id_} if tag.id in ids else set())
            tags.update(tag.id, parent_ids=tuple(parents))
        input_ = {"id": str(id_), "child_ids": [str(child) for child in ids]}
        return self._hooks("Tag.Update", id_, _struct("TagUpdateInput", input_), input_)

    def destroy_performer(self, performer: Ref) -> list[PluginRun]:
        return self._destroy("Performer", self.library.remove_performer(performer))

    def destroy_studio(self, studio: Ref) -> list[PluginRun]:
        return self._destroy("Studio", self.library.remove_studio(studio))

    def destroy_group(self, group: Ref) -> list[PluginRun]:
        return self._destroy("Group", self.library.remove_group(group))

    def destroy_tags(self, *tags: Ref) -> list[PluginRun]:
        gone = [self.library.remove_tag(tag).id for tag in tags]
        told = {"id": str(gone[0])} if len(gone) == 1 else [str(id_) for id_ in gone]
        return [run for id_ in gone for run in self._hooks("Tag.Destroy", id_, told)]

    def merge_tags(self, sources: Iterable[Ref], into: Ref) -> list[PluginRun]:
        tags = self.library.tags
        gone = [tags.get(source).id for source in sources]
        left = self.library.merge_tags(gone, tags.get(into).id).id
        input_ = {"source": [str(id_) for id_ in gone], "destination": str(left)}
        return self._hooks("Tag.Merge", left, _struct("TagsMergeInput", input_))

    def _update(self, kind: str, shelf: Shelf[Any], ref: Ref, **changes: Any) -> list[PluginRun]:
        with self.library.lock:
            id_ = shelf.update(ref, **changes).id
        input_ = {"id": str(id_), **changes}
        return self._hooks(f"{kind}.Update", id_, _struct(f"{kind}UpdateInput", input_), input_)

    def _destroy(self, kind: str, gone: Named) -> list[PluginRun]:
        return self._hooks(f"{kind}.Destroy", gone.id, {"id": str(gone.id)})

    def _hooks(
        self, event: str, id_: int, input_: Any, fields: Iterable[str] = ()
    ) -> list[PluginRun]:
        return self.host.hooks(f"{event}.Post", id_, input_, fields, self.page)

    def _input(self, changes: SceneFields) -> dict[str, Any]:
        with self.library.lock:
            pairs = (self._field(name, value) for name, value in changes.items())
            return dict(pairs)

    def _field(self, name: str, value: Any) -> tuple[str, Any]:
        library = self.library
        if name == "groups":
            return name, [{"group_id": str(library.groups.ensure(each))} for each in value]
        if name in _input_fields("SceneUpdateInput"):
            return name, value
        if name == "studio":
            return "studio_id", None if value is None else str(library.studios.ensure(value))
        if name == "performers":
            return "performer_ids", [str(library.performers.ensure(each)) for each in value]
        if name == "tags":
            return "tag_ids", [str(library.tags.ensure(each)) for each in value]
        if name == "cover":
            data = base64.b64encode(value or b"").decode()
            return "cover_image", f"data:image/jpeg;base64,{data}"
        msg = f"the page has no field for {name}; use update_scene"
        raise TypeError(msg)


def _struct(type_name: str, input_: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a mutation as Stash passes it to hooks, with null for missing fields."""
    return {name: input_.get(name) for name in _input_fields(type_name)}


def _input_fields(type_name: str) -> Iterable[str]:
    type_ = small_schema().type_map[type_name]
    assert isinstance(type_, GraphQLInputObjectType)
    return list(type_.fields)

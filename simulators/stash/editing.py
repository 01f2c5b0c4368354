"""Edits of the library, each followed by the hooks that Stash runs for it before it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from graphql import GraphQLInputObjectType

from .calls import Call
from .engine import small_schema
from .entities import Named, Scene
from .errors import StashError
from .library import Library, SceneFields
from .plugin_host import PluginHost, PluginRun
from .scene_input import Input, as_struct, bulk_changes, scene_changes
from .scene_query import parse_id
from .shelf import Shelf


@dataclass(frozen=True, slots=True)
class Edited:
    """Ids of what was edited, and the hooks that ran."""

    ids: tuple[int, ...]
    runs: list[PluginRun] = field(default_factory=list)


class Editor:
    """Changes the library, then tells the plugins; never with the library's lock held.

    Args:
        library: what is edited.
        host: runs the hooks.
    """

    def __init__(self, library: Library, host: PluginHost) -> None:
        self._library = library
        self._host = host

    # ---- scenes ----

    def scene_update(self, input_: Input, call: Call) -> Edited:
        """`sceneUpdate`: the hook gets the whole input, unset fields as null."""
        scene_id = self._apply(input_)
        struct = self._struct("SceneUpdateInput", input_)
        return Edited((scene_id,), self._scene_hooks(scene_id, "Update", struct, input_, call))

    def bulk_scene_update(self, input_: Input, call: Call) -> Edited:
        """`bulkSceneUpdate`: one hook for each scene, one after the other."""
        ids = tuple(parse_id(id_) for id_ in input_.get("ids") or ())
        library = self._library
        with library.lock:
            for scene in [library.scene(scene_id) for scene_id in ids]:
                library.update_scene(scene.id, **bulk_changes(input_, _lists(scene)))
        runs: list[PluginRun] = []
        for scene_id in ids:
            runs += self._scene_hooks(scene_id, "Update", dict(input_), input_, call)
        return Edited(ids, runs)

    def scenes_destroy(self, ids: Iterable[str], input_: Input, call: Call) -> Edited:
        """`sceneDestroy` and `scenesDestroy`: the hook is told hashes and path."""
        library = self._library
        with library.lock:
            scenes = [library.scene(parse_id(id_)) for id_ in ids]
            for scene in scenes:
                library.remove_scene(scene.id)
        type_ = "SceneDestroyInput" if "id" in input_ else "ScenesDestroyInput"
        struct = self._struct(type_, input_)
        runs: list[PluginRun] = []
        for scene in scenes:
            told = {**struct, **_hashes(scene)}
            runs += self._host.hooks("Scene.Destroy.Post", scene.id, told, (), call)
        return Edited(tuple(scene.id for scene in scenes), runs)

    def scene_merge(self, input_: Input, call: Call) -> Edited:
        """`sceneMerge`: no hook runs, neither for what is gone nor for what has changed."""
        del call
        library, destination = self._library, parse_id(input_["destination"])
        with library.lock:
            library.merge_scenes([parse_id(id_) for id_ in input_["source"]], destination)
            library.update_scene(destination, **scene_changes(input_.get("values") or {}))
        return Edited((destination,))

    # ---- what a scan does ----

    def scan_new(self, call: Call, **fields: Unpack[SceneFields]) -> Edited:
        """A scan finds a new file."""
        scene = self._library.add_scene(**fields)
        return Edited((scene.id,), self._scene_hooks(scene.id, "Create", None, (), call))

    def scan_moved(self, scene_id: int, new_path: str, call: Call) -> Edited:
        """A scan finds a renamed file: a hook without input, and `updated_at` stays."""
        self._library.move_file(scene_id, new_path)
        return Edited((scene_id,), self._scene_hooks(scene_id, "Update", None, (), call))

    # ---- performers, studios, tags ----

    def performer_update(self, input_: Input, call: Call) -> Edited:
        """`performerUpdate`: no scene hook runs."""
        return self._named_update(self._library.performers, "Performer", input_, call)

    def studio_update(self, input_: Input, call: Call) -> Edited:
        """`studioUpdate`: no scene hook runs."""
        return self._named_update(self._library.studios, "Studio", input_, call)

    def tag_update(self, input_: Input, call: Call) -> Edited:
        """`tagUpdate`: no scene hook runs."""
        return self._named_update(self._library.tags, "Tag", input_, call)

    def performers_destroy(self, ids: Sequence[str], input_: Any, call: Call) -> Edited:
        """`performerDestroy` and `performersDestroy`: no scene hook runs."""
        library = self._library
        return self._destroy(library.performers, library.remove_performer, ids, input_, call)

    def studios_destroy(self, ids: Sequence[str], input_: Any, call: Call) -> Edited:
        """`studioDestroy` and `studiosDestroy`: no scene hook runs."""
        library = self._library
        return self._destroy(library.studios, library.remove_studio, ids, input_, call)

    def tags_destroy(self, ids: Sequence[str], input_: Any, call: Call) -> Edited:
        """`tagDestroy` and `tagsDestroy`: no scene hook runs."""
        library = self._library
        return self._destroy(library.tags, library.remove_tag, ids, input_, call)

    def tags_merge(self, input_: Input, call: Call) -> Edited:
        """`tagsMerge`: the hook of the destination runs, and no other."""
        sources = [parse_id(id_) for id_ in input_["source"]]
        tag = self._library.merge_tags(sources, parse_id(input_["destination"]))
        struct = self._struct("TagsMergeInput", input_)
        return Edited((tag.id,), self._host.hooks("Tag.Merge.Post", tag.id, struct, (), call))

    def _destroy(
        self,
        shelf: Shelf[Any],
        remove: Callable[[int], Named],
        ids: Sequence[str],
        input_: Any,
        call: Call,
    ) -> Edited:
        """All or none; the hook gets the input of a single removal, or the bare ids of several."""
        with self._library.lock:
            gone = [shelf.get(parse_id(id_)) for id_ in ids]
            for one in gone:
                remove(one.id)
        runs: list[PluginRun] = []
        for one in gone:
            runs += self._host.hooks(
                f"{shelf.kind.capitalize()}.Destroy.Post", one.id, input_, (), call
            )
        return Edited(tuple(one.id for one in gone), runs)

    def _named_update(self, shelf: Shelf[Any], type_name: str, input_: Input, call: Call) -> Edited:
        with self._library.lock:
            record: Named = shelf.update(parse_id(input_["id"]), **_named_changes(input_))
        struct = self._struct(f"{type_name}UpdateInput", input_)
        runs = self._host.hooks(f"{type_name}.Update.Post", record.id, struct, input_, call)
        return Edited((record.id,), runs)

    # ---- parts ----

    def _apply(self, input_: Input) -> int:
        library = self._library
        with library.lock:
            scene = library.scene(parse_id(input_["id"]))
            changes = scene_changes(input_)
            if changes.get("title") == "" and not scene.files:
                msg = "title must be set if scene has no files"
                raise StashError(msg)
            first = input_.get("primary_file_id")
            if first is not None:
                first_files = [file for file in scene.files if file.id == int(first)]
                others = [file for file in scene.files if file.id != int(first)]
                changes["files"] = [*first_files, *others]
            library.update_scene(scene.id, **changes)
            return scene.id

    def _scene_hooks(
        self, scene_id: int, event: str, input_: Any, fields: Iterable[str], call: Call
    ) -> list[PluginRun]:
        return self._host.hooks(f"Scene.{event}.Post", scene_id, input_, fields, call)

    def _struct(self, type_name: str, input_: Input) -> dict[str, Any]:
        type_ = small_schema().type_map[type_name]
        assert isinstance(type_, GraphQLInputObjectType)
        return as_struct(type_, input_)


def _lists(scene: Scene) -> dict[str, tuple[Any, ...]]:
    return {
        "urls": scene.urls,
        "performer_ids": scene.performer_ids,
        "tag_ids": scene.tag_ids,
        "group_ids": tuple(group.group_id for group in scene.groups),
    }


def _hashes(scene: Scene) -> dict[str, str]:
    file = scene.files[0] if scene.files else None
    return {
        "checksum": (file and file.fingerprint("md5")) or "",
        "oshash": (file and file.fingerprint("oshash")) or "",
        "path": scene.path or "",
    }


def _named_changes(input_: Input) -> Mapping[str, Any]:
    changes: dict[str, Any] = {}
    for name, value in input_.items():
        if name == "parent_id":
            changes[name] = None if value is None else int(value)
        elif name in ("urls", "aliases", "alias_list"):
            changes[name] = tuple(value or ())
        elif name != "id":
            changes[name] = value
    return changes

"""How the fields of scenes and their relations are read, where they are no plain attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .calls import Call
from .clock import unix_time
from .entities import Group, Performer, Scene, SceneGroup, Studio, Tag, VideoFile
from .library import Library
from .projection import FieldReaders

Arguments = Mapping[str, Any]


def library_readers(library: Library) -> FieldReaders:
    """Readers of everything that `library` holds."""
    return {**_SIMPLE, **_relations(library)}


def _first_url(record: Any, _call: Call, _arguments: Arguments) -> str | None:
    return record.urls[0] if record.urls else None


def _scene_paths(scene: Scene, call: Call, _arguments: Arguments) -> _ScenePaths:
    return _ScenePaths(scene, f"{call.base_url}/scene/{scene.id}")


class _ScenePaths:
    """The `paths` of a scene, under the address that the client used."""

    def __init__(self, scene: Scene, base: str) -> None:
        self.screenshot = f"{base}/screenshot?t={unix_time(scene.updated_at)}"
        self.preview = f"{base}/preview"
        self.stream = f"{base}/stream"
        self.webp = f"{base}/webp"
        self.vtt = f"{base}_thumbs.vtt"
        self.sprite = f"{base}_sprite.jpg"


def _fingerprint(file: VideoFile, _call: Call, arguments: Arguments) -> str | None:
    return file.fingerprint(arguments["type"])


_SIMPLE: FieldReaders = {
    ("Scene", "url"): _first_url,
    # An empty stamp stands for Go's zero time, which Stash cannot put into an answer.
    ("Scene", "created_at"): lambda scene, _context, _arguments: scene.created_at or None,
    ("Scene", "updated_at"): lambda scene, _context, _arguments: scene.updated_at or None,
    ("Scene", "paths"): _scene_paths,
    ("Performer", "url"): _first_url,
    ("Studio", "url"): _first_url,
    ("VideoFile", "fingerprint"): _fingerprint,
}


def _relations(library: Library) -> FieldReaders:
    def scene_studio(scene: Scene, _call: Call, _arguments: Arguments) -> Studio | None:
        return library.studios.find(scene.studio_id or 0)

    def performers(scene: Scene, _call: Call, _arguments: Arguments) -> list[Performer]:
        by_id = library.performers.by_id
        return [by_id[id_] for id_ in scene.performer_ids]

    def tags(scene: Scene, _call: Call, _arguments: Arguments) -> list[Tag]:
        return library.tags.sorted_by_name(scene.tag_ids)

    def group(place: SceneGroup, _call: Call, _arguments: Arguments) -> Group:
        return library.groups.get(place.group_id)

    def parent(studio: Studio, _call: Call, _arguments: Arguments) -> Studio | None:
        return library.studios.find(studio.parent_id or 0)

    def children(studio: Studio, _call: Call, _arguments: Arguments) -> list[Studio]:
        return [each for each in library.studios.by_id.values() if each.parent_id == studio.id]

    return {
        ("Scene", "studio"): scene_studio,
        ("Scene", "performers"): performers,
        ("Scene", "tags"): tags,
        ("SceneGroup", "group"): group,
        ("Studio", "parent_studio"): parent,
        ("Studio", "child_studios"): children,
    }

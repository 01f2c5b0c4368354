from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from . import scene_query
from .auth import Gate
from .calls import Call
from .clock import unix_time
from .engine import FieldReaders
from .entities import Scene, StashError, Tag
from .jobs import Job
from .library import Library
from .plugin_host import PluginHost

Arguments = Mapping[str, Any]


@dataclass(slots=True)
class StashSettings:
    directory: Path
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: Literal["SETUP", "NEEDS_MIGRATION", "OK"] = "OK"
    version: str = "v0.30.1"


class Resolvers:
    def __init__(
        self, library: Library, settings: StashSettings, gate: Gate, host: PluginHost
    ) -> None:
        self._library = library
        self._settings = settings
        self._gate = gate
        self._host = host

    def readers(self) -> FieldReaders:
        settings, library = self._settings, self._library
        studios, performers, tags = library.studios, library.performers, library.tags
        groups = library.groups
        return {
            ("Query", "findScene"): self._find_scene,
            ("Query", "findScenes"): self._find_scenes,
            ("Query", "findTags"): self._find_tags,
            ("Query", "configuration"): self._configuration,
            ("Query", "plugins"): lambda *_: self._host.plugins,
            ("Query", "systemStatus"): lambda *_: settings,
            ("Query", "version"): lambda *_: settings,
            ("Query", "findJob"): self._find_job,
            ("Mutation", "configurePlugin"): self._configure_plugin,
            ("Mutation", "runPluginTask"): self._run_plugin_task,
            ("Mutation", "runPluginOperation"): self._run_plugin_operation,
            ("Scene", "created_at"): lambda scene, *_: scene.created_at or None,
            ("Scene", "updated_at"): lambda scene, *_: scene.updated_at or None,
            ("Scene", "paths"): _paths,
            ("Scene", "studio"): lambda scene, *_: studios.find(scene.studio_id or 0),
            ("Scene", "performers"): lambda scene, *_: [
                performers.by_id[id_] for id_ in scene.performer_ids
            ],
            ("Scene", "tags"): lambda scene, *_: tags.sorted_by_name(scene.tag_ids),
            ("Scene", "groups"): lambda scene, *_: [
                SimpleNamespace(group=group) for group in groups.sorted_by_name(scene.group_ids)
            ],
            ("Scene", "movies"): lambda scene, *_: [
                SimpleNamespace(movie=group) for group in groups.sorted_by_name(scene.group_ids)
            ],
            ("Tag", "children"): lambda tag, *_: self._children(tag),
            ("Studio", "parent_studio"): lambda studio, *_: studios.find(studio.parent_id or 0),
            ("Performer", "tags"): lambda performer, *_: tags.sorted_by_name(performer.tag_ids),
            ("ConfigResult", "plugins"): _plugin_settings,
        }

    def _require_database(self) -> None:
        if self._settings.status != "OK":
            message = "database not initialized"
            raise StashError(message)

    def _find_scene(self, _: None, _call: Call, arguments: Arguments) -> Scene | None:
        self._require_database()
        return self._library.scenes.get(scene_query.parse_id(arguments["id"]))

    def _find_scenes(self, _: None, _call: Call, arguments: Arguments) -> scene_query.FoundScenes:
        self._require_database()
        criteria, page = arguments.get("scene_filter") or {}, arguments.get("filter") or {}
        return scene_query.find(self._library, criteria, page)

    def _find_tags(self, _: None, _call: Call, arguments: Arguments) -> SimpleNamespace:
        self._require_database()
        assert arguments["tag_filter"]["child_count"]["value"] == 0
        tags = [tag for tag in self._library.tags.by_id.values() if self._children(tag)]
        return SimpleNamespace(count=len(tags), tags=tags)

    def _children(self, tag: Tag) -> list[Tag]:
        return [one for one in self._library.tags.by_id.values() if tag.id in one.parent_ids]

    def _configuration(self, *_: object) -> SimpleNamespace:
        general = SimpleNamespace(apiKey=self._gate.api_key)
        return SimpleNamespace(plugins=self._settings.plugins, general=general)

    def _configure_plugin(self, _: None, _call: Call, arguments: Arguments) -> dict[str, Any]:
        settings: dict[str, Any] = arguments["input"]
        with self._library.lock:
            self._settings.plugins[arguments["plugin_id"]] = settings
        return settings

    def _run_plugin_task(self, _: None, _call: Call, arguments: Arguments) -> int:
        given = arguments.get("args_map") or {}
        return self._host.queue_task(arguments["plugin_id"], arguments.get("task_name"), given)

    def _find_job(self, _: None, _call: Call, arguments: Arguments) -> Job | None:
        return self._host.jobs.find(int(arguments["input"]["id"]))

    def _run_plugin_operation(self, _: None, call: Call, arguments: Arguments) -> Any:
        plugin_id, given = arguments["plugin_id"], arguments.get("args") or {}
        result = self._host.operation(plugin_id, given, call)
        if result.error is not None:
            raise StashError(result.error)
        return result.output


def _paths(scene: Scene, call: Call, _arguments: Arguments) -> SimpleNamespace:
    stamp = unix_time(scene.updated_at)
    return SimpleNamespace(screenshot=f"{call.base_url}/scene/{scene.id}/screenshot?t={stamp}")


def _plugin_settings(configuration: Any, _call: Any, arguments: Arguments) -> dict[str, Any]:
    include = arguments.get("include")
    return {
        plugin_id: dict(values)
        for plugin_id, values in configuration.plugins.items()
        if not include or plugin_id in include
    }

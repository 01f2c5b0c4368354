"""Root fields of mutations: what each of them sets off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .calls import Call
from .editing import Edited, Editor
from .entities import Performer, Scene, Studio, Tag
from .errors import StashError
from .jobs import JobQueue, Progress
from .library import Library
from .plugin_host import PluginHost
from .resolvers import Arguments, Resolver
from .scene_query import parse_id
from .settings import StashSettings

SCANNING = "Scanning..."


class Mutations:
    """Resolvers of the Mutation type.

    Args:
        library: what edits change.
        editor: edits and runs hooks.
        host: runs tasks and operations.
        jobs: the job queue.
        settings: configuration.
        scan: what a scan does.
    """

    def __init__(
        self,
        library: Library,
        editor: Editor,
        host: PluginHost,
        jobs: JobQueue,
        settings: StashSettings,
        scan: Callable[[Progress], None],
    ) -> None:
        self._library = library
        self._editor = editor
        self._host = host
        self._jobs = jobs
        self._settings = settings
        self._scan = scan

    def resolvers(self) -> Mapping[str, Resolver]:
        """Resolvers by field name."""
        return {
            "sceneCreate": self._scene_create,
            "sceneUpdate": self._scene_update,
            "scenesUpdate": self._scenes_update,
            "bulkSceneUpdate": self._bulk_scene_update,
            "sceneDestroy": self._scene_destroy,
            "scenesDestroy": self._scenes_destroy,
            "sceneMerge": self._scene_merge,
            "performerUpdate": self._performer_update,
            "performerDestroy": _destroy_one(self._editor.performers_destroy),
            "performersDestroy": _destroy_many(self._editor.performers_destroy),
            "studioUpdate": self._studio_update,
            "studioDestroy": _destroy_one(self._editor.studios_destroy),
            "studiosDestroy": _destroy_many(self._editor.studios_destroy),
            "tagUpdate": self._tag_update,
            "tagDestroy": _destroy_one(self._editor.tags_destroy),
            "tagsDestroy": _destroy_many(self._editor.tags_destroy),
            "tagsMerge": self._tags_merge,
            "configurePlugin": self._configure_plugin,
            "setPluginsEnabled": self._set_plugins_enabled,
            "reloadPlugins": self._reload_plugins,
            "runPluginTask": self._run_plugin_task,
            "runPluginOperation": self._run_plugin_operation,
            "metadataScan": self._metadata_scan,
            "stopJob": self._stop_job,
            "stopAllJobs": self._stop_all_jobs,
        }

    # ---- edits ----

    def _scene_create(self, call: Call, arguments: Arguments) -> Scene | None:
        return self._scene(self._editor.scene_create(arguments["input"], call).ids[0])

    def _scene_update(self, call: Call, arguments: Arguments) -> Scene | None:
        return self._scene(self._editor.scene_update(arguments["input"], call).ids[0])

    def _scenes_update(self, call: Call, arguments: Arguments) -> list[Scene | None]:
        edited = self._editor.scenes_update(arguments["input"], call)
        return [self._scene(id_) for id_ in edited.ids]

    def _bulk_scene_update(self, call: Call, arguments: Arguments) -> list[Scene | None]:
        edited = self._editor.bulk_scene_update(arguments["input"], call)
        return [self._scene(id_) for id_ in edited.ids]

    def _scene_destroy(self, call: Call, arguments: Arguments) -> bool:
        input_ = arguments["input"]
        self._editor.scenes_destroy([input_["id"]], input_, call)
        return True

    def _scenes_destroy(self, call: Call, arguments: Arguments) -> bool:
        input_ = arguments["input"]
        self._editor.scenes_destroy(input_["ids"], input_, call)
        return True

    def _scene_merge(self, call: Call, arguments: Arguments) -> Scene | None:
        return self._scene(self._editor.scene_merge(arguments["input"], call).ids[0])

    def _performer_update(self, call: Call, arguments: Arguments) -> Performer:
        edited = self._editor.performer_update(arguments["input"], call)
        return self._library.performers.get(edited.ids[0])

    def _studio_update(self, call: Call, arguments: Arguments) -> Studio:
        edited = self._editor.studio_update(arguments["input"], call)
        return self._library.studios.get(edited.ids[0])

    def _tag_update(self, call: Call, arguments: Arguments) -> Tag:
        edited = self._editor.tag_update(arguments["input"], call)
        return self._library.tags.get(edited.ids[0])

    def _tags_merge(self, call: Call, arguments: Arguments) -> Tag:
        edited = self._editor.tags_merge(arguments["input"], call)
        return self._library.tags.get(edited.ids[0])

    def _scene(self, scene_id: int) -> Scene | None:
        """The scene as it is after the hooks, which may have changed it in turn."""
        return self._library.scenes.get(scene_id)

    # ---- plugins ----

    def _configure_plugin(self, _call: Call, arguments: Arguments) -> dict[str, Any]:
        settings: dict[str, Any] = arguments["input"]
        with self._library.lock:
            self._settings.plugins[arguments["plugin_id"]] = settings
        return settings

    def _set_plugins_enabled(self, _call: Call, arguments: Arguments) -> bool:
        disabled = self._host.registry.disabled
        for plugin_id, enabled in arguments["enabledMap"].items():
            (disabled.discard if enabled else disabled.add)(plugin_id)
        return True

    def _reload_plugins(self, _call: Call, _arguments: Arguments) -> bool:
        self._host.registry.reload()
        return True

    def _run_plugin_task(self, call: Call, arguments: Arguments) -> int:
        plugin_id, task_name = arguments["plugin_id"], arguments.get("task_name")
        given = arguments.get("args_map")
        if given is None:
            given = _legacy_args(arguments.get("args") or ())
        names = (arguments.get("description"), task_name, plugin_id)
        shown = next(name for name in names if name is not None)

        def work(progress: Progress) -> None:
            self._host.task(plugin_id, task_name, given, call, progress)

        return self._jobs.add(f"Running plugin task: {shown}", work)

    def _run_plugin_operation(self, call: Call, arguments: Arguments) -> Any:
        plugin_id, given = arguments["plugin_id"], arguments.get("args") or {}
        result = self._host.operation(plugin_id, given, call).result
        if result.error is not None:
            raise StashError(result.error)
        return result.output

    # ---- jobs ----

    def _metadata_scan(self, _call: Call, arguments: Arguments) -> int:
        for path in arguments["input"].get("paths") or ():
            if not any(_within(path, folder) for folder in self._settings.libraries):
                msg = f"path {path} is not in a library folder"
                raise StashError(msg)
        return self._jobs.add(SCANNING, self._scan)

    def _stop_job(self, _call: Call, arguments: Arguments) -> bool:
        self._jobs.stop(parse_id(arguments["job_id"]))
        return True

    def _stop_all_jobs(self, _call: Call, _arguments: Arguments) -> bool:
        self._jobs.stop_all()
        return True


def _destroy_one(destroy: Callable[[list[str], Any, Call], Edited]) -> Resolver:
    def resolve(call: Call, arguments: Arguments) -> bool:
        input_ = arguments["input"]
        destroy([input_["id"]], dict(input_), call)
        return True

    return resolve


def _destroy_many(destroy: Callable[[list[str], Any, Call], Edited]) -> Resolver:
    def resolve(call: Call, arguments: Arguments) -> bool:
        destroy(arguments["ids"], arguments["ids"], call)
        return True

    return resolve


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _legacy_args(args: Any) -> dict[str, Any]:
    return {each["key"]: _legacy_value(each.get("value")) for each in args}


def _legacy_value(value: Mapping[str, Any] | None) -> Any:
    """A PluginValueInput: exactly one of its fields is the value."""
    for name, given in (value or {}).items():
        if given is None:
            continue
        if name == "o":
            return _legacy_args(given)
        if name == "a":
            return [_legacy_value(each) for each in given]
        return given
    return None

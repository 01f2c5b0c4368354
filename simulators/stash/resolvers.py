"""Root fields of queries: what each of them looks up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import scene_query
from .auth import Gate
from .calls import Call
from .entities import Scene
from .errors import StashError
from .library import Library
from .plugin_manifest import Manifest
from .plugin_registry import PluginRegistry
from .projection import FieldReaders
from .runner import PluginRunner
from .settings import StashSettings

Arguments = Mapping[str, Any]
Resolver = Callable[[Call, Arguments], Any]
"""Resolves a root field: the request and the field's arguments."""

DATABASE = "stash-go.sqlite"
SCHEMA_VERSION = 75


class Record:
    """An answer's object, made of its fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Queries:
    """Resolvers of the Query type.

    Args:
        library: scenes and what they refer to.
        settings: configuration.
        gate: credentials.
        registry: installed plugins.
        runner: knows Stash's working directory and interpreter.
    """

    def __init__(
        self,
        library: Library,
        settings: StashSettings,
        gate: Gate,
        registry: PluginRegistry,
        runner: PluginRunner,
    ) -> None:
        self._library = library
        self._settings = settings
        self._gate = gate
        self._registry = registry
        self._runner = runner

    def resolvers(self) -> Mapping[str, Resolver]:
        """Resolvers by field name."""
        of_the_database: dict[str, Resolver] = {
            "findScene": self._find_scene,
            "findScenes": self._find_scenes,
        }
        return {
            **{name: self._once_ready(resolver) for name, resolver in of_the_database.items()},
            "configuration": self._configuration,
            "plugins": self._plugins,
            "systemStatus": self._system_status,
            "version": self._version,
        }

    def _once_ready(self, resolver: Resolver) -> Resolver:
        """The resolver; an error while the database waits for its migration or set-up."""

        def resolve(call: Call, arguments: Arguments) -> Any:
            if self._settings.status != "OK":
                message = "database not initialized"
                raise StashError(message)
            return resolver(call, arguments)

        return resolve

    # ---- scenes ----

    def _find_scene(self, _call: Call, arguments: Arguments) -> Scene | None:
        scenes = self._library.scenes
        if arguments.get("id") is not None:
            return scenes.get(scene_query.parse_id(arguments["id"]))
        checksum = arguments.get("checksum")
        return next(
            (
                scene
                for scene in scenes.values()
                if any(file.fingerprint("md5") == checksum for file in scene.files)
            ),
            None,
        )

    def _find_scenes(self, _call: Call, arguments: Arguments) -> scene_query.FoundScenes:
        ids = scene_query.parse_ids(arguments.get("ids") or ()) or arguments.get("scene_ids")
        if ids:
            return scene_query.by_ids(self._library, ids)
        return scene_query.find(
            self._library, arguments.get("scene_filter") or {}, arguments.get("filter") or {}
        )

    # ---- configuration ----

    def _configuration(self, _call: Call, _arguments: Arguments) -> Record:
        settings = self._settings
        return Record(
            plugins=settings.plugins,
            general=Record(
                stashes=[
                    Record(path=path, excludeVideo=False, excludeImage=False)
                    for path in settings.libraries
                ],
                databasePath=str(settings.directory / DATABASE),
                configFilePath=str(settings.directory / "config.yml"),
                pluginsPath=str(self._registry.directory),
                parallelTasks=settings.parallel_tasks,
                apiKey=self._gate.api_key,
                username=self._gate.username,
                maxSessionAge=self._gate.max_session_age,
                logLevel=settings.log_level,
                pythonPath=self._runner.python,
            ),
        )

    def _system_status(self, _call: Call, _arguments: Arguments) -> Record:
        settings = self._settings
        return Record(
            databaseSchema=SCHEMA_VERSION,
            databasePath=str(settings.directory / DATABASE),
            configPath=str(settings.directory / "config.yml"),
            appSchema=SCHEMA_VERSION,
            status=settings.status,
            os=sys.platform,
            workingDir=str(self._runner.cwd),
            homeDir=str(settings.directory),
            ffmpegPath=None,
            ffprobePath=None,
        )

    def _version(self, _call: Call, _arguments: Arguments) -> Record:
        settings = self._settings
        return Record(
            version=settings.version, hash=settings.build_hash, build_time=settings.build_time
        )

    # ---- plugins ----

    def _plugins(self, _call: Call, _arguments: Arguments) -> list[Record]:
        return [self._plugin(manifest) for manifest in self._registry.plugins]

    def _plugin(self, manifest: Manifest) -> Record:
        return Record(
            id=manifest.id,
            name=manifest.name,
            description=manifest.description,
            url=manifest.url,
            version=manifest.version,
            enabled=manifest.id not in self._registry.disabled,
            requires=manifest.requires,
            settings=manifest.settings,
        )


def _plugin_settings(
    configuration: Any, _call: Any, arguments: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    include = arguments.get("include")
    return {
        plugin_id: dict(values)
        for plugin_id, values in configuration.plugins.items()
        if not include or plugin_id in include
    }


CONFIGURATION_READERS: FieldReaders = {("ConfigResult", "plugins"): _plugin_settings}

"""Root fields of mutations: what each of them sets off.

Edits have none: tests make them through `FakeStash`, which runs the same hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .calls import Call
from .errors import StashError
from .jobs import JobQueue, Progress
from .library import Library
from .plugin_host import PluginHost
from .resolvers import Arguments, Resolver
from .settings import StashSettings


class Mutations:
    """Resolvers of the Mutation type.

    Args:
        library: its lock guards the settings.
        host: runs tasks and operations.
        jobs: the job queue.
        settings: configuration.
    """

    def __init__(
        self, library: Library, host: PluginHost, jobs: JobQueue, settings: StashSettings
    ) -> None:
        self._library = library
        self._host = host
        self._jobs = jobs
        self._settings = settings

    def resolvers(self) -> Mapping[str, Resolver]:
        """Resolvers by field name."""
        return {
            "configurePlugin": self._configure_plugin,
            "runPluginTask": self._run_plugin_task,
            "runPluginOperation": self._run_plugin_operation,
        }

    def _configure_plugin(self, _call: Call, arguments: Arguments) -> dict[str, Any]:
        settings: dict[str, Any] = arguments["input"]
        with self._library.lock:
            self._settings.plugins[arguments["plugin_id"]] = settings
        return settings

    def _run_plugin_task(self, call: Call, arguments: Arguments) -> int:
        plugin_id, task_name = arguments["plugin_id"], arguments.get("task_name")
        names = (arguments.get("description"), task_name, plugin_id)
        shown = next(name for name in names if name is not None)

        def work(progress: Progress) -> None:
            given = arguments.get("args_map") or {}
            self._host.task(plugin_id, task_name, given, call, progress)

        return self._jobs.add(f"Running plugin task: {shown}", work)

    def _run_plugin_operation(self, call: Call, arguments: Arguments) -> Any:
        plugin_id, given = arguments["plugin_id"], arguments.get("args") or {}
        result = self._host.operation(plugin_id, given, call).result
        if result.error is not None:
            raise StashError(result.error)
        return result.output

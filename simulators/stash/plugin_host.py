"""Runs the installed plugins' hooks, tasks and operations on Stash's behalf."""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .calls import Call
from .entities import StashError
from .jobs import JobError, Progress
from .plugin_log import LogEntry
from .plugin_manifest import Manifest, Operation
from .plugin_registry import PluginRegistry
from .runner import PluginResult, PluginRunner, StartError


@dataclass(frozen=True, slots=True)
class PluginRun:
    """A run; `trigger` is the hook type or the task's name, empty for operations."""

    plugin_id: str
    kind: Literal["hook", "task", "operation"]
    trigger: str
    result: PluginResult


class PluginHost:
    """Runs plugins and remembers their runs.

    `connect` makes the `server_connection` that plugins find on stdin.
    """

    def __init__(
        self,
        registry: PluginRegistry,
        runner: PluginRunner,
        connect: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.registry = registry
        self.runner = runner
        self.runs: list[PluginRun] = []
        self.log: list[LogEntry] = []
        self._connect = connect
        self._lock = threading.Lock()

    def hooks(
        self,
        hook_type: str,
        object_id: int,
        input_: Any,
        input_fields: Iterable[str],
        call: Call,
    ) -> list[PluginRun]:
        """Runs every plugin's hooks for an event, one after the other, in load order.

        A cancelled or unstartable one ends the row: later plugins do not hear of the event.
        """
        context: dict[str, Any] = {"id": object_id, "type": hook_type, "input": input_}
        fields = list(input_fields)
        if fields:
            random.shuffle(fields)  # Stash takes them from a map
            context["inputFields"] = fields
        runs: list[PluginRun] = []
        for plugin in self.registry.plugins:
            for hook in plugin.hooks_for(hook_type):
                run = self._hook(plugin, hook, hook_type, context, call)
                if run is None:
                    return runs
                runs.append(run)
                if run.result.cancelled:
                    return runs
        return runs

    def _hook(
        self, plugin: Manifest, hook: Operation, hook_type: str, context: dict[str, Any], call: Call
    ) -> PluginRun | None:
        try:
            result = self.runner.run(
                plugin, hook, {"hookContext": context}, self._connect(), cancel=call.cancel
            )
        except StartError as error:
            self._note("error", f"error executing post hooks: {error}")
            return None
        if result.error is not None:
            self._note("error", f"{hook_type} [{plugin.raw_name}]: returned error: {result.error}")
        return self._remember(PluginRun(plugin.id, "hook", hook_type, result))

    def task(
        self,
        plugin_id: str,
        task_name: str | None,
        args: Mapping[str, Any],
        progress: Progress,
    ) -> PluginRun:
        """Runs a task within a job.

        Raises:
            JobError: it could not be started. An error that it returns is only logged.
        """
        try:
            plugin = self._plugin(plugin_id)
            task = None if task_name is None else plugin.task(task_name)
            if task_name is not None and task is None:
                msg = f"no task with name {task_name} in plugin {plugin.name}"
                raise JobError(msg)
            result = self.runner.run(
                plugin,
                task,
                args,
                self._connect(),
                cancel=progress.cancel,
                on_progress=progress.set,
            )
        except (StashError, StartError) as error:
            self._note("error", f"Error running plugin task: {error}")
            raise JobError(str(error)) from error
        if result.error is not None:
            self._note("error", f"Plugin returned error: {result.error}")
        return self._remember(PluginRun(plugin_id, "task", task_name or "", result))

    def operation(self, plugin_id: str, args: Mapping[str, Any], call: Call) -> PluginRun:
        """Runs an operation at once.

        Raises:
            StashError: it could not be started.
        """
        plugin = self._plugin(plugin_id)
        try:
            result = self.runner.run(plugin, None, args, self._connect(), cancel=call.cancel)
        except StartError as error:
            raise StashError(str(error)) from error
        return self._remember(PluginRun(plugin_id, "operation", "", result))

    def _plugin(self, plugin_id: str) -> Manifest:
        plugin = self.registry.find(plugin_id)
        if plugin is None:
            msg = f"no plugin with ID {plugin_id}"
            raise StashError(msg)
        return plugin

    def _remember(self, run: PluginRun) -> PluginRun:
        with self._lock:
            self.runs.append(run)
            self.log += run.result.logs
        return run

    def _note(self, level: str, text: str) -> None:
        with self._lock:
            self.log.append(LogEntry(level, text))

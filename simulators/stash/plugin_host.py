import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .calls import Call
from .entities import StashError
from .jobs import Job, JobQueue
from .plugin_files import copy_plugin
from .plugin_manifest import Manifest, load
from .runner import PluginResult, PluginRunner


@dataclass(frozen=True, slots=True)
class PluginRun:
    plugin_id: str
    kind: Literal["hook", "task", "operation"]
    trigger: str
    result: PluginResult


class PluginHost:
    def __init__(
        self,
        directory: Path,
        runner: PluginRunner,
        jobs: JobQueue,
        connect: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.directory = directory
        self.runner = runner
        self.plugins: list[Manifest] = []
        self.runs: list[PluginRun] = []
        self.jobs = jobs
        self._connect = connect

    def install(self, source: Path, name: str, files: Iterable[str] | None = None) -> Manifest:
        copy_plugin(source, self.directory / name, files)
        return self.load(name)

    def load(self, name: str) -> Manifest:
        manifest = load(self.directory / name / f"{name}.yml")
        self.plugins = [*(one for one in self.plugins if one.id != manifest.id), manifest]
        return manifest

    def hooks(
        self, hook_type: str, object_id: int, input_: Any, input_fields: Iterable[str], call: Call
    ) -> list[PluginRun]:
        """Run the hooks of all plugins for an event.

        As in Stash, no further hook runs after a hook that is cancelled or cannot start.
        """
        context: dict[str, Any] = {"id": object_id, "type": hook_type, "input": input_}
        fields = list(input_fields)
        if fields:
            # Stash passes the input fields in random order, because Stash keeps them in a Go map.
            random.shuffle(fields)
            context["inputFields"] = fields
        args = {"hookContext": context}
        runs: list[PluginRun] = []
        for plugin in self.plugins:
            for hook in plugin.hooks_for(hook_type):
                try:
                    result = self.runner.run(plugin, hook, args, self._connect(), call.cancel)
                except StashError:
                    return runs
                runs.append(self._remember(PluginRun(plugin.id, "hook", hook_type, result)))
                if result.cancelled:
                    return runs
        return runs

    def queue_task(self, plugin_id: str, task_name: str | None, args: Mapping[str, Any]) -> int:
        def work(job: Job) -> PluginRun:
            return self._task(plugin_id, task_name, args, job)

        return self.jobs.add(f"Running plugin task: {task_name or plugin_id}", work)

    def _task(
        self, plugin_id: str, task_name: str | None, args: Mapping[str, Any], job: Job
    ) -> PluginRun:
        def listen(fraction: float) -> None:
            job.progress = fraction

        plugin = self._plugin(plugin_id)
        task = None if task_name is None else plugin.task(task_name)
        result = self.runner.run(plugin, task, args, self._connect(), job.cancel, listen)
        return self._remember(PluginRun(plugin_id, "task", task_name or "", result))

    def operation(self, plugin_id: str, args: Mapping[str, Any], call: Call) -> PluginResult:
        plugin = self._plugin(plugin_id)
        result = self.runner.run(plugin, None, args, self._connect(), call.cancel)
        return self._remember(PluginRun(plugin_id, "operation", "", result)).result

    def _plugin(self, plugin_id: str) -> Manifest:
        found = next((plugin for plugin in self.plugins if plugin.id == plugin_id), None)
        if found is None:
            msg = f"no plugin with ID {plugin_id}"
            raise StashError(msg)
        return found

    def _remember(self, run: PluginRun) -> PluginRun:
        self.runs.append(run)
        return run

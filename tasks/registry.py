"""The table of all tasks and operations.

A task raises TaskError with the reason and the remedy. `app.processes.task_run` converts errors of
Plex, Stash, settings, files and databases to TaskError.
"""

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tasks.answer import Answer
from tasks.arguments import (
    MODE,
    Reader,
    check,
    days_argument,
    flag,
    mapping,
    mode_of,
    one_scene,
    refusal,
    scene_argument,
    text,
)
from tasks.doctor import MODE as DOCTOR
from worker.services import Services

Task = Callable[[Services, Mapping[str, Any]], Answer]


class TaskEntry(NamedTuple):
    """A task.

    Attributes:
        target: module and function, as text, so that only the called task is imported.
        arguments: name → reader of the value.
    """

    target: str
    arguments: Mapping[str, Reader] = MappingProxyType({})


TASKS: Mapping[str, TaskEntry] = {
    "all": TaskEntry("tasks.sync.sync_scenes:sync_all", {"force": flag}),
    "recent": TaskEntry("tasks.sync.sync_scenes:sync_recent"),
    "queue_status": TaskEntry("tasks.status.queue_status:queue_status"),
    "inspect": TaskEntry("tasks.status.inspect_scene:inspect_scene", {"scene_id": one_scene}),
    "show_dlq": TaskEntry("tasks.dead_letters.show:show_dlq"),
    "retry_dlq": TaskEntry(
        "tasks.dead_letters.retry:retry_dlq", {"error_type": text, "scene_id": scene_argument}
    ),
    "clear_queue": TaskEntry("tasks.sync.process_queue:clear_queue"),
    "clear_dlq": TaskEntry("tasks.dead_letters.remove:clear_dlq"),
    "purge_dlq": TaskEntry("tasks.dead_letters.remove:purge_dlq", {"days": days_argument}),
    "clear_match_cache": TaskEntry("tasks.sync.clear_match_cache:clear_match_cache"),
    "check_paths": TaskEntry("tasks.settings.check_paths:check_paths"),
    "health_check": TaskEntry("tasks.status.health_check:health_check"),
    "outage_summary": TaskEntry("tasks.reports.outage_summary:outage_summary"),
    "recover_outage_jobs": TaskEntry(
        "tasks.dead_letters.retry:recover_outage_jobs_task", {"include_optional": flag}
    ),
    "process_queue": TaskEntry("tasks.sync.process_queue:process_queue"),
    "preview_sync": TaskEntry(
        "tasks.reports.preview_sync:preview_sync", {"scene_id": scene_argument}
    ),
    "restore_values": TaskEntry(
        "tasks.sync.restore_values:restore_values", {"scene_id": scene_argument}
    ),
    "test_write": TaskEntry("tasks.sync.test_write:test_write", {"scene_id": one_scene}),
    "reconcile_all": TaskEntry("tasks.sync.reconcile:reconcile_all", {"dry_run": flag}),
    "reconcile_recent": TaskEntry("tasks.sync.reconcile:reconcile_recent", {"dry_run": flag}),
    "reconcile_7days": TaskEntry("tasks.sync.reconcile:reconcile_7days", {"dry_run": flag}),
    "reconcile_missing_metadata": TaskEntry(
        "tasks.sync.reconcile:reconcile_missing_metadata", {"dry_run": flag}
    ),
    "sign_in": TaskEntry("tasks.settings.sign_in:sign_in", {"server": text}),
    # Operations of the page in Stash.
    "sign_in_status": TaskEntry(
        "tasks.settings.sign_in:sign_in_status", {"server": text, "reset": flag}
    ),
    "overview": TaskEntry("tasks.status.overview:overview"),
    "wake": TaskEntry("tasks.status.overview:wake"),
    "scene_status": TaskEntry("tasks.status.scene_status:scene_status", {"scene_id": one_scene}),
    "sync_scene": TaskEntry("tasks.sync.sync_scenes:sync_scene", {"scene_id": one_scene}),
    "drop_dlq": TaskEntry(
        "tasks.dead_letters.remove:drop_dlq", {"error_type": text, "scene_id": scene_argument}
    ),
    "try_path": TaskEntry("tasks.settings.check_paths:try_path", {"path": text}),
    "save_settings": TaskEntry("tasks.settings.save_settings:save_settings", {"settings": mapping}),
}

MODES = frozenset((*TASKS, DOCTOR))


def find_task(arguments: Mapping[str, Any]) -> Task:
    """Return the task of the argument `mode`; raise TaskError for any wrong argument."""
    mode = mode_of(arguments)
    entry = TASKS.get(mode)
    if entry is None:
        raise refusal(MODE, arguments.get(MODE), ", ".join(sorted(MODES)))
    check(arguments, mode, entry.arguments)
    module, _, function = entry.target.partition(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task

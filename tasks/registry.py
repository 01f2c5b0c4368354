"""Which function does which task."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from tasks.answer import Answer
from tasks.arguments import (
    MODE,
    Reader,
    check,
    days_argument,
    flag,
    mapping,
    one_scene,
    refusal,
    scene_argument,
    text,
)
from tasks.context import TaskContext
from tasks.doctor import MODE as DOCTOR
from tasks.operations import mode_of

Task = Callable[[TaskContext, Mapping[str, Any]], Answer]

# By name, module and function: a task's start loads what that task needs, and nothing else.
TASKS: Mapping[str, str] = {
    "all": "tasks.sync_scenes:sync_all",
    "recent": "tasks.sync_scenes:sync_recent",
    "queue_status": "tasks.queue_status:queue_status",
    "inspect": "tasks.inspect_scene:inspect_scene",
    "show_dlq": "tasks.dead_letter_report:show_dlq",
    "retry_dlq": "tasks.dead_letter_retry:retry_dlq",
    "clear_queue": "tasks.clearing:clear_queue",
    "clear_dlq": "tasks.dead_letters:clear_dlq",
    "purge_dlq": "tasks.dead_letters:purge_dlq",
    "clear_match_cache": "tasks.clearing:clear_match_cache",
    "check_paths": "tasks.check_paths:check_paths",
    "health_check": "tasks.health:health_check",
    "outage_summary": "tasks.outages:outage_summary",
    "recover_outage_jobs": "tasks.dead_letters:recover_outage_jobs_task",
    "process_queue": "tasks.process_queue:process_queue",
    "preview_sync": "tasks.preview_sync:preview_sync",
    "restore_values": "tasks.restore_values:restore_values",
    "test_write": "tasks.test_write:test_write",
    "reconcile_all": "tasks.reconcile:reconcile_all",
    "reconcile_recent": "tasks.reconcile:reconcile_recent",
    "reconcile_7days": "tasks.reconcile:reconcile_7days",
    "reconcile_missing_metadata": "tasks.reconcile:reconcile_missing_metadata",
    # What the page in Stash asks for.
    "overview": "tasks.overview:overview",
    "wake": "tasks.wake:wake",
    "scene_status": "tasks.one_scene:scene_status",
    "sync_scene": "tasks.one_scene:sync_scene",
    "drop_dlq": "tasks.drop_letters:drop_dlq",
    "try_path": "tasks.path_test:try_path",
    "save_settings": "tasks.save_settings:save_settings",
}


# The arguments of a task besides those that all have, with how their values are read: they are
# checked before anything is begun. A task that is not here has none.
ARGUMENTS: Mapping[str, Mapping[str, Reader]] = {
    "all": {"force": flag},
    "purge_dlq": {"days": days_argument},
    "retry_dlq": {"error_type": text, "scene_id": scene_argument},
    "inspect": {"scene_id": one_scene},
    "recover_outage_jobs": {"include_optional": flag},
    "preview_sync": {"scene_id": scene_argument},
    "restore_values": {"scene_id": scene_argument},
    "test_write": {"scene_id": one_scene},
    "reconcile_all": {"dry_run": flag},
    "reconcile_recent": {"dry_run": flag},
    "reconcile_7days": {"dry_run": flag},
    "reconcile_missing_metadata": {"dry_run": flag},
    "scene_status": {"scene_id": one_scene},
    "sync_scene": {"scene_id": one_scene},
    "drop_dlq": {"error_type": text, "scene_id": scene_argument},
    "try_path": {"path": text},
    "save_settings": {"settings": mapping},
}

MODES = frozenset((*TASKS, DOCTOR))


def find_task(arguments: Mapping[str, Any]) -> Task:
    """Return the task that `mode` names, once it is known to take all arguments as they are.

    Raises:
        TaskError: there is none of that name, or it takes no such argument or value.
    """
    mode = mode_of(arguments)
    if mode not in TASKS:
        raise refusal(MODE, arguments.get(MODE), ", ".join(sorted(MODES)))
    check(arguments, mode, ARGUMENTS.get(mode, {}))
    module, _, function = TASKS[mode].partition(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task

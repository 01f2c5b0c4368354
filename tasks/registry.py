"""Which function does which task."""

from collections.abc import Callable, Mapping
from typing import Any

from tasks.answer import Answer
from tasks.check_paths import check_paths
from tasks.clearing import clear_match_cache, clear_queue
from tasks.context import TaskContext, TaskError
from tasks.dead_letter_report import show_dlq
from tasks.dead_letter_retry import retry_dlq
from tasks.dead_letters import clear_dlq, purge_dlq, recover_outage_jobs_task
from tasks.health import health_check
from tasks.inspect_scene import inspect_scene
from tasks.operations import mode_of
from tasks.outages import outage_summary
from tasks.preview_sync import preview_sync
from tasks.process_queue import process_queue
from tasks.queue_status import queue_status
from tasks.reconcile import (
    reconcile_7days,
    reconcile_all,
    reconcile_missing_metadata,
    reconcile_recent,
)
from tasks.restore_values import restore_values
from tasks.sync_scenes import sync_all, sync_recent

Task = Callable[[TaskContext, Mapping[str, Any]], Answer]

TASKS: Mapping[str, Task] = {
    "all": sync_all,
    "recent": sync_recent,
    "queue_status": queue_status,
    "inspect": inspect_scene,
    "show_dlq": show_dlq,
    "retry_dlq": retry_dlq,
    "clear_queue": clear_queue,
    "clear_dlq": clear_dlq,
    "purge_dlq": purge_dlq,
    "clear_match_cache": clear_match_cache,
    "check_paths": check_paths,
    "health_check": health_check,
    "outage_summary": outage_summary,
    "recover_outage_jobs": recover_outage_jobs_task,
    "process_queue": process_queue,
    "preview_sync": preview_sync,
    "restore_values": restore_values,
    "reconcile_all": reconcile_all,
    "reconcile_recent": reconcile_recent,
    "reconcile_7days": reconcile_7days,
    "reconcile_missing_metadata": reconcile_missing_metadata,
}


def find_task(arguments: Mapping[str, Any]) -> Task:
    """Return the task that `mode` names.

    Raises:
        TaskError: there is none of that name.
    """
    mode = mode_of(arguments)
    if mode in TASKS:
        return TASKS[mode]
    known = ", ".join(sorted(TASKS))
    message = f"Stash2Plex has no task '{arguments.get('mode')}'; there are: {known}"
    raise TaskError(message)

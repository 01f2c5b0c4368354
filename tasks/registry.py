"""Which function does which task."""

from collections.abc import Callable, Mapping
from typing import Any

from tasks.answer import Answer
from tasks.arguments import (
    MODE,
    Reader,
    check,
    flag,
    mapping,
    one_scene,
    refusal,
    scene_argument,
    text,
)
from tasks.check_paths import check_paths
from tasks.clearing import clear_match_cache, clear_queue
from tasks.context import TaskContext
from tasks.dead_letter_report import show_dlq
from tasks.dead_letter_retry import retry_dlq
from tasks.dead_letters import clear_dlq, days_argument, purge_dlq, recover_outage_jobs_task
from tasks.doctor import MODE as DOCTOR
from tasks.drop_letters import drop_dlq
from tasks.health import health_check
from tasks.inspect_scene import inspect_scene
from tasks.one_scene import scene_status, sync_scene
from tasks.operations import mode_of
from tasks.outages import outage_summary
from tasks.overview import overview
from tasks.path_test import try_path
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
from tasks.save_settings import save_settings
from tasks.sync_scenes import sync_all, sync_recent
from tasks.wake import wake

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
    # What the page in Stash asks for.
    "overview": overview,
    "wake": wake,
    "scene_status": scene_status,
    "sync_scene": sync_scene,
    "drop_dlq": drop_dlq,
    "try_path": try_path,
    "save_settings": save_settings,
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
    return TASKS[mode]

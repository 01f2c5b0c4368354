"""Runs one task; imported only once it is known that the dependencies can be."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from app.earlier import take_over
from app.processes.settings_page import show_defaults
from app.relay import relay_worker_log
from app.services import build, report_missing_wal
from plex.exceptions import PlexError
from reconciliation.run import run_of_today
from reconciliation.state import StateFile, due
from shared.data_folder import resolve_data_folder
from shared.file_lock import FileLock
from shared.log import Log
from shared.redaction import Secrets
from stash.exceptions import StashError
from sync_queue.database import NewerSchemaError
from tasks.answer import Answer, TaskError, unusable_database
from tasks.arguments import wants_json
from tasks.context import TaskContext
from tasks.registry import Task, find_task
from worker.circuit_breaker import CircuitState
from worker.process.takeover import Takeover, ensure_worker
from worker.services import Services
from worker.state import WorkerState
from worker.sync.session import ConfigFault

if TYPE_CHECKING:
    from reconciliation.detector import Libraries
    from reconciliation.scheduler import Reconciler
    from worker.processor import SyncWorker

MOST_SCENE_LINES = 20  # of a drain in Stash's log; the sum tells of the others
_FAULTS = (ConfigFault, PlexError, StashError, NewerSchemaError, OSError)


def run(
    script: str,
    connection: dict[str, Any],
    arguments: Mapping[str, Any],
    log: Log,
    secrets: Secrets,
    *,
    in_stash: bool,
) -> Answer:
    """Build what the task needs, and run it; see `app.processes.task_process.run_task`.

    Raises:
        TaskError: it could not do its work.
    """
    try:
        task = find_task(arguments)
        folder = resolve_data_folder(
            os.path.dirname(script), str(connection.get("Dir") or ""), os.environ
        )
        services = build(connection, folder, log, secrets)
        with suppress(sqlite3.OperationalError):  # a busy database: the worker imports later
            services.queue.import_spool(log.event)
        lock = FileLock(folder.worker_lock)
        context = context_for(script, connection, services, lock)
        if wants_json(arguments):
            # A program's question changes nothing, starts nothing and tells nothing.
            return task(context, arguments)
        relay = partial(relay_worker_log, folder, log) if in_stash else _nothing
        return _for_a_person(task, context, arguments, services, relay)
    except sqlite3.Error as error:
        raise TaskError(unusable_database(error)) from error
    except _FAULTS as error:
        raise TaskError(str(error)) from error


def _for_a_person(
    task: Task,
    context: TaskContext,
    arguments: Mapping[str, Any],
    services: Services,
    relay: Callable[[], None],
) -> Answer:
    due = False
    try:
        report_missing_wal(services)
        relay()
        take_over(services, context.worker_lock)
        show_defaults(services)
        answer = task(context, arguments)
        relay()
        due = _is_due(context)
        return answer
    finally:  # what is left of a killed worker's jobs goes on with any task, however that ended
        _make_sure_of_a_worker(context, due=due)


def _make_sure_of_a_worker(context: TaskContext, *, due: bool) -> None:
    """Start a worker unless one runs or nothing waits; that it fails is not the task's fault.

    Args:
        context: the task's.
        due: a reconciliation is.
    """
    try:
        # An outage whose worker was killed ends with the next task, too.
        is_open = context.worker_state.breaker().state is not CircuitState.CLOSED
        if due or is_open or context.queue.has_unfinished():
            context.ensure_worker()
        else:
            context.queue.note_finished()
    except (OSError, sqlite3.Error) as error:
        context.log.warning(
            f"If edits wait, they go on later, for no worker could be started now ({error}): run "
            "the task 'Process Queue'"
        )


def _nothing() -> None:
    pass


def context_for(
    script: str, server_connection: dict[str, Any], services: Services, lock: FileLock
) -> TaskContext:
    """Return the context of a task in this process.

    Args:
        services: the objects of this process.
    """
    late = _Late(services)
    return TaskContext(
        log=services.log,
        queue=services.queue,
        scenes=services.scenes,
        sessions=services.sessions,
        worker_state=WorkerState(services.folder, services.log.event, services.queue.clock),
        worker_lock=lock,
        takeover=Takeover(lock, FileLock(services.folder.takeover_lock)),
        reconciliation_state=StateFile(
            services.folder.reconciliation_state, services.log.event, services.queue.clock
        ),
        reconciler=cache(late.reconciler),
        reconciler_libraries=late.libraries,
        reports_folder=services.folder.reports,
        ensure_worker=partial(
            ensure_worker, script, lock, services.folder.spool, server_connection
        ),
        foreground_worker=late.foreground_worker,
        clock=services.queue.clock,
    )


class _Late:
    """What few tasks ask for, and what is loaded only then: it costs a third of a task's start."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def reconciler(self) -> "Reconciler":
        from app.reconciling import reconciler  # noqa: PLC0415

        return reconciler(self._services)

    def libraries(self) -> "Libraries":
        from app.reconciling import libraries_of  # noqa: PLC0415

        return libraries_of(self._services, self._services.sessions.current())

    def foreground_worker(self, on_progress: Callable[[int], None]) -> "SyncWorker":
        from worker.processor import SyncWorker  # noqa: PLC0415

        return SyncWorker(self._services, on_progress=on_progress, most_lines=MOST_SCENE_LINES)


def _is_due(context: TaskContext) -> bool:
    """Tell whether a worker has a run to do: one that is due by the settings, or was left."""
    if run_of_today(context.queue.gaps.run(), context.clock()) is not None:
        return True
    try:
        config = context.sessions.config()
    except StashError:
        return False
    order = due(
        context.reconciliation_state.read(),
        config.reconcile_interval,
        config.reconcile_scope,
        context.clock(),
        at_start=True,
        rebuilt=context.queue.was_rebuilt(),
    )
    return config.enabled and order is not None

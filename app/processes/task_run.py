"""Runs one task; imported only once it is known that the dependencies can be."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from app.processes.settings_page import show_defaults
from app.relay import relay_worker_log
from app.services import build, import_legacy_data, report_missing_wal
from plex.exceptions import PlexError
from reconciliation.run import run_of_today
from reconciliation.state import StateFile, due
from shared.data_folder import resolve_data_folder
from shared.log import Log
from shared.redaction import Secrets
from stash.exceptions import StashError
from sync_queue.database import NewerSchemaError
from tasks.answer import Answer, TaskError, unusable_database
from tasks.arguments import wants_json
from tasks.registry import Task, find_task
from worker.circuit_breaker import CircuitState
from worker.services import Services
from worker.sync.session import ConfigFault

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
        services = build(script, connection, folder, log, secrets)
        with suppress(sqlite3.OperationalError):  # a busy database: the worker imports later
            services.queue.import_spool(log.event)
        if wants_json(arguments):
            # A program's question changes nothing, starts nothing and tells nothing.
            return task(services, arguments)
        return _for_a_person(task, services, arguments, in_stash=in_stash)
    except sqlite3.Error as error:
        raise TaskError(unusable_database(error)) from error
    except _FAULTS as error:
        raise TaskError(str(error)) from error


def _for_a_person(
    task: Task, services: Services, arguments: Mapping[str, Any], *, in_stash: bool
) -> Answer:
    due = False
    try:
        report_missing_wal(services)
        if in_stash:
            relay_worker_log(services.folder, services.log)
        import_legacy_data(services)
        show_defaults(services)
        answer = task(services, arguments)
        if in_stash:
            relay_worker_log(services.folder, services.log)
        due = _is_due(services)
        return answer
    finally:  # what is left of a killed worker's jobs goes on with any task, however that ended
        _make_sure_of_a_worker(services, due=due)


def _make_sure_of_a_worker(services: Services, *, due: bool) -> None:
    """Start a worker unless one runs or nothing waits; that it fails is not the task's fault.

    Args:
        services: the task's.
        due: a reconciliation is.
    """
    try:
        # An outage whose worker was killed ends with the next task, too.
        is_open = services.status_source.breaker().state is not CircuitState.CLOSED
        if due or is_open or services.queue.has_unfinished():
            services.ensure_worker()
        else:
            services.queue.note_finished()
    except (OSError, sqlite3.Error) as error:
        services.log.warning(
            f"If edits wait, they go on later, for no worker could be started now ({error}): run "
            "the task 'Process Queue'"
        )


def _is_due(services: Services) -> bool:
    """Tell whether a worker has a run to do: one that is due by the settings, or was left."""
    if run_of_today(services.queue.gaps.run(), services.clock()) is not None:
        return True
    try:
        config = services.sessions.config()
    except StashError:
        return False
    order = due(
        StateFile(services.folder.reconciliation_state, services.log.event, services.clock).read(),
        config.reconcile_interval,
        config.reconcile_scope,
        services.clock(),
        at_start=True,
        rebuilt=services.queue.was_rebuilt(),
    )
    return config.enabled and order is not None

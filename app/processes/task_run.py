import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from app.processes.settings_page import show_defaults
from app.relay import relay_worker_log
from app.services import build, import_legacy_data, report_missing_wal
from plex.exceptions import PlexError
from reconciliation.engine import GapDetectionEngine
from reconciliation.scheduler import due
from shared.data_folder import data_folder_of
from shared.log import Log
from stash.exceptions import StashError
from tasks.answer import Answer, TaskError
from tasks.registry import find_task, wants_json
from tasks.status.page import ensure_worker_for_jobs
from worker.process.lock_handover import LockHeldError
from worker.services import Services
from worker.sync.session import ConfigFault


def run(
    script: str,
    connection: dict[str, Any],
    arguments: Mapping[str, Any],
    log: Log,
    *,
    in_stash: bool,
) -> Answer:
    try:
        task = find_task(arguments)
        services = build(script, connection, data_folder_of(script, connection), log)
        # If the database is busy, the worker imports the spooled jobs later.
        with suppress(sqlite3.OperationalError):
            services.queue.import_spool(log.event)
        if wants_json(arguments):
            return task(services)
        return _run_for_user(task, services, in_stash=in_stash)
    except PlexError as error:
        raise TaskError(f"The task stopped, because {error}") from error
    except (ConfigFault, LockHeldError, StashError) as error:
        raise TaskError(str(error)) from error


def _run_for_user(
    task: Callable[[Services], Answer], services: Services, *, in_stash: bool
) -> Answer:
    is_due = False
    try:
        report_missing_wal(services)
        if in_stash:
            relay_worker_log(services.folder, services.log)
        import_legacy_data(services)
        show_defaults(services)
        answer = task(services)
        if in_stash:
            relay_worker_log(services.folder, services.log)
        is_due = _is_reconciliation_due(services)
        return answer
    finally:
        ensure_worker_for_jobs(services, is_due=is_due)


def _is_reconciliation_due(services: Services) -> bool:
    engine = GapDetectionEngine(services)
    if engine.stored() is not None:
        return True
    try:
        config = services.sessions.config()
    except StashError:
        return False
    state, rebuilt = engine.state.read(), services.queue.was_rebuilt()
    order = due(state, config, services.clock(), at_start=True, rebuilt=rebuilt)
    return config.enabled and order is not None

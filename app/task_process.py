"""A task's process: find the task, build what it needs, run it, make sure of a worker."""

import os
import sqlite3
from typing import Any

from app.dependencies import activate_site_packages, missing_dependencies
from shared.data_folder import resolve_data_folder
from shared.file_lock import FileLock
from shared.log import Log, create_logger
from shared.redaction import Secrets
from tasks.operations import format_fault, mode_of, wants_json


def answer_task(script: str, message: dict[str, Any]) -> dict[str, Any]:
    """Run one task, or answer one question, and return Stash's answer object."""
    secrets = Secrets()
    log = create_logger(secrets)
    arguments = message["args"]
    problem = format_fault(arguments)
    if problem:
        log.error(problem)
        return {"error": problem}
    if wants_json(arguments):
        # Only here: a person's task loads what it needs anyway.
        from app.questions import QUESTIONS, answer_question  # noqa: PLC0415

        mode = mode_of(arguments)
        if mode in QUESTIONS:
            return answer_question(script, message, mode, log, secrets)
    return _run_task(script, message, log, secrets)


def _run_task(script: str, message: dict[str, Any], log: Log, secrets: Secrets) -> dict[str, Any]:
    activate_site_packages()
    problem = missing_dependencies()
    if problem:
        log.error(problem)
        return {"error": problem}
    # Only here: by now it is known that they can be imported.
    from app.collector import spare_the_collector  # noqa: PLC0415
    from app.container import build  # noqa: PLC0415
    from app.journal_notice import tell_of_refused_wal  # noqa: PLC0415
    from app.reconciling import is_due  # noqa: PLC0415
    from app.task_context import context_for  # noqa: PLC0415
    from plex.exceptions import PlexError  # noqa: PLC0415
    from stash.exceptions import StashError  # noqa: PLC0415
    from sync_queue.database import NewerSchemaError  # noqa: PLC0415
    from tasks.context import TaskError  # noqa: PLC0415
    from tasks.registry import find_task  # noqa: PLC0415
    from worker.circuit_breaker import CircuitState  # noqa: PLC0415
    from worker.session import ConfigFault  # noqa: PLC0415

    arguments, as_json = message["args"], wants_json(message["args"])
    connection = message.get("server_connection")
    connection = connection if isinstance(connection, dict) else {}
    try:
        task = find_task(arguments)
        folder = resolve_data_folder(
            os.path.dirname(script), str(connection.get("Dir") or ""), os.environ
        )
        container = build(connection, folder, log, secrets)
        spare_the_collector()
        tell_of_refused_wal(container, "task")
        lock = FileLock(folder.worker_lock)
        context = context_for(script, connection, container, lock)
        answer = task(context, arguments)
        # An outage whose worker was killed ends with the next task, and what is due begins; but a
        # program that asks starts nothing.
        is_open = context.records.breaker().state is not CircuitState.CLOSED
        if not as_json and (is_open or is_due(context)):
            context.ensure_worker()
    except (
        TaskError,
        ConfigFault,
        PlexError,
        StashError,
        NewerSchemaError,
        OSError,
        sqlite3.Error,
    ) as error:
        text = secrets.redact(str(error))
        log.error(text)
        return {"error": text}
    if as_json:
        return {"output": answer.as_json()}
    for line in answer.details:
        log.info(line)
    log.info(answer.text)
    return {"output": answer.text}

"""A task's process: find the task, build what it needs, run it, make sure of a worker."""

import os
import sqlite3
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.dependencies import activate_dependencies, dependency_problem, unusable_packages
from shared.data_folder import resolve_data_folder
from shared.file_lock import FileLock
from shared.log import Log, create_logger
from shared.redaction import Secrets
from tasks.answer import Answer
from tasks.arguments import arguments_of, check, wants_json
from tasks.doctor import MODE as DOCTOR
from tasks.errors import TaskError, unusable_database
from tasks.operations import mode_of


def answer_task(script: str, message: dict[str, Any]) -> dict[str, Any]:
    """Run one task, or answer one question, and return Stash's answer object."""
    secrets = Secrets()
    log = create_logger(secrets)
    try:
        arguments = arguments_of(message["args"])
        as_json = wants_json(arguments)
        answer = run_task(script, message.get("server_connection"), arguments, log, secrets)
    except TaskError as error:
        log.error(str(error))
        return {"error": log.redact(str(error))}
    except Exception as error:  # noqa: BLE001 - the entry would tell what this log hides
        log.error("A bug of Stash2Plex, please report it: " + traceback.format_exc())
        return {"error": f"A bug of Stash2Plex, please report it: {type(error).__name__}"}
    if as_json:
        return {"output": redacted(answer.as_json(), log)}
    for line in answer.details:
        log.info(line)
    log.info(answer.text)
    return {"output": log.redact(answer.text)}


def redacted(value: Any, log: Log) -> Any:
    """Return an answer for programs with all its texts as the log would show them."""
    if isinstance(value, str):
        return log.redact(value)
    if isinstance(value, list | tuple):
        return [redacted(one, log) for one in value]
    if isinstance(value, dict):
        return {name: redacted(one, log) for name, one in value.items()}
    return value


def run_task(
    script: str,
    server_connection: Any,
    arguments: Mapping[str, Any],
    log: Log,
    secrets: Secrets,
    *,
    in_stash: bool = True,
) -> Answer:
    """Run the task that the arguments name; whoever runs tasks does it by this function.

    Args:
        script: the plugin's entry script.
        server_connection: Stash's object of that name, as it arrived.
        arguments: the task's.
        log: is told on the way.
        secrets: learns what must not be told.
        in_stash: the log is Stash's: what the worker did since the last look belongs there.

    Raises:
        TaskError: it could not do its work; the text says why and what to do.
    """
    connection = server_connection if isinstance(server_connection, dict) else {}
    mode = mode_of(arguments)
    if wants_json(arguments):
        # Only here: a person's task loads what it needs anyway.
        from app.questions import QUESTIONS, answer_question  # noqa: PLC0415

        if mode in QUESTIONS:
            return answer_question(script, connection, arguments, log, secrets)
    plugin_dir = os.path.dirname(script)
    activate_dependencies(plugin_dir)
    if mode == DOCTOR:
        # Only here: it loads much that no other task needs.
        from app.examination import examine  # noqa: PLC0415

        check(arguments, DOCTOR, {})
        return examine(script, connection, unusable_packages(), log, secrets)
    problem = dependency_problem(plugin_dir)
    if problem:
        raise TaskError(problem)
    return _run(script, connection, arguments, log, secrets, in_stash=in_stash)


def _run(
    script: str,
    connection: dict[str, Any],
    arguments: Mapping[str, Any],
    log: Log,
    secrets: Secrets,
    *,
    in_stash: bool,
) -> Answer:
    # Only here: by now it is known that they can be imported.
    from app.collector import spare_the_collector  # noqa: PLC0415
    from app.container import build  # noqa: PLC0415
    from app.earlier import take_over  # noqa: PLC0415
    from app.journal_notice import tell_of_refused_wal  # noqa: PLC0415
    from app.reconciling import is_due  # noqa: PLC0415
    from app.relay import relay_worker_log  # noqa: PLC0415
    from app.settings_page import show_defaults  # noqa: PLC0415
    from app.task_context import context_for  # noqa: PLC0415
    from plex.exceptions import PlexError  # noqa: PLC0415
    from stash.exceptions import StashError  # noqa: PLC0415
    from sync_queue.database import NewerSchemaError  # noqa: PLC0415
    from tasks.registry import find_task  # noqa: PLC0415
    from worker.circuit_breaker import CircuitState  # noqa: PLC0415
    from worker.session import ConfigFault  # noqa: PLC0415

    faults = (ConfigFault, PlexError, StashError, NewerSchemaError, OSError)
    asked = wants_json(arguments)  # a program's question changes nothing, starts and tells nothing
    try:
        task = find_task(arguments)
        folder = resolve_data_folder(
            os.path.dirname(script), str(connection.get("Dir") or ""), os.environ
        )
        container = build(connection, folder, log, secrets)
        spare_the_collector()
        lock = FileLock(folder.worker_lock)
        context = context_for(script, connection, container, lock)
        if asked:
            return task(context, arguments)
        tell_of_refused_wal(container)
        relay = partial(relay_worker_log, folder, log) if in_stash else _nothing
        relay()
        took_over = take_over(container, lock)
        show_defaults(container)
        answer = task(context, arguments)
        relay()
        # An outage whose worker was killed ends with the next task, and what is due begins.
        is_open = context.records.breaker().state is not CircuitState.CLOSED
        if is_open or (took_over and container.queue.has_unfinished()) or is_due(context):
            context.ensure_worker()
    except sqlite3.Error as error:
        raise TaskError(unusable_database(error)) from error
    except faults as error:
        raise TaskError(str(error)) from error
    return answer


def _nothing() -> None:
    pass

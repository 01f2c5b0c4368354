import json
import os
import sqlite3
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app import main
from app.dependencies import activate_dependencies, dependency_problem, unusable_packages
from shared.data_folder import data_folder_of
from shared.events import Event
from shared.log import Log, create_logger
from stash.exceptions import StashError
from sync_queue.database import NewerSchemaError, connect
from sync_queue.queue_view import QueueView
from tasks.answer import Answer, Level, TaskError, unusable_database
from tasks.doctor import MODE as DOCTOR
from tasks.registry import arguments_of, find_question, mode_of, values_of, wants_json
from worker.state_files import StatusSource


def handle_input(script: str, data: bytes) -> str:
    try:
        message = json.loads(data or b"{}")
    except RecursionError:
        return _refusal("is nested too deeply")
    except ValueError as error:
        return _refusal(f"is not JSON: {error}")
    if not isinstance(message, dict):
        return _refusal("is not a JSON object")
    connection, arguments = message.get("server_connection"), message.get("args")
    if isinstance(arguments, dict) and "hookContext" in arguments:
        return main.answer_hook(script, arguments["hookContext"], json.dumps(connection))
    return json.dumps(_answer_task(script, connection, {} if arguments is None else arguments))


def _refusal(reason: str) -> str:
    return json.dumps(
        {"error": f"Stash2Plex expects the input of a Stash plugin, but its input {reason}"}
    )


def _answer_task(script: str, connection: Any, raw_arguments: Any) -> dict[str, Any]:
    log = create_logger()
    try:
        arguments = arguments_of(raw_arguments)
        as_json = wants_json(arguments)
        answer = run_task(script, connection, arguments, log, in_stash=True)
    except TaskError as error:
        log.error(str(error))
        return {"error": log.redact(str(error))}
    except Exception as error:  # noqa: BLE001 - the entry would show what this log redacts
        log.event(Event.BUG, trace=traceback.format_exc())
        return {"error": f"Bug in Stash2Plex, please report it: {type(error).__name__}"}
    if as_json:
        return {"output": redacted(answer.as_json(), log)}
    write = {Level.OK: log.info, Level.WARNING: log.warning, Level.FAULT: log.error}
    for level, line in answer.lines():
        write[level](line)
    return {"output": log.redact(answer.text)}


def redacted(value: Any, log: Log) -> Any:
    if isinstance(value, str):
        return log.redact(value)
    if isinstance(value, list | tuple):
        return [redacted(item, log) for item in value]
    if isinstance(value, dict):
        return {name: redacted(item, log) for name, item in value.items()}
    return value


def run_task(
    script: str, server_connection: Any, arguments: Mapping[str, Any], log: Log, *, in_stash: bool
) -> Answer:
    connection = server_connection if isinstance(server_connection, dict) else {}
    plugin_dir = os.path.dirname(script)
    try:
        question = find_question(arguments) if wants_json(arguments) else None
        if question is not None:
            return _answer_question(script, connection, question, log)
        activate_dependencies(plugin_dir)
        if mode_of(arguments) == DOCTOR:
            from app.doctor import examine  # noqa: PLC0415

            values_of(arguments, DOCTOR, {})
            return examine(script, connection, unusable_packages(), log)
        if problem := dependency_problem(plugin_dir):
            raise TaskError(problem)
        from app.processes.task_run import run  # noqa: PLC0415 - needs the packages

        return run(script, connection, arguments, log, in_stash=in_stash)
    except (ImportError, SyntaxError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise TaskError(Event.TASK_INCOMPLETE.sentence({"problem": problem})) from error
    except sqlite3.Error as error:
        raise TaskError(unusable_database(error)) from error
    except (NewerSchemaError, OSError) as error:
        raise TaskError(str(error)) from error


def _answer_question(
    script: str,
    connection: Mapping[str, Any],
    question: Callable[[StatusSource], Answer],
    log: Log,
) -> Answer:
    plugin_dir = os.path.dirname(script)

    def names(scene_ids: Sequence[int]) -> Mapping[int, str]:
        activate_dependencies(plugin_dir)
        try:
            from stash.connection import StashConnection, parse_address  # noqa: PLC0415 - slow
            from stash.scenes import StashScenes  # noqa: PLC0415
        except ImportError as error:
            raise StashError(dependency_problem(plugin_dir) or str(error)) from None
        stash = StashConnection(parse_address(connection), log.secrets.add)
        return StashScenes(stash).names(scene_ids)

    folder = data_folder_of(script, connection)
    queue = QueueView(connect(folder.queue_database), folder.queue_folder, time.time)
    return question(StatusSource(folder, log, queue, names, time.time))

"""A task's process: find the task, build what it needs, run it, make sure of a worker."""

import json
import os
import traceback
from collections.abc import Mapping
from typing import Any

from app import main
from app.dependencies import activate_dependencies, dependency_problem, unusable_packages
from app.processes.worker_failure import problem_of
from shared.events import Event
from shared.log import Log, create_logger
from shared.redaction import Secrets
from tasks.answer import Answer, TaskError
from tasks.arguments import arguments_of, check, mode_of, wants_json
from tasks.doctor import MODE as DOCTOR


def handle_input(script: str, data: bytes) -> str:
    """Answer, as JSON, input that `app.main` did not recognize as a hook."""
    try:
        message = json.loads(data or b"{}")
    except RecursionError:
        return _refusal("is nested too deeply")
    except ValueError as error:
        return _refusal(f"is no JSON: {error}")
    if not isinstance(message, dict):
        return _refusal("is no JSON object")
    if message.get("args") is None:
        message["args"] = {}
    if isinstance(message["args"], dict) and "hookContext" in message["args"]:
        connection = json.dumps(message.get("server_connection"))
        return main.answer_hook(script, message["args"]["hookContext"], connection)
    return json.dumps(answer_task(script, message))


def _refusal(reason: str) -> str:
    return json.dumps({"error": f"Stash2Plex is a plugin of Stash, its input {reason}"})


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
    except (ImportError, SyntaxError) as error:
        problem = problem_of(error)
        log.event(Event.TASK_INCOMPLETE, problem=problem)
        return {"error": log.redact(Event.TASK_INCOMPLETE.sentence({"problem": problem}))}
    except Exception as error:  # noqa: BLE001 - the entry would tell what this log hides
        log.event(Event.BUG, trace=traceback.format_exc())
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
        from app.processes.questions import QUESTIONS, answer_question  # noqa: PLC0415

        if mode in QUESTIONS:
            return answer_question(script, connection, arguments, log, secrets)
    plugin_dir = os.path.dirname(script)
    activate_dependencies(plugin_dir)
    if mode == DOCTOR:
        # Only here: it loads much that no other task needs.
        from app.doctor.examination import examine  # noqa: PLC0415

        check(arguments, DOCTOR, {})
        return examine(script, connection, unusable_packages(), log, secrets)
    problem = dependency_problem(plugin_dir)
    if problem:
        raise TaskError(problem)
    # Only here: by now it is known that what it needs can be imported.
    from app.processes.task_run import run  # noqa: PLC0415

    return run(script, connection, arguments, log, secrets, in_stash=in_stash)

"""Saves some of the settings: reads what is stored, checks what is new, writes both together."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tasks.answer import Answer
from tasks.arguments import mapping
from tasks.context import TaskContext
from tasks.errors import TaskError
from validation.config import Config, parse_config


def save_settings(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Store the settings that the argument `settings` holds; the others stay as they are.

    Raises:
        TaskError: one is unknown or has a value that cannot be used; nothing was stored.
        StashError: the settings could not be read or written.
    """
    changes = mapping(arguments, "settings")
    if not changes:
        message = "settings is missing; an object of names and values is wanted"
        raise TaskError(message)
    known = {setting.name for setting in fields(Config)}
    unknown = sorted(str(name) for name in changes if name not in known)
    if unknown:
        message = f"Nothing was saved: there is no setting {', '.join(unknown)[:200]}"
        raise TaskError(message)
    parsed = parse_config(changes, {})
    problems = [
        problem
        for problem in (*parsed.faults, *parsed.warnings)
        if any(problem.startswith(f"{name} ") for name in changes)
    ]
    if problems:
        raise TaskError(f"Nothing was saved: {'; '.join(problems)}")
    context.sessions.change(changes)
    names = ", ".join(sorted(changes))
    return Answer(f"Saved: {names}. A worker that runs sees it within 10 s")

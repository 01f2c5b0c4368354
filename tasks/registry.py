"""The table of all tasks, and the parsers of their arguments.

Stash passes each value as a text, and `null` as an empty text. Programs may pass any JSON type. A
wrong value is an error, because a misspelt `dry_run` must not start a run that changes data.

A task raises TaskError with the reason and the remedy. `app.processes.task_run` converts errors of
Plex, Stash, settings, files and databases to TaskError.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.answer import Answer, TaskError
from tasks.doctor import MODE as DOCTOR
from validation.values import Parser, ValueProblem, boolean, choice, in_brief, is_empty, number

# These modules import packages, which may be missing.
if TYPE_CHECKING:
    from worker.services import Services
    from worker.state_files import StatusSource

# Users may write these short names instead of the full name of a task.
ALIASES = {"status": "queue_status", "outages": "outage_summary", "dead_letters": "show_dlq"}
MODE, FORMAT = "mode", "format"


class Argument(NamedTuple):
    parse: Parser
    default: Any = None
    # If a required argument is missing, the error message has this remedy. The text is empty for an
    # optional argument.
    missing: str = ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueProblem("a text")
    return value.strip()


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueProblem("an object of names and values")
    return value


def _scene_id(value: Any, hint: str) -> int:
    try:
        return int(number(1, 2**31 - 1, int)(value))
    except ValueProblem:
        raise ValueProblem(f"the number of a scene, {hint}") from None


def _needed_scene(missing: str = "the number of a scene") -> Argument:
    parse = partial(_scene_id, hint="as in the address of its page: /scenes/12")
    return Argument(parse, missing=missing)


_FLAG = Argument(boolean, default=False)
_ANY_TEXT = Argument(_text, default="")
_SCENE_OR_ALL = Argument(partial(_scene_id, hint="such as 123, or nothing for all"))
_FORMAT = Argument(choice("text", "json"), default="text")
_SETTINGS = Argument(_object, missing="give an object of names and values")
_TYPED = Argument(_object, default=MappingProxyType({}))
_HOW_TO_INSPECT = (
    "give the number of a scene. The tab 'Plex' of the scene's page in Stash shows the same answer"
)
_HOW_TO_TEST = "give the number of a synced scene, as in the address of its page: /scenes/12"


class Task(NamedTuple):
    """A task. Its function is given by name, so only the module of a requested task is imported."""

    target: str
    arguments: Mapping[str, Argument] = MappingProxyType({})
    # If `reads_only` is True, the task only reads the data folder. Its function takes a
    # `StatusSource` instead of `Services`, because `Services` needs installed packages.
    reads_only: bool = False


_RECONCILE = "sync.reconcile:reconcile_"
TASKS: Mapping[str, Task] = {
    "all": Task("sync.sync_scenes:sync_all", {"force": _FLAG}),
    "recent": Task("sync.sync_scenes:sync_recent"),
    "queue_status": Task("status.queue_status:queue_status", reads_only=True),
    "inspect": Task(
        "status.inspect_scene:inspect_scene", {"scene_id": _needed_scene(_HOW_TO_INSPECT)}
    ),
    "show_dlq": Task("dead_letters.show:show_dlq", reads_only=True),
    "retry_dlq": Task(
        "dead_letters.retry_or_remove:retry_dlq",
        {"error_type": _ANY_TEXT, "scene_id": _SCENE_OR_ALL},
    ),
    "clear_queue": Task("sync.process_queue:clear_queue"),
    "clear_dlq": Task("dead_letters.retry_or_remove:clear_dlq"),
    "purge_dlq": Task(
        "dead_letters.retry_or_remove:purge_dlq",
        {"days": Argument(number(1, 365, int), default=30)},
    ),
    "clear_match_cache": Task("sync.clear_match_cache:clear_match_cache"),
    "check_paths": Task("settings.check_paths:check_paths"),
    "health_check": Task("status.health_check:health_check", {FORMAT: _FORMAT}),
    "outage_summary": Task("status.queue_status:outage_summary", reads_only=True),
    "recover_outage_jobs": Task(
        "dead_letters.retry_or_remove:recover_outage_jobs_task", {"include_optional": _FLAG}
    ),
    "process_queue": Task("sync.process_queue:process_queue"),
    "preview_sync": Task("sync.preview_sync:preview_sync", {"scene_id": _SCENE_OR_ALL}),
    "restore_values": Task("sync.restore_and_unlock:restore_values", {"scene_id": _SCENE_OR_ALL}),
    "unlock_fields": Task("sync.restore_and_unlock:unlock_fields", {"scene_id": _SCENE_OR_ALL}),
    "test_write": Task("sync.test_write:test_write", {"scene_id": _needed_scene(_HOW_TO_TEST)}),
    "reconcile_all": Task(f"{_RECONCILE}all", {"dry_run": _FLAG}),
    "reconcile_recent": Task(f"{_RECONCILE}recent", {"dry_run": _FLAG}),
    "reconcile_7days": Task(f"{_RECONCILE}7days", {"dry_run": _FLAG}),
    "reconcile_missing_metadata": Task(f"{_RECONCILE}missing_metadata", {"dry_run": _FLAG}),
    "sign_in": Task("settings.sign_in:sign_in", {"server": _ANY_TEXT}),
    "sign_in_status": Task(
        "settings.sign_in:sign_in_status", {"server": _ANY_TEXT, "reset": _FLAG}
    ),
    "overview": Task("status.page:overview"),
    "first_run": Task(
        "settings.first_run:first_run",
        {
            "step": Argument(
                choice("libraries", "paths", "preview", "done"), missing="give the next step"
            )
        },
    ),
    "preview_examples": Task("sync.preview_sync:preview_examples"),
    "try_settings": Task(
        "settings.try_settings:try_settings", {"scene": _ANY_TEXT, "settings": _TYPED}
    ),
    "test_connection": Task("status.health_check:test_connection", {"settings": _TYPED}),
    "wake": Task("status.page:wake"),
    "scene_status": Task("status.page:scene_status", {"scene_id": _needed_scene()}),
    "sync_scene": Task("sync.sync_scenes:sync_scene", {"scene_id": _needed_scene()}),
    "drop_dlq": Task(
        "dead_letters.retry_or_remove:drop_dlq",
        {"error_type": _ANY_TEXT, "scene_id": _SCENE_OR_ALL},
    ),
    "try_path": Task(
        "settings.check_paths:try_path",
        {"path": Argument(_text, missing="give a file's path in Stash")},
    ),
    "save_settings": Task(
        "settings.save_settings:save_settings",
        {"settings": _SETTINGS, "confirmed": _FLAG, FORMAT: _FORMAT},
    ),
}
MODES = frozenset((*TASKS, DOCTOR))


def find_task(arguments: Mapping[str, Any]) -> "Callable[[Services], Answer]":
    """Return the task of the argument `mode`. Raise TaskError for a wrong argument."""
    mode = mode_of(arguments)
    task = TASKS.get(mode)
    if task is None:
        raise _refusal(MODE, arguments.get(MODE), ", ".join(sorted(MODES)))
    values = values_of(arguments, mode, task.arguments)
    function = _load(task)
    if task.reads_only:
        return lambda services: function(services.status_source)
    return partial(function, **values)


def find_question(arguments: Mapping[str, Any]) -> "Callable[[StatusSource], Answer] | None":
    """Return the task of the argument `mode`, or None if it needs more than the data folder."""
    mode = mode_of(arguments)
    task = TASKS.get(mode)
    if task is None or not task.reads_only:
        return None
    values_of(arguments, mode, {})
    return _load(task)


def _load(task: Task) -> Callable[..., Answer]:
    module, _, function = task.target.partition(":")
    loaded: Callable[..., Answer] = getattr(importlib.import_module(f"tasks.{module}"), function)
    return loaded


def values_of(
    arguments: Mapping[str, Any], mode: str, known: Mapping[str, Argument]
) -> dict[str, Any]:
    for name in arguments:
        if name not in (MODE, FORMAT, *known):
            allowed = ", ".join(dict.fromkeys((*known, MODE, FORMAT)))
            raise TaskError(
                f"{mode} has no argument {in_brief(name)}; allowed: {allowed}. Nothing was done"
            )
    wants_json(arguments)
    values = {name: read(arguments, name, argument) for name, argument in known.items()}
    for name, argument in known.items():
        if argument.missing and not values[name]:
            raise TaskError(f"{name} is missing: {argument.missing}")
    return values


def read(arguments: Mapping[str, Any], name: str, argument: Argument) -> Any:
    value = arguments.get(name)
    if is_empty(value):
        return argument.default
    try:
        return argument.parse(value)
    except ValueProblem as problem:
        raise _refusal(name, value, str(problem)) from None


def wants_json(arguments: Mapping[str, Any]) -> bool:
    return bool(read(arguments, FORMAT, _FORMAT) == "json")


def mode_of(arguments: Mapping[str, Any]) -> str:
    mode = str(arguments.get(MODE) or "").strip().lower()
    return ALIASES.get(mode, mode)


def arguments_of(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise _refusal("args", raw, 'an object such as {"mode": "queue_status"}')
    return raw


def _refusal(name: str, value: Any, allowed: str) -> TaskError:
    given = "not given" if value is None else in_brief(value)
    return TaskError(f"{name} is {given}; allowed: {allowed}. Nothing was done")

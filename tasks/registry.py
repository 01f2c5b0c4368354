import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.answer import Answer, TaskError
from tasks.doctor import MODE as DOCTOR
from validation.values import Parser, ValueProblem, boolean, choice, in_brief, is_empty, number

if TYPE_CHECKING:
    from worker.services import Services
    from worker.state_files import StatusSource

ALIASES = {"status": "queue_status", "outages": "outage_summary", "dead_letters": "show_dlq"}
MODE, FORMAT = "mode", "format"


class Argument(NamedTuple):
    parse: Parser
    default: Any = None
    missing: str = ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueProblem("a text in quotation marks")
    return value.strip()


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueProblem("a JSON object of setting names and values")
    return value


def _scene_id(value: Any, hint: str) -> int:
    try:
        return int(number(1, 2**31 - 1, int)(value))
    except ValueProblem:
        raise ValueProblem(f"the number of a scene, {hint}") from None


_FLAG = Argument(boolean, default=False)
_ANY_TEXT = Argument(_text, default="")
_parse_scene = partial(_scene_id, hint="as in the address of its page: /scenes/12")
_SCENE = Argument(_parse_scene, missing="the number of a scene")
_INSPECTED = _SCENE._replace(
    missing="give the number of a scene. The tab 'Plex' of the scene's page in Stash shows the "
    "same answer"
)
_TESTED = _SCENE._replace(
    missing="give the number of a synced scene, as in the address of its page: /scenes/12"
)
_SCENE_OR_ALL = Argument(partial(_scene_id, hint="such as 123, or nothing for all"))
_FORMAT = Argument(choice("text", "json"), default="text")
_SETTINGS = Argument(_object, missing="give a JSON object of setting names and values")
_TYPED = Argument(_object, default=MappingProxyType({}))
_DAYS = Argument(number(1, 365, int), default=30)
_STEP = Argument(choice("libraries", "paths", "preview", "done"), missing="give the next step")
_PATH = Argument(_text, missing="give a file's path in Stash")
_DRY_RUN = {"dry_run": _FLAG}
_LETTERS = {"error_type": _ANY_TEXT, "scene_id": _SCENE_OR_ALL}
_SAVED = {"settings": _SETTINGS, "confirmed": _FLAG, FORMAT: _FORMAT}


class Task(NamedTuple):
    # `target` is `module:function`, or only `module` if the function has the task's name.
    target: str
    arguments: Mapping[str, Argument] = MappingProxyType({})
    # A task with `reads_only` needs no installed package, and its function gets a `StatusSource`.
    reads_only: bool = False


TASKS: Mapping[str, Task] = {
    "all": Task("sync.sync_scenes:sync_all", {"force": _FLAG}),
    "recent": Task("sync.sync_scenes:sync_recent"),
    "queue_status": Task("status.queue_status", reads_only=True),
    "inspect": Task("status.inspect_scene:inspect_scene", {"scene_id": _INSPECTED}),
    "show_dlq": Task("dead_letters.show", reads_only=True),
    "retry_dlq": Task("dead_letters.retry_or_remove", _LETTERS),
    "clear_queue": Task("sync.process_queue"),
    "clear_dlq": Task("dead_letters.retry_or_remove"),
    "purge_dlq": Task("dead_letters.retry_or_remove", {"days": _DAYS}),
    "clear_match_cache": Task("sync.clear_match_cache"),
    "check_paths": Task("settings.check_paths"),
    "health_check": Task("status.health_check", {FORMAT: _FORMAT}),
    "outage_summary": Task("status.queue_status", reads_only=True),
    "recover_outage_jobs": Task("dead_letters.retry_or_remove", {"include_optional": _FLAG}),
    "process_queue": Task("sync.process_queue"),
    "preview_sync": Task("sync.preview_sync", {"scene_id": _SCENE_OR_ALL}),
    "restore_values": Task("sync.restore_and_unlock", {"scene_id": _SCENE_OR_ALL}),
    "unlock_fields": Task("sync.restore_and_unlock", {"scene_id": _SCENE_OR_ALL}),
    "test_write": Task("sync.test_write", {"scene_id": _TESTED}),
    "reconcile_all": Task("sync.reconcile", _DRY_RUN),
    "reconcile_recent": Task("sync.reconcile", _DRY_RUN),
    "reconcile_7days": Task("sync.reconcile", _DRY_RUN),
    "reconcile_missing_metadata": Task("sync.reconcile", _DRY_RUN),
    "sign_in": Task("settings.sign_in", {"server": _ANY_TEXT}),
    "sign_in_status": Task("settings.sign_in", {"server": _ANY_TEXT, "reset": _FLAG}),
    "overview": Task("status.page"),
    "first_run": Task("status.page", {"step": _STEP}),
    "preview_examples": Task("sync.preview_sync"),
    "try_settings": Task("settings.try_settings", {"scene": _ANY_TEXT, "settings": _TYPED}),
    "test_connection": Task("status.health_check", {"settings": _TYPED}),
    "wake": Task("status.page"),
    "scene_status": Task("status.page", {"scene_id": _SCENE}),
    "sync_scene": Task("sync.sync_scenes", {"scene_id": _SCENE}),
    "drop_dlq": Task("dead_letters.retry_or_remove", _LETTERS),
    "try_path": Task("settings.check_paths", {"path": _PATH}),
    "save_settings": Task("settings.save_settings", _SAVED),
}
MODES = frozenset((*TASKS, DOCTOR))


def find_task(arguments: Mapping[str, Any]) -> "Callable[[Services], Answer]":
    mode = mode_of(arguments)
    task = TASKS.get(mode)
    if task is None:
        raise _refusal(MODE, arguments.get(MODE), f"one of: {', '.join(sorted(MODES))}")
    values = values_of(arguments, mode, task.arguments)
    return partial(_load(mode, task), **values)


def find_question(arguments: Mapping[str, Any]) -> "Callable[[StatusSource], Answer] | None":
    mode = mode_of(arguments)
    task = TASKS.get(mode)
    if task is None or not task.reads_only:
        return None
    values_of(arguments, mode, {})
    return _load(mode, task)


def _load(mode: str, task: Task) -> Callable[..., Answer]:
    module, _, name = task.target.partition(":")
    loaded = importlib.import_module(f"tasks.{module}")
    function: Callable[..., Answer] = getattr(loaded, name or mode)
    return function


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
        raise _refusal("args", raw, 'a JSON object such as {"mode": "queue_status"}')
    return raw


def _refusal(name: str, value: Any, allowed: str) -> TaskError:
    given = "not given" if value is None else in_brief(value)
    return TaskError(f"The argument {name} is {given}, but must be {allowed}. Nothing was done")

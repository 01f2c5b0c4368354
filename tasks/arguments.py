"""Reads the arguments of tasks; every reader raises TaskError for a wrong value.

Stash passes values as text (`null` as an empty text), programs may pass any JSON type. A wrong
value is an error, so that a misspelt `dry_run` does not start a run that changes something.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tasks.answer import TaskError
from validation.values import Parser, ValueProblem, boolean, choice, in_brief, is_empty, number

# Short names of modes.
ALIASES: Mapping[str, str] = {
    "status": "queue_status",
    "outages": "outage_summary",
    "dead_letters": "show_dlq",
}
Reader = Callable[[Mapping[str, Any], str], object]
MODE, FORMAT = "mode", "format"
_ALWAYS = (MODE, FORMAT)
_TEXT, _JSON = "text", "json"
_DEFAULT_DAYS, _FEWEST_DAYS, _MOST_DAYS = 30, 1, 365
_LAST_SCENE = 2**31 - 1  # GraphQL's Int


def arguments_of(raw: Any) -> Mapping[str, Any]:
    """Return a task's arguments."""
    if not isinstance(raw, Mapping):
        raise refusal("args", raw, 'an object such as {"mode": "queue_status"}')
    return raw


def flag(arguments: Mapping[str, Any], name: str) -> bool:
    """Return a boolean; False without the argument."""
    return bool(_parsed(arguments, name, boolean, False))


def whole_number(arguments: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    """Return a whole number from `low` to `high`."""
    return int(_parsed(arguments, name, number(low, high, int), default))


def days_argument(arguments: Mapping[str, Any], name: str = "days") -> int:
    """Return the minimum age, in days, of dead letters to purge."""
    return whole_number(arguments, name, _FEWEST_DAYS, _MOST_DAYS, _DEFAULT_DAYS)


def word(arguments: Mapping[str, Any], name: str, words: Collection[str]) -> str | None:
    """Return one of these words, in any case; None without the argument."""
    found = _parsed(arguments, name, choice(*words), None)
    return None if found is None else str(found)


def text(arguments: Mapping[str, Any], name: str) -> str:
    """Return a text; empty without the argument."""
    given = arguments.get(name)
    if is_empty(given):
        return ""
    if not isinstance(given, str):
        raise refusal(name, given, "a text")
    return given.strip()


def mapping(arguments: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object; empty without the argument."""
    given = arguments.get(name)
    if is_empty(given):
        return {}
    if not isinstance(given, Mapping):
        raise refusal(name, given, "an object of names and values")
    return given


def scene_argument(arguments: Mapping[str, Any], name: str = "scene_id") -> int | None:
    """Return a scene id; None, for all scenes, without the argument."""
    found = _parsed(arguments, name, _scene_id_of("such as 123, or nothing for all"), None)
    return None if found is None else int(found)


def wants_json(arguments: Mapping[str, Any]) -> bool:
    """Tell whether the answer is for a program."""
    return word(arguments, FORMAT, (_TEXT, _JSON)) == _JSON


def check(arguments: Mapping[str, Any], task: str, known: Mapping[str, Reader]) -> None:
    """Raise TaskError for an unknown argument or a wrong value."""
    for name, value in arguments.items():
        if name not in _ALWAYS and name not in known:
            message = (
                f"{task} has no argument {in_brief(name)} (it is {in_brief(value)}); allowed: "
                f"{', '.join((*known, *_ALWAYS))}. Nothing was done"
            )
            raise TaskError(message)
    wants_json(arguments)
    for name, read in known.items():
        read(arguments, name)


def refusal(name: str, value: Any, allowed: str) -> TaskError:
    """Return the error about a wrong value."""
    given = "not given" if value is None else in_brief(value)
    return TaskError(f"{name} is {given}; allowed: {allowed}. Nothing was done")


def one_scene(arguments: Mapping[str, Any], name: str = "scene_id") -> int | None:
    """Return a scene id for a task of one scene; None without the argument."""
    found = _parsed(
        arguments, name, _scene_id_of("as in the address of its page: /scenes/12"), None
    )
    return None if found is None else int(found)


def required_scene(arguments: Mapping[str, Any], hint: str = "the number of a scene") -> int:
    """Return the argument `scene_id`; without it raise TaskError with the hint."""
    scene_id = one_scene(arguments)
    if scene_id is None:
        message = f"scene_id is missing: {hint}"
        raise TaskError(message)
    return scene_id


def _scene_id_of(hint: str) -> Parser:
    def parse(value: Any) -> int:
        try:
            return int(number(1, _LAST_SCENE, int)(value))
        except ValueProblem:
            raise ValueProblem(f"the number of a scene, {hint}") from None

    return parse


def _parsed(arguments: Mapping[str, Any], name: str, parse: Parser, default: Any) -> Any:
    given = arguments.get(name)
    if is_empty(given):
        return default
    try:
        return parse(given)
    except ValueProblem as problem:
        raise refusal(name, given, str(problem)) from None


def mode_of(arguments: Mapping[str, Any]) -> str:
    """Return the mode, which may be unknown; short names are expanded."""
    mode = str(arguments.get("mode") or "").strip().lower()
    return ALIASES.get(mode, mode)

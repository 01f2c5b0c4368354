from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from simulators.rig import REPOSITORY
from simulators.stash.plugin_manifest import load
from tasks.answer import TaskError
from tasks.registry import (
    ALIASES,
    MODES,
    TASKS,
    Argument,
    arguments_of,
    find_task,
    mode_of,
    read,
    wants_json,
)
from tests.validation.strategies import JSON
from validation.values import in_brief

Arguments = Mapping[str, Any]
MANIFEST = load(REPOSITORY / "Stash2Plex.yml")
Read = Callable[[Arguments], Any]


def _reader(name: str, argument: Argument) -> Read:
    return lambda arguments: read(arguments, name, argument)


# How each argument that a task may have is read, and what it is when it is not given.
READERS: dict[str, Read] = {
    **{
        name: _reader(name, one)
        for entry in TASKS.values()
        for name, one in entry.arguments.items()
    },
    # Of most; `inspect` has one that allows no nothing.
    "scene_id": _reader("scene_id", TASKS["retry_dlq"].arguments["scene_id"]),
    "format": wants_json,
}
BOOLEAN, DAYS = "true or false", "a whole number from 1 to 365"
SCENE, TEXT = "the number of a scene, such as 123", "a text in quotation marks"
NO_LIST: Any = []
NO_OBJECT: Any = {}
WRONG: list[tuple[str, Any, str]] = [
    *(("dry_run", value, BOOLEAN) for value in ("maybe", "ture", 2, [True], {"yes": 1})),
    *(("force", value, BOOLEAN) for value in ("perhaps", -1, 0.5, NO_LIST)),
    *(("include_optional", value, BOOLEAN) for value in (NO_LIST, NO_OBJECT, "all")),
    *(("days", value, DAYS) for value in (-1, 0, 366, 1e9, 1.5, 10**400, float("inf"))),
    *(("days", value, DAYS) for value in ("x", "30 days", "nan", True, NO_LIST, {"days": 3})),
    *(("scene_id", value, SCENE) for value in (-1, 0, 1.5, 2**31, False, True)),
    *(("scene_id", value, SCENE) for value in ("abc", "0", "1_2", "१२", "12; 13")),
    *(("scene_id", value, SCENE) for value in (NO_LIST, NO_OBJECT, [12])),
    ("reset", "maybe", BOOLEAN),
    ("confirmed", "maybe", BOOLEAN),
    ("server", 5, TEXT),
    ("step", "fly", "libraries or paths or preview or done"),
    ("scene", 5, TEXT),
    *(("path", value, TEXT) for value in (5, ["/a"])),
    ("settings", "enabled", "a JSON object of setting names and values"),
    ("settings", [1], "a JSON object of setting names and values"),
    *(("error_type", value, TEXT) for value in (5, ["PlexNotFound"])),
    *(("format", value, "text or json") for value in ("xml", True, ["json"], NO_OBJECT)),
]


def refusal_of(read: Read, arguments: Any) -> str:
    with pytest.raises(TaskError) as caught:
        read(arguments)
    return str(caught.value)


def test_there_is_a_wrong_value_of_every_argument_and_thirty_in_all() -> None:
    assert {name for name, _, _ in WRONG} == READERS.keys()
    assert len(WRONG) >= 30


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG, ids=lambda one: str(one)[:30])
def test_a_wrong_argument_is_named_with_allowed_values(name: str, value: Any, allowed: str) -> None:
    said = refusal_of(READERS[name], {"mode": "some", name: value})

    assert said.startswith(f"The argument {name} is {in_brief(value)}, but must be {allowed}")
    assert said.endswith(". Nothing was done")


def test_a_wrong_argument_is_shown_as_json() -> None:
    said = refusal_of(READERS["days"], {"days": {"yes": True, "no": None}})

    assert said.startswith('The argument days is {"yes": true, "no": null}, but must be')


def test_an_argument_may_come_as_text_or_as_what_it_is() -> None:
    for yes in (True, 1, "true", "TRUE", " yes ", "on", "1"):
        assert READERS["force"]({"force": yes}) is True
    for no in (False, 0, "false", "no", "off", "0"):
        assert READERS["force"]({"force": no}) is False
    assert [READERS["days"]({"days": one}) for one in (7, "7", " 7 ", 7.0, "7.0")] == [7] * 5
    assert [READERS["scene_id"]({"scene_id": one}) for one in (12, "12", " 12 ", 12.0)] == [12] * 4
    assert [wants_json({"format": one}) for one in ("json", " JSON ", "text", "Text")] == [
        True,
        True,
        False,
        False,
    ]


@given(value=JSON, name=st.sampled_from(sorted(READERS)))
def test_any_json_is_understood_or_refused_in_one_line(value: Any, name: str) -> None:
    said = ""
    try:
        found = READERS[name]({name: value})
    except TaskError as error:
        found, said = None, str(error)

    assert found is None or isinstance(found, bool | str | Mapping) or 1 <= found < 2**31
    assert said == "" or (said.startswith(f"The argument {name} is ") and len(said) < 300)


def test_a_short_name_means_its_mode() -> None:
    assert {mode_of({"mode": short}) for short in ALIASES} == set(ALIASES.values()) <= set(TASKS)


WRONG_MODES: list[tuple[Any, str]] = [
    ({}, "The argument mode is not given"),
    ({"mode": None}, "The argument mode is not given"),
    ({"mode": ""}, "The argument mode is ''"),
    ({"mode": "sing"}, "The argument mode is 'sing'"),
    ({"mode": "reconcile"}, "The argument mode is 'reconcile'"),
    ({"mode": 5}, "The argument mode is 5"),
    ({"mode": True}, "The argument mode is true"),
    ({"mode": ["all"]}, 'The argument mode is ["all"]'),
    ({"mode": {"all": 1}}, 'The argument mode is {"all": 1}'),
    ({"mode": float("nan")}, "The argument mode is NaN"),
    ({"mode": "x" * 10_000}, "The argument mode is 'xxxx"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG_MODES, ids=lambda one: str(one)[:30])
def test_an_unknown_mode_is_answered_with_all_that_there_are(arguments: Any, said: str) -> None:
    answer = refusal_of(find_task, arguments)

    assert answer.startswith(said)
    assert f", but must be one of: {', '.join(sorted(MODES))}" in answer
    assert len(answer) < 1000


@pytest.mark.parametrize("arguments", [[], ["mode", "all"], "mode", 5, 0.5, True])
def test_arguments_that_are_no_object_are_answered_with_an_example(arguments: Any) -> None:
    answer = refusal_of(arguments_of, arguments)

    given = in_brief(arguments)
    assert answer.startswith(f"The argument args is {given}, but must be a JSON object such as")
    assert '{"mode": "queue_status"}' in answer


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, value, _ in WRONG], ids=lambda one: str(one)[:30]
)
def test_a_task_with_a_wrong_value_does_not_begin(name: str, value: Any) -> None:
    modes = [mode for mode, entry in TASKS.items() if name in entry.arguments] or list(TASKS)

    for mode in modes:
        said = refusal_of(find_task, {"mode": mode, name: value})
        assert said.startswith(f"The argument {name} is ")

"""What users and Stash read of the project agrees with itself."""

import re
import tomllib
from dataclasses import fields

import pytest

from simulators.rig import REPOSITORY
from simulators.stash.plugin_manifest import Operation, load
from tasks.doctor import MODE as DOCTOR
from tasks.registry import MODES, find_task
from validation.config import Config

MANIFEST = load(REPOSITORY / "Stash2Plex.yml")
NOT_SHOWN = {"dlq_retention_days", "reconcile_batch_size"}  # read, but not shown on the page

EMPTY = {"plex_unmatched_path_map"} | {one.name for one in fields(Config) if one.default == ""}


def test_the_version_stands_in_one_place_and_is_repeated_right() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")

    newest = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)

    assert newest is not None
    assert project["project"]["version"] == MANIFEST.version == newest.group(1)


def test_every_setting_of_the_page_is_one_that_the_plugin_reads_and_the_other_way_round() -> None:
    known = {field.name for field in fields(Config)}

    assert {setting.name for setting in MANIFEST.settings} == known - NOT_SHOWN


@pytest.mark.parametrize("task", MANIFEST.tasks, ids=lambda task: str(task.name))
def test_every_task_of_the_page_runs_without_a_further_argument(task: Operation) -> None:
    if task.default_args["mode"] != DOCTOR:
        find_task(task.default_args)

    assert task.default_args["mode"] in MODES


def test_destructive_tasks_are_the_last_and_say_so() -> None:
    destructive = [task.description.startswith("Destructive. ") for task in MANIFEST.tasks]

    assert [task.default_args["mode"] for task in MANIFEST.tasks][-4:] == [
        "purge_dlq", "clear_dlq", "clear_queue", "restore_values",
    ]  # fmt: skip
    assert destructive == [False] * (len(destructive) - 4) + [True] * 4


def test_every_dependency_is_pinned_and_has_its_reason() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    pinned = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("]")[0]

    lines = [line.strip() for line in block.strip().splitlines()]

    assert [line for line in lines if "#" not in line] == []
    for line in lines:
        name = re.match(r'"([\w-]+)', line)
        assert name is not None
        assert f"{name.group(1)}==" in pinned


def test_the_plugins_folder_holds_a_single_yml() -> None:
    found = [
        str(path.relative_to(REPOSITORY))
        for path in REPOSITORY.rglob("*.yml")
        if not {".venv", ".git", "build", "dist"} & set(path.relative_to(REPOSITORY).parts)
    ]

    assert found == ["Stash2Plex.yml"]


def test_every_setting_is_in_the_documentation_with_its_default_and_under_its_name() -> None:
    page = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (?:\*\*.*?\*\* \()?`(\w+)`\)? \| (.*?) \|", page, re.MULTILINE))
    shown = {setting.name: setting.display_name for setting in MANIFEST.settings}
    defaults = {
        **dict.fromkeys(EMPTY, "empty"),
        **dict.fromkeys(("plex_url", "plex_token"), "required"),
    }

    assert rows.keys() == {field.name for field in fields(Config)}
    for name, display_name in shown.items():
        assert f"**{display_name}** (`{name}`)" in page
    for field in fields(Config):
        told = rows[field.name].strip("`").partition(":")[0]
        assert told == defaults.get(field.name, _as_shown(field.default)), field.name


def test_every_setting_of_the_page_tells_its_default() -> None:
    for setting in MANIFEST.settings:
        default = _as_shown(next(one.default for one in fields(Config) if one.name == setting.name))
        required = setting.name in ("plex_url", "plex_token")
        told = (
            "Required." if required
            else "If empty (the default), " if setting.name in EMPTY
            else f"{default.capitalize()} by default." if default in ("on", "off")
            else f"The default is {default}."
        )  # fmt: skip
        assert told in setting.description, setting.name


def _as_shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, int | float) else str(default)

"""Nothing unknown gets in: pinned, hashed, audited, and never fetched at run time."""

import ast
import re
from pathlib import Path

import pytest

from app.dependencies import DEPENDENCIES, Dependency, is_accepted
from simulators.rig import REPOSITORY
from tests.test_architecture import imports, sources
from tools.release.wheels import read_pins

PINS = read_pins(REPOSITORY / "requirements.txt")
# What could bring code in: installers, and what reads a URL without being asked to speak to Plex
# or Stash.
FETCHERS = {"pip", "ensurepip", "venv", "setuptools", "pkg_resources", "zipimport", "ftplib"}


def test_the_versions_that_are_checked_at_run_time_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("]")[0]

    wanted = set(re.findall(r'"([\w-]+)([=>]=[\d.]+)"', block))

    assert {(one.package, one.needed) for one in DEPENDENCIES} == wanted


@pytest.mark.parametrize("one", DEPENDENCIES, ids=lambda one: str(one.package))
def test_what_is_pinned_is_a_version_that_is_accepted(one: Dependency) -> None:
    (pinned,) = [pin.version for pin in PINS if pin.name == one.package]

    assert is_accepted(pinned, one.needed)


@pytest.mark.parametrize(
    ("found", "needed", "accepted"),
    [
        ("2.32", ">=2.32", True),
        ("2.32.0", ">=2.32", True),
        ("2.100.1", ">=2.32", True),
        ("3", ">=2.32", True),
        ("2.31.9", ">=2.32", False),
        ("1.1", "==1.1.0", True),
        ("1.1.0.post1", "==1.1.0", True),
        ("1.1.1", "==1.1.0", False),
        ("1.10", "==1.1.0", False),
        ("", ">=0.1", False),
    ],
)
def test_versions_are_compared_by_their_numbers(found: str, needed: str, accepted: bool) -> None:
    assert is_accepted(found, needed) is accepted


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_code_of_the_plugin_fetches_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {name for name, _ in imports(path)}
    wholly = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    arguments = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert modules & FETCHERS == set()
    assert wholly & {"urllib.request", "importlib.util", "runpy"} == set()
    assert called & {"exec", "eval", "compile", "__import__"} == set()
    # The command is told to people; as an argument of its own it would be run.
    assert arguments & {"pip", "pip3", "ensurepip", "git", "curl", "wget"} == set()
    if "subprocess" in modules:
        assert path == REPOSITORY / "shared" / "windows.py"

"""The layout is the architecture: imports point downwards, and files stay readable."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from shared.events import Event
from simulators.rig import REPOSITORY

# A folder may import its own floor's folder and every floor below.
FLOORS = {
    "shared": 0,
    "validation": 1,
    "plex": 2,
    "stash": 2,
    "sync_queue": 2,
    "worker": 3,
    "legacy": 3,
    "reconciliation": 4,
    "hooks": 4,
    "tasks": 5,
    "app": 6,
    "Stash2Plex": 6,
}
# The persist-queue subclass is the queue's own; the other clients have one home each.
HOMES = {"plexapi": {"plex"}, "stashapi": {"stash"}, "persistqueue": {"sync_queue"}}
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 400, 60
# Imports inside functions: the entry, `main` and `arguments` guard the measured hook path. In the
# other files, only the run shows whether packages are installed.
LAZY = {
    "Stash2Plex.py",
    "shared/windows.py",
    "app/main.py",
    "app/arguments.py",
    "app/processes/worker_process.py",
    "app/processes/task_process.py",
    "app/doctor.py",
}


@cache
def sources() -> list[Path]:
    folders = [REPOSITORY / name for name in FLOORS if (REPOSITORY / name).is_dir()]
    return [REPOSITORY / "Stash2Plex.py", *(f for one in folders for f in one.rglob("*.py"))]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """The top-level name of each import in a file, and whether it stands inside a function."""
    tree = tree_of(path)
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name.split(".")[0], id(node) in inner) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module.split(".")[0], id(node) in inner))
    return found


def home(path: Path) -> str:
    return path.relative_to(REPOSITORY).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_file_imports_its_own_folder_and_lower_floors_only(path: Path) -> None:
    here = home(path)

    wrong = [
        name
        for name, _ in imports(path)
        if name in FLOORS
        and name != here
        and FLOORS[name] >= FLOORS[here]
        # The entry and what it is composed of share the top floor.
        and (here, name) != ("Stash2Plex", "app")
    ]
    strangers = [name for name, _ in imports(path) if here not in HOMES.get(name, {here})]

    assert (wrong, strangers) == ([], [])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_file_can_be_read_in_a_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    functions = [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    too_long = [
        node.name
        for node in functions
        if (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]

    assert text.count("\n") <= MOST_LINES_OF_A_FILE
    assert too_long == []


def test_imports_stand_inside_functions_only_where_that_is_measured_or_cannot_be_known() -> None:
    lazy = {
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if any(inside for _, inside in imports(path))
    }

    assert lazy <= LAZY


def test_no_two_modules_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in sources():
        module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        graph[module] = {
            node.module
            for node in tree_of(path).body
            if isinstance(node, ast.ImportFrom) and node.module and home(path)
        }

    assert [cycle for module in graph for cycle in _cycles(graph, module, ())] == []


def _cycles(
    graph: dict[str, set[str]], module: str, path: tuple[str, ...]
) -> list[tuple[str, ...]]:
    if module in path:
        return [(*path[path.index(module) :], module)]
    return [
        cycle
        for other in graph.get(module, ())
        if other in graph
        for cycle in _cycles(graph, other, (*path, module))
    ]


def test_only_the_import_of_earlier_data_unpickles() -> None:
    users = [path for path in sources() if {"pickle", "_pickle"} & {n for n, _ in imports(path)}]

    assert [str(path.relative_to(REPOSITORY)) for path in users] == ["legacy/jobs.py"]


def test_the_entry_is_short_and_parses_on_an_old_python() -> None:
    text = (REPOSITORY / "Stash2Plex.py").read_text(encoding="utf-8")

    assert text.count("\n") < 150
    ast.parse(text, feature_version=(3, 6))


@pytest.mark.parametrize("version", ["3.6.15", "3.8.18", "3.10.13"])
def test_an_old_python_gets_one_sentence(version: str) -> None:
    python = Path.home() / ".pyenv" / "versions" / version / "bin" / "python3"
    if not python.exists():
        pytest.skip(f"no Python {version} on this machine")

    done = subprocess.run(
        [python, REPOSITORY / "Stash2Plex.py"], input=b"{}", capture_output=True, check=False
    )

    assert done.returncode == 0
    assert done.stderr == b""
    assert b"needs Python 3.11 or newer, but Stash runs " + version[:3].encode() in done.stdout


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_whoever_reports_an_event_gives_each_field_of_its_sentence(path: Path) -> None:
    """`str.format` would fail only when the event happens."""
    for call in ast.walk(tree_of(path)):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name, _, event = ast.unparse(call.args[0]).partition(".")
        reporter = ast.unparse(call.func).rpartition(".")[2]
        if name == "Event" and event.isupper() and reporter in ("event", "report", "_report"):
            given = {keyword.arg for keyword in call.keywords}
            given |= {"label"} if None in given else set()  # `**scene`
            assert set(re.findall(r"\{(\w+)", Event[event].template)) <= given, event

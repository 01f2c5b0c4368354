"""Runs the plugin with a test's alterations.

The class `Alterations` copies this file to the plugin's folder, and replaces the plugin's entry
script by a script that calls `start`.
"""

import importlib
import importlib.machinery
import marshal
import os
import sys
from collections.abc import Sequence
from types import FunctionType, ModuleType
from typing import Any

ENTRY, CHANGES = "entry.py", "changes.bin"

Change = tuple[str, bytes, dict[str, str], dict[str, Any], dict[str, Any]]


def start(script: str) -> None:
    folder = os.path.dirname(os.path.abspath(script))
    prepare(folder)
    with open(os.path.join(folder, ENTRY), "rb") as file:
        code = compile(file.read(), script, "exec")
    entry: dict[str, Any] = {"__name__": "entry", "__file__": script}
    exec(code, entry)
    entry["main"]()


def prepare(folder: str) -> None:
    with open(os.path.join(folder, CHANGES), "rb") as file:
        repository, changes = marshal.load(file)
    sys.path.append(repository)
    waiting: dict[str, list[Change]] = {}
    for change in changes:
        if change[0] in sys.modules:
            _apply(change)
        else:
            waiting.setdefault(change[0], []).append(change)
    if waiting:
        sys.meta_path.insert(0, _Changes(waiting))


class _Changes:
    def __init__(self, waiting: dict[str, list[Change]]) -> None:
        self._waiting = waiting

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        changes = self._waiting.pop(name, None)
        if changes is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None, name
        loader: Any = spec.loader
        load = loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            for change in changes:
                _apply(change)

        loader.exec_module = load_and_change
        return spec


def _apply(change: Change) -> None:
    module, code, modules, constants, arguments = change
    scope = {alias: importlib.import_module(name) for alias, name in modules.items()}
    FunctionType(marshal.loads(code), {"__name__": module, **scope, **constants})(**arguments)

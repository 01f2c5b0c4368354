"""Lets a test replace objects of the plugin inside the plugin's own processes.

This example removes the locks from all edits:

    def never_lock() -> None:
        edit_parameters.lock_parameters = lambda *_: {}

    rig.alter(edit_parameters, never_lock)

Each process of the plugin imports the module and then calls the function. The function can use
constants and modules of the test file, but no other functions.
"""

import dis
import marshal
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from simulators import altered
from simulators.altered import Change

_START = "import altered\n\nif __name__ == '__main__':\n    altered.start(__file__)\n"


class Alterations:
    def __init__(self, script: Path, repository: Path) -> None:
        self._script = script
        self._repository = repository
        self._changes: list[Change] = []

    def add(self, module: ModuleType, change: Callable[..., None], **arguments: Any) -> None:
        assert isinstance(change, FunctionType)
        assert change.__closure__ is None, "pass values as arguments"
        used = {
            name: change.__globals__[name]
            for name in _globals_of(change.__code__)
            if name in change.__globals__
        }
        modules = {name: one.__name__ for name, one in used.items() if isinstance(one, ModuleType)}
        # Only annotations use `typing.Any`. Store None in its place, because `marshal` cannot store
        # it.
        constants = {
            name: None if value is Any else value
            for name, value in used.items()
            if name not in modules
        }
        code = marshal.dumps(change.__code__)
        self._changes.append((module.__name__, code, modules, constants, arguments))
        self._write()

    def clear(self) -> None:
        self._changes.clear()
        self._write()

    def _write(self) -> None:
        folder = self._script.parent
        if not (folder / altered.ENTRY).exists():
            self._script.rename(folder / altered.ENTRY)
            shutil.copy(altered.__file__, folder)
            self._script.write_text(_START, encoding="utf-8")
            # Keep the script's time stamp, because a worker exits when it changes.
            shutil.copystat(folder / altered.ENTRY, self._script)
        content = marshal.dumps((str(self._repository), self._changes))
        fresh = folder / f"{altered.CHANGES}.new"
        fresh.write_bytes(content)
        fresh.replace(folder / altered.CHANGES)


def _globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)

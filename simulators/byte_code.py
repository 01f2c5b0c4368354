"""The byte-code that a plugin's first run would write, compiled once for all its installations."""

from __future__ import annotations

import importlib.util
import py_compile
import shutil
import tempfile
from functools import cache
from pathlib import Path

from simulators.stash.plugin_registry import PLUGIN_FOLDERS


def add_byte_code(source: Path, installed: Path) -> None:
    """Give a plugin that was installed from a folder the byte-code of its files.

    Python takes byte-code for current while the file has the size and the time of change that it
    had: an installation keeps both, and a test that changes a file changes them.
    """
    shutil.copytree(_compiled(source).name, installed, dirs_exist_ok=True)


@cache
def _compiled(source: Path) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="byte-code-")
    for name in PLUGIN_FOLDERS:
        for path in (source / name).rglob("*.py"):
            relative = importlib.util.cache_from_source(str(path.relative_to(source)))
            py_compile.compile(str(path), cfile=str(Path(folder.name, relative)), doraise=True)
    return folder

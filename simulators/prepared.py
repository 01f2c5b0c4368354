"""The plugin's files with their byte-code, read and compiled once for all installations."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from simulators.stash import FakeStash
from simulators.stash.plugin_manifest import Manifest
from simulators.stash.plugin_registry import plugin_files

_File = tuple[str, bytes, int]  # relative path, content, time of change in nanoseconds


def install_compiled(stash: FakeStash, source: Path, name: str) -> Manifest:
    """Install a plugin as it is after its first run, with the byte-code of its modules.

    Python takes byte-code for current while the file has the size and the time of change that it
    had: an installation keeps both, and a test that changes a file changes them.
    """
    target = stash.registry.directory / name
    for folder in {os.path.dirname(relative) for relative, _, _ in _prepared(source)}:
        os.makedirs(target / folder, exist_ok=True)
    for relative, content, changed in _prepared(source):
        with open(f"{target}/{relative}", "wb", buffering=0) as file:
            file.write(content)
            os.utime(file.fileno(), ns=(changed, changed))
    return stash.registry.loaded(name)


@cache
def _prepared(source: Path) -> tuple[_File, ...]:
    with tempfile.TemporaryDirectory(prefix="byte-code-") as scratch:
        return tuple(_read(source, Path(scratch)))


def _read(source: Path, scratch: Path) -> Iterator[_File]:
    for relative in plugin_files(source):
        path = source / relative
        yield str(relative), path.read_bytes(), path.stat().st_mtime_ns
        if relative.suffix == ".py" and relative.parent.name:
            name = importlib.util.cache_from_source(str(relative))
            py_compile.compile(str(path), cfile=str(scratch / name), doraise=True)
            yield name, (scratch / name).read_bytes(), path.stat().st_mtime_ns

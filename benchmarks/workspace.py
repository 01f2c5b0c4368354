"""Where the benchmarks run: a folder on a fast disk, and an interpreter without start-up hooks."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.rig import REPOSITORY

_FLUSHES = 40
_FAST_FLUSH = 0.001  # seconds; the goals of the hook are for a disk like that
_ELSEWHERE = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the sections work with.

    Attributes:
        root: an empty folder, deleted at the end.
        plugin: the folder that the plugin is installed from.
        python: an interpreter with the plugin's dependencies.
        flush: seconds that `fsync` takes here, the median.
        scenes: in the library that is drained.
        reconciled: scenes in the library that is reconciled.
    """

    root: Path
    plugin: Path
    python: Path
    flush: float
    scenes: int
    reconciled: int

    def folder(self, name: str) -> Path:
        """A new folder."""
        path = self.root / name
        path.mkdir()
        return path

    def environment(self, plugins: Path) -> dict[str, str]:
        """The environment that Stash gives to a plugin, without what Python was told here."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTHON") and name != "STASH_PLUGIN_DATA"
        }
        return {**kept, "PYTHONPATH": str(plugins)}


@contextmanager
def workspace(scenes: int, reconciled: int) -> Iterator[Workspace]:
    """Make the workspace, and take it away again."""
    parent = Path(tempfile.gettempdir())
    if flush_seconds(parent) > _FAST_FLUSH and os.access(_ELSEWHERE, os.W_OK):
        parent = _ELSEWHERE
    root = Path(tempfile.mkdtemp(prefix="stash2plex-bench-", dir=parent))
    try:
        python = _interpreter(root / "venv")
        yield Workspace(root, REPOSITORY, python, flush_seconds(root), scenes, reconciled)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def flush_seconds(folder: Path) -> float:
    """The median time that a page takes to reach the disk."""
    taken: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_FLUSHES):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _interpreter(folder: Path) -> Path:
    """Make a virtual environment as a user has it: no shim before it, no hooks in its start.

    This one may have both: pyenv's shims are shell scripts, and coverage starts itself from a
    `.pth` file. Its packages are linked, their `.pth` files are not.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    command = [str(base), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    python = folder / "bin" / "python3"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    target = Path(answer.stdout.strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix != ".pth" and entry.name != "__pycache__":
            (target / entry.name).symlink_to(entry)
    return python

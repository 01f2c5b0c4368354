import os
import shutil
import statistics
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.rig import REPOSITORY

_FLUSHES = 40
_FAST_FLUSH = 0.001
_MEMORY_DISK = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Workspace:
    root: Path
    plugin: Path
    python: Path
    flush: float
    scenes: int
    reconciled: int

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir()
        return path


@contextmanager
def workspace(scenes: int, reconciled: int) -> Iterator[Workspace]:
    parent = Path(tempfile.gettempdir())
    if flush_seconds(parent) > _FAST_FLUSH and os.access(_MEMORY_DISK, os.W_OK):
        parent = _MEMORY_DISK
    root = Path(tempfile.mkdtemp(prefix="stash2plex-bench-", dir=parent))
    try:
        python = _interpreter(root / "venv")
        yield Workspace(root, REPOSITORY, python, flush_seconds(root), scenes, reconciled)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def flush_seconds(folder: Path) -> float:
    taken: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_FLUSHES):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _interpreter(folder: Path) -> Path:
    """Return the Python of a new virtual environment with links to the installed packages.

    This Python starts without pyenv's shell script and coverage's `.pth` file, which cost time.
    """
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix != ".pth" and entry.name != "__pycache__":
            (packages / entry.name).symlink_to(entry)
    return folder / "bin" / "python3"

"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
import shutil
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simulators.rig import Rig

MakeRig = Callable[..., Rig]

_MEMORY = Path("/dev/shm")
_ENOUGH = 2 << 30  # bytes: what a run of all tests has at a time, several times over


def _keep_files_in_memory() -> None:
    """Put temporary files into memory, where the system offers that.

    A disk's journal costs a quarter of the suite's time. `make soak` uses the disk.
    """
    if "SOAK" in os.environ or "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    runs_programs = not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    if runs_programs and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        os.environ["TMPDIR"] = str(_MEMORY)


_keep_files_in_memory()

# A disk that stalls, or another process's turn, is no fault of what is tried.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[MakeRig]:
    """Makes a started rig; whatever it starts is gone when the test ends."""
    with ExitStack() as stack:

        def make(**options: Any) -> Rig:
            # A first run compiles for a third of a second, which a thousand tests need not see.
            options.setdefault("compiled", "plugin" not in options)
            return stack.enter_context(Rig(tmp_path / "rig", **options))

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A started rig with the plugin's default settings."""
    return make_rig()


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python3"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what one process runs as a whole: begun later, it would be the last to end."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)

import gc
import os
import shutil
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from simulators.fork_server import ForkServer
from simulators.prepared import prepare, stamps
from simulators.rig import INTERPRETER, MEASURED, PLUGIN_SOURCE, REPOSITORY, Rig
from simulators.stash.plugin_process import Start, start_process

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
        tempfile.tempdir = None  # pytest's capture has had it looked up by now


_keep_files_in_memory()

# A disk that stalls, or another process's turn, is no fault of what is tried. Examples may share a
# fixture, such as a queue: what one leaves behind is part of what the next one meets.
settings.register_profile(
    "any machine",
    deadline=None,
    max_examples=300 if "SOAK" in os.environ else 40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def prepared_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("prepared") / "plugins" / "Stash2Plex"
    prepare(PLUGIN_SOURCE, folder)
    before = stamps(folder)
    yield folder
    assert stamps(folder) == before, "a test changed files of all rigs: it needs `changeable_rig`"


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Starts processes of the plugin without their imports, where that makes no difference."""
    if sys.platform != "linux" or MEASURED or PLUGIN_SOURCE != REPOSITORY or INTERPRETER:
        yield start_process
        return
    server = ForkServer(REPOSITORY)
    yield server.start
    server.close()


@pytest.fixture(scope="session")
def quick(prepared_plugin: Path, start: Start) -> dict[str, Any]:
    """Options of a rig that copies no files and whose processes import nothing."""
    return {"plugin": prepared_plugin, "linked": True, "start": start}


@pytest.fixture
def make_rig(tmp_path: Path, quick: dict[str, Any]) -> Iterator[MakeRig]:
    """Makes a started rig; whatever it starts is gone when the test ends.

    It is quick unless the options name a plugin's folder.
    """
    with ExitStack() as stack:

        def make(**options: Any) -> Rig:
            given = options if "plugin" in options else quick | options
            return stack.enter_context(Rig(tmp_path / "rig", **given))

        yield make


@pytest.fixture
def changeable_rig(make_rig: MakeRig) -> Rig:
    return make_rig(plugin=PLUGIN_SOURCE)


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python3"


# Parts that share a browser or the files that they parse, or points that are tried once: each runs
# in one process.
_TOGETHER = ("tests/ui/", "tests/soak/test_kill_points.py", "tests/test_architecture.py")


def _part_of(nodeid: str) -> str:
    return next((part for part in _TOGETHER if nodeid.startswith(part)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what gives each process of a run one part at a time.

    The groups of xdist 3.8 have no effect with pytest 9.2: it marks them in a name that is read no
    more.
    """
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _part_of
    return scheduler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what one process runs as a whole: begun later, it would be the last to end."""
    items.sort(key=lambda item: _part_of(item.nodeid) == item.nodeid)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays for good: modules and collected tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)  # the usual: 700, 10, 10

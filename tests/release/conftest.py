"""A release of the work tree, built once, and a Python with nothing installed."""

import sys
import venv
from pathlib import Path

import pytest

from simulators.rig import REPOSITORY
from tests.release.plugin_source import install, read_index
from tools.release.__main__ import WHEELS
from tools.release.build import INDEX, Release, build, commit_moment

# The interpreter that the virtual environment of these tests was made with; it has pip.
BASE_PYTHON: str = vars(sys)["_base_executable"]


@pytest.fixture(scope="session")
def release() -> Release:
    return build(REPOSITORY, WHEELS, commit_moment(REPOSITORY))


@pytest.fixture(scope="session")
def offered(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    release.write(folder)
    return folder / INDEX


@pytest.fixture
def plugin(offered: Path, tmp_path: Path) -> Path:
    (package,) = read_index(offered)
    return install(package, tmp_path / "unpacked")


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    return tmp_path / "bare" / "bin" / "python3"

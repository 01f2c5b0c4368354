"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simulators.rig import Rig

MakeRig = Callable[..., Rig]

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
    """Begin with the browser's tests: one process runs them all, and would be the last to end."""
    items.sort(key=lambda item: "/tests/ui/" not in item.path.as_posix())

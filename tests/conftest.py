"""Fixtures that every part of the suite shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig import Rig

MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[MakeRig]:
    """Makes a started rig; whatever it starts is gone when the test ends."""
    with ExitStack() as stack:

        def make(**options: Any) -> Rig:
            return stack.enter_context(Rig(tmp_path / "rig", **options))

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A started rig with the plugin's default settings."""
    return make_rig()

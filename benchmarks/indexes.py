"""Building the index of which Plex item holds which file, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import index_child
from benchmarks.installed import Progress
from benchmarks.scale import Scale
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from tests.servers.plex import FakePlex

_REPOSITORY = Path(__file__).resolve().parent.parent
_TOKEN = "plex-token-0123456789"


def measure(workspace: Workspace, scale: Scale, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the path index."""
    progress(f"index: {scale.items} items")
    with FakePlex(token=_TOKEN) as plex:
        section = plex.add_section("Scenes", locations=["/media/scenes"])
        for number in range(scale.items):
            plex.add_item(section, f"/media/scenes/Studio {number % 50}/Scene {number:05}.mp4")
        database = workspace.folder("index") / "library.db"
        answer = subprocess.run(
            [sys.executable, "-m", index_child.__name__, plex.url, str(database)],
            cwd=_REPOSITORY,
            env={**os.environ, index_child.TOKEN_VARIABLE: _TOKEN},
            capture_output=True,
            check=True,
        )
        requests = plex.log.kinds()
    figures: dict[str, float] = json.loads(answer.stdout)
    name = f"path index of {scale.items:,} items"
    kinds = ", ".join(f"{kind} {count}" for kind, count in requests.most_common())
    yield Row(f"{name}: requests", requests.total(), "requests", note=kinds)
    yield Row(
        f"{name}: CPU", figures["cpu"], "s", note=f"{figures['seconds']:.1f} s with the fake's part"
    )
    yield Row(
        f"{name}: memory",
        figures["peak"],
        "MB",
        note=f"the most ever; {figures['before']:.0f} MB before it began",
    )

"""The oracle's own test: a plugin that leaves something out does not pass."""

import re
from typing import Any

from plex import diff
from simulators.rig import Rig, png
from tests.e2e.changes import leave_out
from worker.sync import cover_sync


def _skip_locks_of_images() -> None:
    run = cover_sync.CoverSync.run

    def skips(*values: Any, **options: Any) -> cover_sync.CoverResult:
        result = run(*values, **options)
        result.to_lock.clear()
        return result

    cover_sync.CoverSync.run = skips  # type: ignore[method-assign]


def test_a_plugin_that_leaves_something_out_is_found_out(rig: Rig) -> None:
    rig.alter(diff, leave_out, fields=("tags",), ending="")
    rig.alter(diff, leave_out, fields=("studio", "date", "performers"), ending=".locked")
    rig.alter(cover_sync, _skip_locks_of_images)
    scene_id, _ = rig.add_pair("a")

    rig.stash.edit_scene(
        scene_id, title="T", studio="S", details="D", date="2024-01-02", tags=["T"],
        performers=["P"], cover=png(1),
    )  # fmt: skip

    assert rig.happened("scene_synced")
    told = " ".join(rig.verdict().differences)
    assert "genres is []" in told
    unlocked = ", ".join(re.findall(r"not locked: ([\w, ]+)", told))
    assert {"originallyAvailableAt", "studio", "actor", "art"} <= set(re.split(r"\W+", unlocked))

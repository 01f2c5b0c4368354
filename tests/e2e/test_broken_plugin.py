"""The oracle's own test: a plugin that leaves something out does not pass."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from plex import diff
from simulators.rig import Rig, png
from tests.e2e.changes import leave_out
from worker import cover_sync


def _skip_locks_of_images() -> None:
    run = cover_sync.CoverSync.run

    def skips(*values: Any, **options: Any) -> cover_sync.CoverResult:
        result = run(*values, **options)
        result.to_lock.clear()
        return result

    cover_sync.CoverSync.run = skips  # type: ignore[method-assign]


TAGS, TEXTS, LISTS = ("tags",), ("studio", "date"), ("performers",)


@pytest.mark.parametrize(
    ("module", "change", "arguments", "complaint"),
    [
        (diff, leave_out, {"fields": TAGS, "ending": ""}, "genres is []"),
        (diff, leave_out, {"fields": TEXTS, "ending": ".locked"},
         "not locked: originallyAvailableAt, studio"),
        (diff, leave_out, {"fields": LISTS, "ending": ".locked"}, "not locked: actor"),
        (cover_sync, _skip_locks_of_images, {}, "not locked: art"),
    ],
    ids=["skips tags", "skips locks of texts", "skips locks of lists", "skips locks of images"],
)  # fmt: skip
def test_a_mutated_plugin_is_found_out(
    rig: Rig,
    module: ModuleType,
    change: Callable[..., None],
    arguments: dict[str, Any],
    complaint: str,
) -> None:
    rig.alter(module, change, **arguments)
    scene_id, _ = rig.add_pair("a")

    rig.stash.edit_scene(
        scene_id, title="T", studio="S", details="D", date="2024-01-02", tags=["T"],
        performers=["P"], cover=png(1),
    )  # fmt: skip

    assert rig.happened("scene_synced")
    assert complaint in " ".join(rig.verdict().differences)

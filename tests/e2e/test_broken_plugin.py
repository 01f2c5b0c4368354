"""The oracle's own test: a plugin that leaves something out does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.rig import Rig, png

DIFF = Path("plex/diff.py")
COVERS = Path("worker/cover_sync.py")


@pytest.mark.parametrize(
    ("file", "sound", "broken", "complaint"),
    [
        (DIFF, ', TAGS: "genre"', "", "genres is []"),
        (DIFF, 'lock = {f"{plex_name}.locked": "1"}', "lock: dict[str, str] = {}",
         "not locked: originallyAvailableAt, studio"),
        (DIFF, '    parameters[f"{plex_name}.locked"] = "1"\n', "", "not locked: actor"),
        (COVERS, "result.to_lock.setdefault(item, set()).add(kind)", "pass", "not locked: art"),
    ],
    ids=["skips tags", "skips locks of texts", "skips locks of lists", "skips locks of images"],
)  # fmt: skip
def test_a_mutated_plugin_is_found_out(
    rig: Rig, file: Path, sound: str, broken: str, complaint: str
) -> None:
    target = rig.manifest.directory / file
    text = target.read_text()
    assert sound in text
    target.write_text(text.replace(sound, broken))
    scene_id, _ = rig.add_pair("a")

    rig.stash.edit_scene(
        scene_id, title="T", studio="S", details="D", date="2024-01-02", tags=["T"],
        performers=["P"], cover=png(1),
    )  # fmt: skip

    assert rig.wait_until(lambda: "synced" in rig.worker_log())
    assert complaint in " ".join(rig.verdict().differences)

"""R15: a bulk edit: one hook process per scene, in a row."""

import os

from simulators.rig import Rig

SCENES = 500 if os.environ.get("SOAK") else 60


def test_a_bulk_edit_queues_every_scene_once_and_starts_one_worker(rig: Rig) -> None:
    ids = rig.add_library(SCENES, covers=False)
    hang = rig.plex.faults.hang(kind="listing")  # nothing is finished before all is counted

    runs = rig.stash.edit_scenes(ids, tags=["Bulk"])

    assert [run.result.output for run in runs] == ["queued"] * SCENES
    assert rig.wait_until(lambda: rig.queued() == SCENES)
    assert len(rig.events("worker_started")) <= 1
    assert len(rig.worker_pids()) == 1
    hang.release()
    assert rig.wait_until(lambda: rig.queued() == 0, timeout=60 + SCENES / 5)
    assert rig.verdict().agree, rig.verdict().differences[:3]
    assert len(rig.events("worker_started")) == 1
    edited = [one.item_ids for one in rig.plex.log.select("edit", status=200)]
    assert sorted(edited, key=str) == sorted({one for one in edited if one}, key=str)
    assert len(edited) == SCENES

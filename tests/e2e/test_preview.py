"""Preview Sync: what a sync would change, told before it is, and nothing else happens."""

import os
import re
from collections import Counter
from pathlib import Path

from plex.diff import PLEX_NAMES
from simulators.rig import FOLDER, Rig, png
from tests.e2e.steps import sync_all
from tests.e2e.test_reconcile import later
from tests.e2e.test_restore import STASH, fill, memory
from tests.golden import assert_golden, figures


def report(rig: Rig) -> str:
    return max((rig.data / "reports").glob("preview-*.txt"), key=os.path.getmtime).read_text()


def fields_of(text: str) -> dict[str, int]:
    found = re.findall(r"^  (\w+): ([1-9]\d*)$", text, re.M)
    return {name: int(number) for name, number in found if name in PLEX_NAMES}


def fields_sent(rig: Rig, mark: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for request in rig.plex.log.writes(mark):
        if request.kind == "edit" and "," not in request.item_ids:
            named = {name.split(".")[0].split("[")[0] for name, _ in request.query}
            counts.update(ours for ours, plexs in PLEX_NAMES.items() if plexs in named)
    return dict(counts)


def test_it_tells_what_the_sync_then_sends_and_changes_nothing(rig: Rig) -> None:
    ids = fill(rig)
    before = rig.plex.snapshot()
    mark = rig.plex.log.mark()

    answer = rig.task("preview_sync")
    text = report(rig)

    assert figures(answer.output)[:2] == [len(ids), len(ids)]
    assert rig.plex.log.writes(mark) == []
    assert rig.plex.snapshot() == before
    assert memory(rig) == [0, 0, 0]
    assert rig.queued() == 0
    assert "    summary: 'My words 1\\n\\nand more' → 'Told in Stash'\n" in text
    assert "    tags: [Mine, Comma, too, Outdoor] → [Night, rain]\n" in text
    sync_all(rig)
    assert fields_of(text) == fields_sent(rig, mark)


def test_after_a_sync_all_is_in_step_and_a_few_changes_are_told_alone(rig: Rig) -> None:
    ids = fill(rig)
    one = rig.task("preview_sync", scene_id=str(ids[2]))
    assert figures(one.output)[:2] == [1, 1]
    assert "999" in str(rig.task("preview_sync", scene_id="999").error)
    sync_all(rig)

    in_step = rig.task("preview_sync")
    nothing = report(rig)
    rig.plex.edit(rig.item_of(ids[0]).rating_key, genres=["Mine"])
    rig.plex.set_locks(rig.item_of(ids[1]).rating_key, {"title"})
    changed = rig.task("preview_sync")

    assert figures(in_step.output)[:2] == [len(ids), len(ids)]
    assert fields_of(nothing) == {}
    assert figures(changed.output)[:3] == [len(ids), 2, len(ids) - 2]
    assert fields_of(report(rig))["tags"] == 2
    assert "    tags: [Mine] → [Night, rain]\n" in report(rig)


def test_what_cannot_be_synced_is_counted_and_what_plex_lacks_is_named(rig: Rig) -> None:
    rig.add_pair("a", **STASH)
    rig.add_pair("nobody identified it")
    rig.stash.add_scene(title="No file", tags=["T"])
    rig.stash.add_scene(title="Not there", tags=["T"], files=[f"{FOLDER}/not there.mp4"])

    answer = rig.task("preview_sync")

    told = re.sub(r"/\S+\.txt", "{report}", answer.output)
    assert_golden("tasks", "Preview Sync", [told])
    assert f"{FOLDER}/not there.mp4" in report(rig)
    assert answer.progress[-1] == 1.0


def test_a_cover_that_changed_in_stash_is_told_without_fetching_it(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a", cover=png(1), **STASH)
    sync_all(rig)
    rig.stash.update_scene(scene_id, cover=png(2), updated_at=later(rig))
    before = len([r for r in rig.stash.requests.all() if "screenshot" in r.path])

    answer = rig.task("preview_sync")

    assert figures(answer.output)[:2] == [1, 1]
    assert len([r for r in rig.stash.requests.all() if "screenshot" in r.path]) == before


def test_an_outage_half_way_leaves_no_report(rig: Rig) -> None:
    fill(rig)
    rig.task("health_check")
    rig.plex.faults.status(503, kind="metadata")

    answer = rig.task("preview_sync")

    assert answer.error is not None
    assert list((rig.data / "reports").iterdir()) == []


def test_reports_belong_to_the_user_and_only_the_newest_are_kept(rig: Rig) -> None:
    rig.add_pair("a", **{**STASH, "details": "long " * 500})
    folder = rig.data / "reports"
    folder.mkdir(parents=True)
    for number in range(7):
        (folder / f"preview-2020-01-01-00000{number}.txt").touch()
    (folder / "preview-2020-01-01-000009.txt.unfinished").touch()
    (folder / "mine.txt").touch()

    answer = rig.task("preview_sync")

    path = Path(answer.output.rpartition(" ")[2])
    kept = sorted(one.name for one in folder.iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept == [
        "mine.txt",
        *(f"preview-2020-01-01-00000{number}.txt" for number in range(3, 7)),
        path.name,
    ]
    assert max(len(line) for line in path.read_text().splitlines()) < 300

"""One item at which Plex fails whenever an answer contains it: only its own scene suffers."""

import json
from dataclasses import replace

import pytest

from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.golden import figures


@pytest.mark.parametrize("from_the_start", [True, False])
def test_an_unreadable_item_stops_no_other_one(make_rig: MakeRig, *, from_the_start: bool) -> None:
    rig = make_rig(settings={"max_retries": 1})
    rig.tune(Tuning(refresh_interval=1.0, not_found_back_off=1.0))
    pairs = [rig.add_pair(f"scene {n}", tags=["T"]) for n in range(12)]
    bad, item = pairs[5]
    key = item.rating_key
    others = [pair for pair in pairs if pair[0] != bad]
    if not from_the_start:
        rig.task("all")
        assert rig.wait_until(lambda: all(one.title for _, one in pairs) and rig.queued() == 0)
    rig.plex.switches = replace(rig.plex.switches, unreadable=frozenset((key,)))

    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"New {scene_id}")

    assert rig.wait_until(lambda: all(one.title == f"New {n}" for n, one in others), 60)
    assert rig.happened("item_unreadable", item=key)
    if not from_the_start:
        assert rig.wait_until(lambda: rig.queued() == 0, 60)
        letters = rig.task("show_dlq")
        assert "1 job failed permanently" in str(letters.output)
        assert f"item {key} ({item.files[0]})" in "\n".join(letters.messages("info"))
    breaker = rig.data / "circuit_breaker.json"
    assert not breaker.exists() or json.loads(breaker.read_text())["state"] == "closed"

    # Nothing is concluded from what Plex does not show; all other scenes are compared.
    result = rig.task("reconcile_all")
    assert result.error is None
    assert 12 in figures(result.output)
    assert rig.task("all").error is None

    # The item can be read again: its scene is synced like any other.
    rig.plex.switches = replace(rig.plex.switches, unreadable=frozenset())
    rig.stash.edit_scene(bad, title="Readable")
    assert rig.wait_until(lambda: item.title == "Readable", 60)

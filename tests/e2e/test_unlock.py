"""Unlock Fields: the locks go, the values stay."""

import json
from collections.abc import Collection
from typing import Any

import pytest

from simulators.rig import Rig
from tests.e2e.steps import sync_all, sync_title
from tests.e2e.test_restore import COUNT, fill, look


def without_locks(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: {n: v for n, v in item.items() if n != "locks"} for key, item in shown.items()}


def locks(shown: dict[str, Any], hidden: Collection[str] = ()) -> dict[str, set[str]]:
    return {key: {*item["locks"]}.difference(hidden) for key, item in shown.items()}


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"upload_locks_thumb": True},
        {"lock_names": {"actor": ""}},
        {"title_sort_follows": False},
    ],
    ids=str,
)
def test_the_second_start_unlocks_the_fields(rig: Rig, switches: dict[str, Any]) -> None:
    for name, value in switches.items():
        setattr(rig.plex.switches, name, value)
    fill(rig)
    before = look(rig)
    sync_all(rig)
    rig.stop_worker()
    synced = look(rig)

    first = rig.task("unlock_fields", format="json").output
    assert (first["asks"], first["scenes"], first["items"]) == (True, COUNT, COUNT)
    assert look(rig) == synced
    path = rig.data / "unlock_question.json"
    question = json.loads(path.read_text())
    path.write_text(json.dumps(question | {"at": question["at"] - 60.0}))
    mark = rig.plex.log.mark()
    second = rig.task("unlock_fields").output

    assert f"{COUNT} items unlocked. The next sync of a scene locks its fields again" in second
    assert without_locks(look(rig)) == without_locks(synced)
    hidden = switches.get("lock_names", {})  # no tool sees a user's own lock of such a field
    assert locks(look(rig)) == locks(before, hidden) != locks(synced)
    assert rig.plex.log.count("edit", since=mark) == COUNT


def test_one_scene_is_unlocked_without_a_question(rig: Rig) -> None:
    ids = fill(rig)
    sync_all(rig)
    others = look(rig, *ids[1:])

    assert "1 item unlocked" in rig.task("unlock_fields", scene_id=ids[0]).output

    item = rig.item_of(ids[0])
    assert (item.locks, item.summary) == (frozenset(), "Told in Stash")
    assert look(rig, *ids[1:]) == others
    sync_title(rig, ids[0], "Edited")
    assert {"title", "summary", "genre"} <= item.locks

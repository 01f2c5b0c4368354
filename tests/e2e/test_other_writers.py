"""Somebody else writes to a Plex item in the moment in which it is synced."""

from typing import cast

import pytest

from simulators.plex import ItemFields
from simulators.rig import Rig
from tests.conftest import MakeRig
from tests.e2e.steps import hang_in_edit
from tests.e2e.test_fields import AGENTS, EVERYTHING, PERSONS, SHOWN, memory, shown, sync


def edits(rig: Rig) -> int:
    return rig.plex.log.count("edit", status=200)


@pytest.mark.parametrize("preserve", [False, True], ids=["", "preserve_plex_edits"])
def test_a_sync_replaces_what_an_agent_wrote_meanwhile(make_rig: MakeRig, preserve: bool) -> None:
    rig = make_rig(settings={"preserve_plex_edits": preserve})
    fields = EVERYTHING.copy()
    del fields["cover"]
    scene_id, item = rig.add_pair("a", **fields)
    hang = hang_in_edit(rig, scene_id, title="Ours")

    rig.plex.agent[item.rating_key] = cast("ItemFields", AGENTS)
    rig.plex.refresh_item(item.rating_key)
    hang.release()

    wanted = SHOWN | {"collections": ["Agent's", "Our studio"]}
    assert rig.wait_until(lambda: shown(item) == wanted and rig.queued() == 0)
    assert rig.happened("scene_synced", count=2)
    assert rig.events("other_writer", scene=scene_id, fields=["performers", "tags"])
    assert rig.events("fields_not_kept") == []
    assert memory(rig) == {}
    assert edits(rig) == 2


def test_against_a_writer_who_comes_each_time_one_more_try_is_made(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["Our tag"])
    first = hang_in_edit(rig, scene_id, title="Ours")
    second = rig.plex.faults.hang(kind="edit", times=1)

    rig.plex.edit(item.rating_key, genres=["theirs"])
    first.release()
    assert second.wait_for_hit()
    rig.plex.edit(item.rating_key, genres=["theirs", "theirs, too"])
    second.release()

    assert rig.happened("fields_not_kept", scene=scene_id, fields=["tags"])
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert len(rig.events("other_writer")) == 1
    assert edits(rig) == 2


@pytest.mark.parametrize("values", [PERSONS, {"genres": ["mine"]}], ids=["all", "one"])
def test_values_set_before_verification_stay(make_rig: MakeRig, values: dict[str, object]) -> None:
    rig = make_rig(settings={"preserve_plex_edits": True})
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    hang = hang_in_edit(rig, scene_id, applied=True, title="Ours")

    rig.plex.edit(item.rating_key, **values)  # type: ignore[arg-type]
    hang.release()
    assert rig.happened("other_writer")
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stash.update_scene(scene_id, tags=["Another"], details="Other")
    sync(rig)

    assert {name: shown(item)[name] for name in values} == values
    assert rig.events("fields_not_kept") == []
    assert memory(rig) == {}


def test_an_agent_that_writes_its_address_into_the_scene_starts_no_loop(rig: Rig) -> None:
    """It would refresh the item again after each edit, and so on without an end."""
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    sync(rig)
    mark = rig.plex.log.mark()

    for number in range(3):
        rig.plex.refresh_item(item.rating_key)
        rig.stash.edit_scene(scene_id, urls=[f"http://plex/agent/{number}"])
        assert rig.wait_until(lambda: rig.queued() == 0)

    rig.task("process_queue")
    assert rig.plex.log.writes(mark) == []
    assert shown(item) == SHOWN

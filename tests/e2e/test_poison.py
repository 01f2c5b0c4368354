"""One scene at which Plex always fails as if it were away, among others that it takes."""

import os

import pytest

from simulators.plex import Request
from simulators.rig import Rig
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.steps import settle
from tests.e2e.test_outages import assert_nothing_spent, jobs, quicken, state


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    rig = make_rig(settings={"max_retries": 2})
    quicken(rig)
    rig.tune(Tuning(back_off=0.5, shortest_delay=0.5))
    return rig


def letters(rig: Rig) -> list[tuple[int, str, str, int]]:
    with rig.database() as database:
        return database.execute(
            "SELECT scene_id, error_type, error_message, retry_count FROM dead_letters"
        ).fetchall()


@pytest.mark.parametrize("status", [502, 503, 504] if os.environ.get("SOAK") else [503])
@pytest.mark.parametrize("kind", ["edit", "metadata"])
def test_a_poison_job_delays_nothing_and_is_dead_lettered(rig: Rig, status: int, kind: str) -> None:
    pairs = [rig.add_pair(name, tags=["T"]) for name in "abcd"]
    bad, item = pairs[0]

    def concerns_it(request: Request) -> bool:
        key = str(item.rating_key)
        asked = request.path.rpartition("/")[2].split(",")
        return request.kind == kind and (request.item_ids == key or key in asked)

    rig.plex.faults.status(status, predicate=concerns_it)
    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"New {scene_id}")

    assert rig.wait_until(
        lambda: all(item.title == f"New {scene_id}" for scene_id, item in pairs[1:]), 60
    )
    assert rig.wait_until(lambda: bool(letters(rig)), 60)
    ((scene_id, error_type, text, retries),) = letters(rig)
    assert (scene_id, error_type, retries) == (bad, "PlexTemporaryError", 2)
    assert f"{status} (not ready)" in text
    assert rig.events("plex_down") == []
    assert rig.queued() == 0


def test_a_plex_that_answers_but_takes_no_edit_costs_no_retry(rig: Rig) -> None:
    pairs = [rig.add_pair(f"s{number}", tags=["T"]) for number in range(8)]
    fault = rig.plex.faults.status(503, kind="edit")

    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"New {scene_id}")

    assert rig.wait_until(lambda: fault.hits >= 12, 90)
    assert rig.events("plex_down")
    assert len(jobs(rig)) == len(pairs)
    assert_nothing_spent(rig)
    fault.clear()
    settle(rig)
    assert letters(rig) == []
    assert len(state(rig, "outage_history.json")) == 1


def test_a_scene_that_fails_alone_waits_and_costs_no_retry(rig: Rig) -> None:
    (scene_id, item), (other_id, other) = (rig.add_pair(name, tags=["T"]) for name in "ab")
    fault = rig.plex.faults.status(
        503, kind="edit", predicate=lambda one: one.item_ids == str(item.rating_key)
    )
    rig.stash.edit_scene(scene_id, title="Lone")
    assert rig.wait_until(lambda: fault.hits >= 7, 60)
    assert_nothing_spent(rig)

    rig.stash.edit_scene(other_id, title="Another")

    assert rig.wait_until(lambda: other.title == "Another")
    fault.clear()
    assert rig.wait_until(lambda: item.title == "Lone" and rig.queued() == 0, 60)
    assert letters(rig) == []

"""A Stash that answers with errors for a while: no edit is lost, and nobody has to do anything."""

from typing import Any

import pytest

from simulators.rig import Rig
from simulators.stash import Status, graphql_errors
from simulators.traffic import Action
from simulators.tuning import Tuning
from tests.e2e.steps import settle
from tests.e2e.test_outages import assert_nothing_spent, quicken

# What the pause quotes → the fault.
FAULTS: dict[str, Action] = {
    "(status 422: Cannot query field": Status(
        422,
        b'{"errors": [{"message": "Cannot query field \\"rating100\\" on type \\"Scene\\"."}]}',
        "application/json",
    ),
    "(status 403: Forbidden by the tripwire)": Status(403, b"Forbidden by the tripwire"),
    "(status 500: busy)": Status(500, b"busy"),
    "out of memory": graphql_errors("out of memory"),
}


def about_scenes(request: Any) -> bool:
    return "findScene" in request.query


@pytest.mark.parametrize("quoted", FAULTS)
def test_an_error_of_stash_that_is_of_no_scene_ends_no_job(rig: Rig, quoted: str) -> None:
    quicken(rig)
    rig.tune(Tuning(back_off=0.1, shortest_delay=0.1))
    ids = rig.add_library(4, covers=False)
    rig.stash.inject(FAULTS[quoted], about_scenes, times=None)
    mark = rig.stash.requests.mark()

    rig.stash.edit_scenes(ids, tags=["T"])

    def asked() -> int:
        return sum(map(about_scenes, rig.stash.requests.since(mark)))

    assert rig.wait_until(lambda: asked() >= 8, 60)  # a scene's own fault has five tries
    assert rig.wait_until(lambda: rig.queued() == len(ids))
    assert_nothing_spent(rig)
    (paused,) = rig.events("sync_paused", kind="stash")
    assert quoted in paused["reason"]
    rig.stash.faults.clear()

    settle(rig)


def test_a_stash_that_waits_for_its_migration_is_asked_for_its_status_only(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    rig.stash.settings.status = "NEEDS_MIGRATION"
    mark = rig.stash.requests.mark()

    rig.stash.edit_scenes(ids, tags=["T"])

    def asked() -> list[str]:
        return [one.kind for one in rig.stash.requests.since(mark)]

    assert rig.wait_until(lambda: asked().count("graphql:systemStatus") >= 5)
    # A worker that knows nothing asks for the settings, then for scenes; the error ends that.
    first = asked().index("graphql:systemStatus")
    assert set(asked()[first:]) <= {"graphql:systemStatus", "graphql:configuration"}
    assert len(rig.events("sync_paused", kind="stash")) == 1
    rig.stash.settings.status = "OK"

    settle(rig)

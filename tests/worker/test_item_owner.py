"""Whose metadata an item shows when several scenes have files in it."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from plex.items import PlexItem
from shared.events import unreported
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene
from worker.sync.item_owner import assign_items, owner_of
from worker.sync.scene_work import SceneWork


@pytest.mark.parametrize(
    ("claimants", "logged", "owner"),
    [
        ({1: True}, set(), 1),
        ({1: False}, set(), 1),
        ({1: False}, {1}, 1),
        ({1: False}, {2}, 2),
        ({1: True}, {2}, 1),
        ({1: False, 2: True}, set(), 2),
        ({1: False, 2: True}, {1}, 2),
        ({3: False, 2: False}, set(), 2),
        ({3: False, 2: False}, {3}, 3),
        ({3: False, 2: False}, {1}, 1),
        ({3: True, 2: True}, {3}, 2),
    ],
)
def test_the_scene_of_the_first_file_owns_an_item_else_whoever_was_there_first(
    claimants: dict[int, bool], logged: set[int], owner: int
) -> None:
    assert owner_of(claimants, logged) == owner


SCENES = st.integers(1, 6)


@given(st.lists(SCENES, min_size=1, unique=True), st.integers(0, 5), st.data())
def test_any_order_ends_in_one_owner(scenes: list[int], first: int, data: st.DataObject) -> None:
    """The scene of the first file, once it has come; nobody after it changes that."""
    owner_by_file = scenes[first % len(scenes)]
    log: set[int] = set()
    seen: set[int] = set()
    orders = data.draw(st.lists(st.sampled_from(scenes), min_size=1, max_size=20))
    for scene in orders:
        seen.add(scene)
        owner = owner_of({scene: scene == owner_by_file}, log)
        if owner == scene:
            log = {scene}
        assert (log == {owner_by_file}) or owner_by_file not in seen


def test_a_scene_whose_file_has_left_the_item_meanwhile_gives_way_like_any_other() -> None:
    item = PlexItem(5, 1)
    first, second = (SceneWork([], StashScene(n), SceneMetadata(), items=[item]) for n in (1, 2))
    log: Any = SimpleNamespace(scenes_of_items=lambda *_: {5: {1}}, scenes_beside=lambda *_: [])
    session: Any = SimpleNamespace(library=SimpleNamespace(server_id="server"), matcher=None)
    services: Any = SimpleNamespace(
        queue=SimpleNamespace(sync_log=log), scenes=SimpleNamespace(read=lambda _: {})
    )
    assign_items(services, session, [first, second], unreported)
    assert (first.items, second.items) == ([item], [])

"""Test Write leaves an item as it was: under each reading, and after a kill at each request."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from plex.server_facts import DateClearing, RemovalEncoding, SortTitle
from simulators.plex import Item, Switches
from simulators.plex.snapshot import item_state
from simulators.rig import FOLDER, png
from tasks.answer import Answer, TaskError
from tasks.sync.test_write import test_write as run_test_write
from tests.soak.household import Household, Killed
from tests.soak.test_server_readings import PAIRS, RUNS, World, switches_of
from worker.sync.write_test import undo_killed_test

STEP = 1 if os.environ.get("SOAK") else 8

run_test_write.__test__ = False  # type: ignore[attr-defined]  # a task, and none of these tests


class Mortal(Household):
    left: int | None = None
    arrives = False

    def test_write(self, scene_id: int) -> Answer:
        with closing(self._build((10.0, 30.0))) as services:
            return run_test_write(services, scene_id=scene_id)

    def _wire(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*args: Any, **options: Any) -> Any:
            if self.left is None:
                return send(*args, **options)
            self.left -= 1
            if self.left > 0:
                return send(*args, **options)
            if self.arrives:
                send(*args, **options)
            raise Killed

        return deadly

    def undo(self) -> None:
        """Undo a killed test, as the next test and the next sync do first."""
        session = self._services.sessions.current()
        undo_killed_test(session.client, session.library.server_id, session.write_test)

    def forget_facts(self) -> None:
        with closing(sqlite3.connect(self._data.library_database)) as database, database:
            database.execute("DELETE FROM server_facts")


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[Switches], World]]:
    with ExitStack() as stack:
        yield lambda switches: stack.enter_context(closing(World(tmp_path, switches, Mortal, 3)))


def rich_item(world: World) -> tuple[int, Item]:
    path = f"{FOLDER}/rich.mp4"
    item = world.plex.add_item(world.section, path, poster=png(500), collections=["Favourites"])
    scene = world.stash.add_scene(
        files=[path],
        title="The Mine",
        details="Mine\n\nToo",
        date="2022-02-28",
        studio="Studio Fünf",
        performers=["Jo", "Ada"],
        tags=["mine, too", "Été", "50% off"],
        cover=png(501),
    )
    world.force()
    world.plex.edit(item.rating_key, title_sort="Sorted", poster=png(502))
    shown = {"title", "studio", "summary", "originallyAvailableAt"}
    world.plex.set_locks(item.rating_key, item.locks - (shown - {"title"}))
    return scene.id, item


@pytest.mark.parametrize("run", RUNS, ids=lambda run: "".join(map(str, run.values())))
def test_the_item_is_as_it_was_under_each_reading(world_of: Any, run: dict[str, int]) -> None:
    world = world_of(switches_of(run))
    scene_id, item = rich_item(world)
    before = item_state(item)
    world.home.test_write(scene_id)
    assert item_state(item) == before

    synced = item_state(world.plex.item(2))
    world.home.test_write(world.ids[1])
    assert item_state(world.plex.item(2)) == synced


@pytest.mark.parametrize(("number", "run"), list(enumerate(PAIRS)))
def test_a_kill_at_any_request_is_undone(world_of: Any, number: int, run: dict[str, int]) -> None:
    """Each reading dies at every eighth request, with `SOAK=1` at each of them, twice."""
    world = world_of(switches_of(run))
    scene_id, item = rich_item(world)
    before, home = item_state(item), world.home
    for requests in range(1 + number % STEP, 200, STEP):
        for arrives in (False, True) if STEP == 1 else (bool((number // STEP + requests) % 2),):
            home.left, home.arrives = requests, arrives
            try:
                home.test_write(scene_id)
            except Killed:
                home.left = None
                home.undo()
            assert item_state(item) == before, requests
        if home.left is not None:
            break
    assert 30 < requests < 100
    home.left = None


def test_a_killed_test_is_undone_before_the_next_sync(world_of: Any) -> None:
    world = world_of(Switches())
    scene_id, item = rich_item(world)
    home = world.home
    before = item_state(item)
    home.left = 24
    with pytest.raises(Killed):
        home.test_write(scene_id)
    home.left = None
    assert "Stash2Plex test" in item.summary + item.title

    world.stash.edit_scene(world.ids[2], title="Another")
    assert home.drain()

    assert item_state(item) == before


def test_it_learns_what_the_server_does(world_of: Any) -> None:
    switches = Switches(
        lock_names={"actor": ""},
        empty_date="refused",
        title_sort_follows=False,
        upload_selects="never",
        removal_decodings=1,
        date_shift_days=-1,
    )
    world = world_of(switches)
    scene_id, item = rich_item(world)
    world.plex.set_locks(item.rating_key, item.locks - {"titleSort"})
    world.home.forget_facts()

    text = world.home.test_write(scene_id).text

    facts = world.home._services.sessions.current().facts.behaviour()
    assert facts.hidden_locks == {"actor"}
    assert facts.date_clearing is DateClearing.REFUSED
    assert facts.sort_title is SortTitle.STAYS
    assert facts.removal_encoding is RemovalEncoding.ONCE
    assert facts.date_shift == {world.section.key: -1}
    assert facts.tested_at > 0
    for answer in (
        "Plex reports locks of actors: no",
        "sort title changes with the title: no",
        "Plex accepts an empty date: no",
        "Plex URL-decodes names to remove: once",
        "Plex shows an uploaded poster at once: no",
    ):
        assert answer in text


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"actors": [("Ada", "Herself")]}, "roles"),
        ({"originally_available_at": ""}, "no date"),
        ({"summary": "word " * 2000}, "restored by one request"),
        ({}, "never synced"),
    ],
)
def test_an_item_beyond_repair_is_refused(world_of: Any, fields: dict[str, Any], why: str) -> None:
    world = world_of(Switches())
    path = f"{FOLDER}/odd.mp4"
    world.plex.add_item(world.section, path, **fields)
    scene_id = world.stash.add_scene(files=[path], tags=["T"]).id

    with pytest.raises(TaskError, match=why):
        world.home.test_write(scene_id)

    assert list(world.plex.log.writes(0)) == []


def test_a_scene_that_was_never_synced_will_do_once_locks_are_known_to_show(world_of: Any) -> None:
    world = world_of(Switches())
    world.force()
    path = f"{FOLDER}/new.mp4"
    item = world.plex.add_item(world.section, path, title="New", genres=["Mine"])
    scene_id = world.stash.add_scene(files=[path], tags=["T"]).id
    before = item_state(item)

    answer = world.home.test_write(scene_id)

    assert "sort title changes with the title: yes" in answer.text
    assert item_state(item) == before

"""The walk through Stash's pages, against a real server; Plex's side is made up."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from plex.exceptions import PlexNotFound
from reconciliation import engine
from reconciliation.detector import Libraries
from reconciliation.engine import NoConclusionError, pages, prepare
from reconciliation.findings import Outcome
from reconciliation.run import Window
from simulators.stash import FakeStash, Status
from stash.connection import StashConnection, parse_address
from stash.exceptions import StashQueryError
from stash.scenes import StashScenes
from tests.reconciliation.support import IN_STEP, SCENE, looked
from tests.sync_queue.support import Clock
from validation.config import Config
from validation.scene_extractor import StashScene
from worker.sync.inspection import Inspection

ALL = Window(None)


@contextmanager
def stash_with(folder: Path, count: int) -> Iterator[tuple[FakeStash, StashScenes]]:
    with FakeStash(folder, now=Clock()) as server:
        for number in range(count):
            server.add_scene(title=f"T{number}")
        connection = StashConnection(parse_address(server.server_connection()), lambda _: None)
        try:
            yield server, StashScenes(connection)
        finally:
            connection.close()


def in_step(scenes: Collection[StashScene]) -> list[Inspection]:
    return [looked(IN_STEP, scene=replace(SCENE, id=one.id)) for one in scenes]


def libraries(config: Config = Config(), files: int = 1) -> Libraries:  # noqa: B008 - it is frozen
    return Libraries(config, refresh=lambda: None, files_known=lambda: files, inspect=in_step)


def test_a_plex_without_any_file_is_no_ground_for_a_conclusion() -> None:
    prepare(libraries(files=1))
    with pytest.raises(NoConclusionError, match="lists no files"):
        prepare(libraries(files=0))


def test_each_page_tells_its_scenes_its_end_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    with stash_with(tmp_path, 5) as (_, scenes):
        found = list(pages(scenes, libraries(), ALL, 1))
    assert [(sorted(one.ids), one.cursor, one.left) for one in found] == [
        ([2, 3], 3, 2),
        ([4, 5], 5, 0),
    ]
    assert {finding.outcome for page in found for _, finding in page.found} == {Outcome.IN_STEP}


def test_an_empty_page_where_stash_had_more_is_an_error_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    nothing = b'{"data": {"findScenes": {"count": 0, "scenes": []}}}'
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = pages(scenes, libraries(), ALL, 0)
        next(walked)
        server.inject(Status(200, nothing, "application/json"), "findScenes", times=2)
        with pytest.raises(StashQueryError, match="no scenes where it had 1"):
            next(walked)


def test_scenes_that_are_deleted_before_their_page_is_read_end_the_walk_and_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = pages(scenes, libraries(), ALL, 0)
        next(walked)
        server.remove_scene(3)
        assert list(walked) == []


def test_scenes_that_one_empty_answer_lacks_are_walked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    nothing = b'{"data": {"findScenes": {"count": 0, "scenes": []}}}'
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = pages(scenes, libraries(), ALL, 0)
        next(walked)
        server.inject(Status(200, nothing, "application/json"), "findScenes")
        assert [sorted(one.ids) for one in walked] == [[3]]


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        (Config(), Outcome.MISSING),
        (Config(reconcile_missing=False), Outcome.NOT_LOOKED_FOR),
        (Config(skip_not_found=True), Outcome.NOT_LOOKED_FOR),
    ],
)
def test_missing_scenes_are_looked_for_where_the_settings_want_them(
    tmp_path: Path, config: Config, outcome: Outcome
) -> None:
    def missing(found: Collection[StashScene]) -> list[Inspection]:
        return [one._replace(edits=(), error=PlexNotFound("no")) for one in in_step(found)]

    with stash_with(tmp_path, 1) as (_, scenes):
        (page,) = pages(scenes, replace(libraries(config), inspect=missing), ALL, 0)
    assert [finding.outcome for _, finding in page.found] == [outcome]

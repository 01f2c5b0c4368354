"""The walk through Stash's pages, against a real server; Plex's side is made up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plex.exceptions import PlexNotFound
from reconciliation import engine
from reconciliation.engine import NoConclusionError, Page, pages, prepare
from reconciliation.findings import Outcome
from simulators.stash import FakeStash, Status
from stash.connection import StashConnection, parse_address
from stash.exceptions import StashQueryError
from stash.scenes import StashScenes
from tests.reconciliation.support import IN_STEP, SCENE, looked
from tests.sync_queue.support import Clock
from validation.config import Config
from validation.scene_extractor import StashScene
from worker.sync.inspection import Inspection


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


def in_step(
    _services: object, _session: object, scenes: Sequence[StashScene], _batch: int
) -> list[Inspection]:
    return [looked(IN_STEP, scene=replace(SCENE, id=scene.id)) for scene in scenes]


@pytest.fixture(autouse=True)
def _plex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "inspect_scenes", in_step)


def walk(scenes: StashScenes, after: int, config: Config = Config()) -> Iterator[Page]:  # noqa: B008
    services: Any = SimpleNamespace(scenes=scenes)
    session: Any = SimpleNamespace(config=config)
    return pages(services, session, None, after)


@pytest.mark.parametrize("files", [0, 1])
def test_a_plex_without_any_file_is_no_ground_for_a_conclusion(files: int) -> None:
    index = SimpleNamespace(count=lambda: files)
    library: Any = SimpleNamespace(prepare=lambda: None, refresh=lambda: None, index=index)
    with nullcontext() if files else pytest.raises(NoConclusionError, match="lists no files"):
        prepare(library)


def test_a_page_has_scenes_end_and_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    with stash_with(tmp_path, 5) as (_, scenes):
        found = list(walk(scenes, 1))
    assert [(sorted(one.ids), one.cursor, one.left) for one in found] == [
        ([2, 3], 3, 2),
        ([4, 5], 5, 0),
    ]
    assert {finding.outcome for page in found for _, finding in page.found} == {Outcome.IN_STEP}


def test_an_early_empty_page_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    nothing = b'{"data": {"findScenes": {"count": 0, "scenes": []}}}'
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = walk(scenes, 0)
        next(walked)
        server.inject(Status(200, nothing, "application/json"), "findScenes", times=2)
        with pytest.raises(StashQueryError, match=r"1 more scene, but returned none"):
            next(walked)


def test_scenes_that_are_deleted_before_their_page_is_read_end_the_walk_and_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = walk(scenes, 0)
        next(walked)
        server.remove_scene(3)
        assert list(walked) == []


def test_an_empty_answer_hides_no_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    nothing = b'{"data": {"findScenes": {"count": 0, "scenes": []}}}'
    with stash_with(tmp_path, 3) as (server, scenes):
        walked = walk(scenes, 0)
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config, outcome: Outcome
) -> None:
    def missing(*arguments: Any) -> list[Inspection]:
        return [one._replace(edits=(), error=PlexNotFound("no")) for one in in_step(*arguments)]

    monkeypatch.setattr(engine, "inspect_scenes", missing)
    with stash_with(tmp_path, 1) as (_, scenes):
        (page,) = walk(scenes, 0, config)
    assert [finding.outcome for _, finding in page.found] == [outcome]

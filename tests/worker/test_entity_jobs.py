"""From a renamed, merged or destroyed performer, studio or tag to the jobs of its scenes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.data_folder import DataFolder
from simulators.stash import FakeStash, Status
from stash.connection import StashConnection, parse_address
from stash.exceptions import StashUnavailable
from stash.scenes import StashScenes
from sync_queue import sync_log
from sync_queue.operations import ENTITY, METADATA, entity_job, get_queued_scene_ids
from sync_queue.sync_log import ItemRecord, SceneRecord
from tests.golden import figures
from tests.reported import Reported
from tests.services import make_services
from tests.sync_queue.support import NOW, Clock
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import StashScene
from worker.batch_runner import jobs_by_kind
from worker.finalizer import Finalizer
from worker.jobs import entity_jobs
from worker.jobs.entity_jobs import EntityJobs
from worker.sync.results import Failed, SceneError, ScenesQueued

SERVER = "server-a"


class Desk:
    def __init__(self, stash: FakeStash, folder: Path) -> None:
        self.stash = stash
        connection = StashConnection(parse_address(stash.server_connection()), lambda _text: None)
        self.scenes = StashScenes(connection)
        services = make_services(str(folder), Clock(), scenes=self.scenes)
        self.queue = services.queue
        self.stopped = False
        self.session: Any = SimpleNamespace(
            config=Config(), library=SimpleNamespace(server_id=SERVER)
        )
        self.jobs = EntityJobs(services, lambda: self.stopped)

    def close(self) -> None:
        self.queue.close()
        self.scenes.connection.close()

    def sync(self, *scene_ids: int, digest: str | None = None) -> None:
        for scene in self.scenes.read(
            scene_ids or [one.id for one in self.stash.scenes()]
        ).values():
            record = ItemRecord(digest or project(scene, Config()).digest, {})
            self.queue.sync_log.remember_item(scene.id, SERVER, scene.id, record, NOW)
            self.queue.sync_log.remember_scene(
                scene.id, SceneRecord("synced", NOW, entities=scene.entity_ids())
            )

    def run(self, *entities: tuple[str, int]) -> list[Failed | ScenesQueued]:
        self.queue.enqueue([entity_job(kind, one, NOW) for kind, one in entities])
        jobs = jobs_by_kind(self.queue.claim(60))
        self.queue.release(jobs[METADATA])
        return list(self.jobs.run(self.session, jobs[ENTITY]))

    def counts(self, *entities: tuple[str, int]) -> list[list[int]]:
        ends = self.run(*entities)
        texts = [", ".join(one.outcome) for one in ends if isinstance(one, ScenesQueued)]
        texts = [
            one if "up to date" in one else one.replace("queued", "queued, 0") for one in texts
        ]
        return [figures(text) for text in texts]

    def queued(self) -> list[int]:
        return sorted(get_queued_scene_ids(self.queue.connection))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with FakeStash(tmp_path / "stash") as stash:
        desk = Desk(stash, tmp_path)
        yield desk
        desk.close()


@pytest.fixture(params=[1, 2, 500])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pages so small that scenes lie on both sides of their ends."""
    monkeypatch.setattr(entity_jobs, "PAGE", request.param)
    monkeypatch.setattr("stash.scenes.READ_BATCH", request.param)
    monkeypatch.setattr(entity_jobs, "READ_BATCH", request.param)
    monkeypatch.setattr(sync_log, "PAGE", request.param)
    return int(request.param)


@pytest.mark.usefixtures("page")
def test_the_scenes_of_a_renamed_one_are_queued_and_no_others(desk: Desk) -> None:
    for n in range(5):
        desk.stash.add_scene(title=f"T{n}", performers=["Ann" if n % 2 else "Bo"])
    desk.sync()
    ann = desk.stash.library.performers.get("Ann").id
    desk.stash.update_performer("Ann", name="Anna")

    counts = desk.counts(("performer", ann))

    assert desk.queued() == [2, 4]
    assert counts == [[2, 0]]


@pytest.mark.usefixtures("page")
def test_a_scene_of_several_of_them_is_queued_once_and_counted_for_each(desk: Desk) -> None:
    desk.stash.add_scene(title="both", tags=["a", "b"], studio="S")
    desk.stash.add_scene(title="one", tags=["b"])
    desk.stash.add_scene(title="other", studio="S")
    desk.sync()
    desk.stash.update_tag("a", name="A")
    desk.stash.update_studio("S", name="Studio")

    counts = desk.counts(("tag", 1), ("tag", 2), ("studio", 1))

    assert desk.queued() == [1, 3]
    assert counts == [[1, 0], [1, 1], [2, 0]]


@pytest.mark.usefixtures("page")
def test_the_scenes_of_one_that_is_gone_are_found_by_what_they_were_synced_with(desk: Desk) -> None:
    for n in range(5):
        desk.stash.add_scene(title=f"T{n}", tags=["gone", "kept"] if n != 2 else ["kept"])
    desk.sync()
    gone = desk.stash.library.tags.get("gone").id
    desk.stash.destroy_tags("gone")
    desk.stash.remove_scene(5)

    counts = desk.counts(("tag", gone))

    assert desk.queued() == [1, 2, 4]
    assert counts == [[3, 0, 1]]
    assert desk.queue.sync_log.scene(5) is None


def test_a_worker_that_stops_sends_no_further_request_to_stash(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stash.scenes.READ_BATCH", 2)
    monkeypatch.setattr(entity_jobs, "READ_BATCH", 2)
    for n in range(6):
        desk.stash.add_scene(title=f"T{n}", tags=["gone", "kept"])
    desk.sync()
    gone = desk.stash.library.tags.get("gone").id
    desk.stash.destroy_tags("gone")
    read, batches = StashScenes.read, []

    def read_and_stop(scenes: StashScenes, ids: Sequence[int]) -> dict[int, StashScene]:
        batches.append(list(ids))
        desk.stopped = True
        return read(scenes, ids)

    monkeypatch.setattr(StashScenes, "read", read_and_stop)

    assert desk.run(("tag", gone)) == []
    assert batches == [[1, 2]]


@pytest.mark.usefixtures("page")
def test_the_scenes_of_merged_tags_are_those_of_each(desk: Desk) -> None:
    desk.stash.add_scene(title="first", tags=["into"])
    desk.stash.add_scene(title="second", tags=["from"])
    desk.stash.add_scene(title="third", tags=["from", "into"])
    desk.sync()
    into, source = (desk.stash.library.tags.get(name).id for name in ("into", "from"))
    desk.stash.merge_tags(["from"], into="into")

    counts = desk.counts(("tag", into), ("tag", source))

    assert desk.queued() == [2, 3]
    assert counts == [[2, 1], [2, 0]]


def test_a_scene_that_was_never_synced_is_left_to_its_own_edits(desk: Desk) -> None:
    desk.stash.add_scene(title="never", tags=["t"])
    desk.stash.add_scene(title="once", tags=["t"])
    desk.sync(2)

    counts = desk.counts(("tag", 1))

    assert counts == [[0, 1, 1]]
    assert desk.queued() == []


def test_a_scene_is_out_of_step_when_one_of_its_items_is(desk: Desk) -> None:
    desk.stash.add_scene(title="two items", tags=["t"])
    desk.sync()
    desk.queue.sync_log.remember_item(1, SERVER, 99, ItemRecord("", {}), NOW)

    assert desk.counts(("tag", 1)) == [[1, 0]]


def test_fifty_tags_are_one_walk_through_stash_and_one_through_the_log(desk: Desk) -> None:
    for n in range(50):
        desk.stash.add_scene(title=f"T{n}", tags=[f"t{n}"])
    desk.sync()
    for n in range(50):
        desk.stash.update_tag(f"t{n}", name=f"T{n} new")
    asked = desk.stash.requests.mark()
    statements: list[str] = []
    desk.queue.connection.set_trace_callback(statements.append)

    results = desk.run(*(("tag", n + 1) for n in range(50)))

    assert len(results) == 50
    assert desk.queued() == list(range(1, 51))
    assert len(desk.stash.requests.since(asked)) == 2  # a page, and the end
    looks = [one for one in statements if "SELECT scene_id, entities FROM scene_log" in one]
    assert len(looks) == 2  # up to the page's last scene, and from there on


def test_an_outage_of_stash_is_retried(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity_jobs, "PAGE", 2)
    monkeypatch.setattr("stash.scenes.PAGE", 2)
    for n in range(5):
        desk.stash.add_scene(title=f"T{n}", tags=["t"])
    desk.sync()
    desk.stash.update_tag("t", name="new")
    later = iter((False, True))
    desk.stash.inject(Status(503), lambda one: one.operation == "ScenesWith" and next(later))

    with pytest.raises(StashUnavailable):
        desk.run(("tag", 1))

    assert desk.queued() == [1, 2]
    assert desk.queue.resume() == 1
    assert desk.counts(("tag", 1)) == [[5, 0]]
    assert desk.queued() == [1, 2, 3, 4, 5]
    assert desk.queue.stats()["pending"] == 5


def test_a_worker_that_is_to_end_keeps_the_job(desk: Desk) -> None:
    desk.stash.add_scene(title="T", tags=["t"])
    desk.sync(digest="other")
    desk.stopped = True

    assert desk.run(("tag", 1)) == []
    assert desk.queued() == []


@pytest.mark.parametrize("data", [{}, {"kind": "gallery", "id": 1}, {"kind": "tag", "id": "x"}])
def test_an_invalid_entity_job_stops_no_other(desk: Desk, data: dict[str, Any]) -> None:
    desk.queue.enqueue([replace(entity_job("tag", 9, NOW), data=data)])

    results = {one.label: one for one in desk.run(("tag", 1))}

    refused = results["Tag 9"]
    assert isinstance(refused, Failed)
    assert type(refused.error) is SceneError
    assert isinstance(results["Tag 1"], ScenesQueued)


def test_a_passed_on_job_is_removed_with_one_line(desk: Desk, tmp_path: Path) -> None:
    reports = Reported()
    services: Any = SimpleNamespace(
        queue=desk.queue,
        log=SimpleNamespace(event=reports),
        folder=DataFolder(str(tmp_path)),
        clock=lambda: NOW,
        monotonic=lambda: 0.0,
    )
    finalizer = Finalizer(services)
    desk.stash.add_scene(title="T", tags=["t"])
    desk.sync(digest="other")

    for result in desk.run(("tag", 1)):
        assert isinstance(result, ScenesQueued)
        finalizer.succeeded(result, 0.0)

    assert reports == ["scenes_queued"]
    assert [claim.job.job_key for claim in desk.queue.claim(9)] == ["scene_1"]

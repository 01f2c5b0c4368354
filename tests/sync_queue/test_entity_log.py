"""Which scenes had whom when last synced, and forgetting scenes that are gone."""

import pytest

from sync_queue import sync_log
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import SyncJob
from sync_queue.operations import FORGET, METADATA, PATH, entity_job, scene_job
from sync_queue.sync_log import ItemRecord, SceneRecord
from tests.sync_queue.support import NOW, rows

SERVER = "server-a"


def remember(queue: QueueManager, scene_id: int, **entities: list[int]) -> None:
    queue.sync_log.remember_scene(scene_id, SceneRecord("synced", NOW, entities=entities))


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_scenes_are_found_by_whom_they_had_in_pages_by_rising_id(
    queue: QueueManager, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(sync_log, "PAGE", page)
    remember(queue, 1, tags=[5, 6], performers=[5])
    remember(queue, 2, performers=[5])
    remember(queue, 3, studios=[7], tags=[])
    remember(queue, 4, tags=[5])
    wanted = [("tags", 5), ("studios", 7), ("performers", 99)]

    found = list(queue.sync_log.scenes_with(wanted))

    expected = {1: {("tags", 5)}, 3: {("studios", 7)}, 4: {("tags", 5)}}
    assert [one for some in found for one in some] == [1, 3, 4]
    assert {one: entities for some in found for one, entities in some.items()} == expected
    assert max(len(some) for some in found) <= page


def test_a_window_of_ids_has_an_open_beginning_and_a_closed_end(queue: QueueManager) -> None:
    for scene_id in range(1, 6):
        remember(queue, scene_id, tags=[5])

    assert [list(some) for some in queue.sync_log.scenes_with([("tags", 5)], 1, 4)] == [[2, 3, 4]]
    assert [list(some) for some in queue.sync_log.scenes_with([("tags", 5)], 3)] == [[4, 5]]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"tags": 5}', '{"tags": ["5", null]}'])
def test_what_was_stored_oddly_names_nobody(queue: QueueManager, text: str) -> None:
    remember(queue, 1, tags=[5])
    with queue.transaction():
        queue.connection.execute("UPDATE scene_log SET entities = ?", (text,))

    assert list(queue.sync_log.scenes_with([("tags", 5)])) == []


def test_digests_are_those_of_the_scenes_and_the_server_asked_for(queue: QueueManager) -> None:
    for scene_id, server, key, digest in (
        (1, SERVER, 10, "a"), (1, SERVER, 11, "b"), (1, "other", 10, "c"), (2, SERVER, 12, "d"),
        (3, "other", 13, "e"),
    ):  # fmt: skip
        queue.sync_log.remember_item(scene_id, server, key, ItemRecord(digest, {}), NOW)

    assert queue.sync_log.digests(SERVER, [1, 3, 4]) == {1: {10: "a", 11: "b"}}
    assert queue.sync_log.digests(SERVER, []) == {}


def test_a_scene_is_forgotten_with_its_jobs_and_no_other(queue: QueueManager) -> None:
    failure = Failure("PlexNotFound", "as it was")
    for scene_id in (1, 11):
        remember(queue, scene_id, tags=[5])
        queue.sync_log.remember_item(scene_id, SERVER, scene_id, ItemRecord("d", {}), NOW)
        dead = SyncJob("j", scene_id, METADATA, job_key=f"scene_{scene_id}")
        queue.dead_letters.add(dead, failure, NOW)
        queue.enqueue([scene_job(scene_id, kind, NOW, due=NOW + 99) for kind in (METADATA, PATH)])
    queue.enqueue([scene_job(1, FORGET, NOW), entity_job("tag", 1, NOW)])
    claims = queue.claim(2)

    queue.forget_scenes([1])

    log = queue.sync_log
    assert [log.scene(one) is None for one in (1, 11)] == [True, False]
    assert [log.records_of_item(SERVER, one).get(one) is None for one in (1, 11)] == [True, False]
    assert [one.job.scene_id for one in queue.dead_letters.of_type("PlexNotFound") if one.job] == [
        11
    ]
    assert {claim.job.job_key for claim in claims} == {"scene_1", "tag_1"}
    assert [(job["job_key"], status) for _, job, status in rows(queue)] == [
        ("scene_11", 0),
        ("scene_11", 0),
        ("scene_1", 2),
        ("tag_1", 2),
    ]


def test_a_job_of_a_tag_merges_with_that_of_the_same_tag_only(queue: QueueManager) -> None:
    assert queue.enqueue([entity_job("tag", one, NOW) for one in (1, 2)]) == (2, 0)

    assert queue.enqueue([entity_job("tag", 1, NOW), entity_job("studio", 1, NOW)]) == (1, 1)

    data = [job["data"] for _, job, _ in rows(queue)]
    assert data == [{"kind": kind, "id": one} for kind, one in
                    (("tag", 1), ("tag", 2), ("studio", 1))]  # fmt: skip

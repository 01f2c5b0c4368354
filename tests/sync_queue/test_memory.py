"""The sync log and the dead letters: what they keep, replace and forget."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import SyncJob
from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_log import NO_SCENE, ItemRecord, SceneRecord
from tests.sync_queue.support import NOW
from tests.validation.strategies import ANY_TEXT

SERVER = "server-a"
SENT: dict[str, str | list[str]] = {"title": "Ünï", "tags": ["a", "b, c"]}
ORIGINAL: dict[str, str | list[str]] = {"title": "old", "tags": []}


def dead(scene_id: int | None = 1, job_id: str = "j") -> SyncJob:
    return SyncJob(job_id, scene_id, "metadata", job_key=f"scene_{scene_id}")


def test_what_an_item_was_sent_comes_back_as_it_was(queue: QueueManager) -> None:
    record = ItemRecord("digest", SENT, {"summary": "too long"}, pending={"title": "Next"})
    queue.sync_log.remember_image(1, SERVER, 10, "poster", "sha")
    assert queue.sync_log.records_of_item(SERVER, 10).get(1) is None
    queue.sync_log.remember_item(1, SERVER, 10, record, NOW)
    assert queue.sync_log.records_of_item(SERVER, 10).get(1) == record


def test_the_original_is_what_the_item_held_before_the_first_write(queue: QueueManager) -> None:
    log = queue.sync_log
    assert log.original(SERVER, 10) is None
    log.keep_original(SERVER, 10, ORIGINAL, NOW)
    log.keep_original(SERVER, 10, {"title": "ours"}, NOW + 1)
    assert log.original(SERVER, 10) == ORIGINAL
    assert log.original("server-b", 10) is None


def test_an_original_is_changed_where_one_is_kept_and_never_made(queue: QueueManager) -> None:
    log = queue.sync_log
    log.keep_original(SERVER, 10, ORIGINAL, NOW)
    log.keep_original(SERVER, 11, ORIGINAL, NOW)
    for key in (10, 12):
        log.change_original(SERVER, key, {"title": "a person's"})
    assert log.originals(SERVER, [10, 11, 12]) == {10: {"title": "a person's"}, 11: ORIGINAL}


def test_the_original_outlives_the_scene_that_was_written_to_the_item(queue: QueueManager) -> None:
    queue.sync_log.remember_item(1, SERVER, 10, ItemRecord("d", SENT), NOW)
    queue.sync_log.keep_original(SERVER, 10, ORIGINAL, NOW)
    queue.sync_log.forget_scene(1)
    assert queue.sync_log.original(SERVER, 10) == ORIGINAL


def test_a_restored_item_is_forgotten_with_its_own_scenes(queue: QueueManager) -> None:
    log = queue.sync_log
    for scene_id, server, key in ((1, SERVER, 10), (1, SERVER, 11), (2, SERVER, 10), (3, "b", 10)):
        log.remember_item(scene_id, server, key, ItemRecord("d", SENT), NOW)
        log.keep_original(server, key, ORIGINAL, NOW)
        log.remember_scene(scene_id, SceneRecord("synced", NOW))
    assert log.with_original(SERVER) == [10, 11]
    assert (log.with_original(SERVER, 2), log.with_original(SERVER, 3)) == ([10], [])
    assert set(log.records_of_item(SERVER, 10)) == {1, 2}

    log.remember_upload(SERVER, 10, "poster", "one")
    log.remember_upload(SERVER, 10, "poster", "two")
    log.remember_upload(SERVER, 10, "poster", "two")

    log.forget_item(SERVER, 10)

    assert log.uploads(SERVER, 10, "poster") == {"one", "two"}
    assert log.uploads(SERVER, 10, "art") == log.uploads("b", 10, "poster") == set()
    assert (log.with_original(SERVER), log.with_original("b")) == ([11], [10])
    assert [log.scene(one) is not None for one in (1, 2, 3)] == [True, False, True]
    assert log.records_of_item(SERVER, 10).get(1) is log.records_of_item(SERVER, 10).get(2) is None


def test_a_scene_whose_job_died_is_out_of_step(queue: QueueManager) -> None:
    record = SceneRecord("synced", NOW, "", "2026-01-01T00:00:00Z", cover_tag='"tag"')
    for scene_id in (1, 2):
        queue.sync_log.remember_scene(scene_id, record)
    queue.enqueue([scene_job(1, METADATA, NOW, {"cover_changed": True})])
    (claim,) = queue.claim(1)

    queue.dead_letter(claim, Failure("PlexPermanentError", "refused"))

    assert queue.sync_log.scene_versions() == {1: "", 2: record.scene_updated_at}
    assert queue.sync_log.scene(1) == replace(record, scene_updated_at="")


def test_scenes_servers_and_items_are_remembered_apart(queue: QueueManager) -> None:
    log = queue.sync_log
    for scene_id, server, key in ((1, "a", 10), (1, "a", 11), (1, "b", 10), (2, "a", 10)):
        log.remember_item(scene_id, server, key, ItemRecord(f"{scene_id}{server}{key}", {}), NOW)
    assert log.digests("a") == {1: {10: "1a10", 11: "1a11"}, 2: {10: "2a10"}}
    assert log.digests("b") == {1: {10: "1b10"}}
    assert log.digests("c") == {}
    assert set(log.digests(None)) == {1, 2}


def test_the_scenes_of_an_item_are_known(queue: QueueManager) -> None:
    log = queue.sync_log
    for scene_id, server, key in ((1, SERVER, 10), (2, SERVER, 10), (3, "b", 10), (4, SERVER, 11)):
        log.remember_item(scene_id, server, key, ItemRecord("d", {}), NOW)
    assert set(log.records_of_item(SERVER, 10)) == {1, 2}
    assert log.items(SERVER, [12]) == {}


def test_a_new_owner_keeps_the_values_but_is_not_in_step(queue: QueueManager) -> None:
    log = queue.sync_log
    log.remember_item(1, SERVER, 10, ItemRecord("d", SENT), NOW)
    log.remember_image(1, SERVER, 10, "poster", "sha")
    log.remember_item(1, SERVER, 11, ItemRecord("d", SENT), NOW)
    log.transfer_item(2, SERVER, 10)
    assert log.records_of_item(SERVER, 10).get(2) == ItemRecord("", SENT, {}, "sha")
    assert set(log.records_of_item(SERVER, 10)) == {2}
    assert set(log.records_of_item(SERVER, 11)) == {1}


def test_a_scene_that_has_the_item_already_keeps_its_own_memory_of_it(queue: QueueManager) -> None:
    log = queue.sync_log
    for scene_id in (1, 2, 3):
        log.remember_item(scene_id, SERVER, 10, ItemRecord(f"d{scene_id}", {}), NOW)
    log.transfer_item(2, SERVER, 10)
    assert log.records_of_item(SERVER, 10).get(2) == ItemRecord("d2", {})
    assert set(log.records_of_item(SERVER, 10)) == {2}


def test_an_image_is_remembered_by_kind_after_a_write(queue: QueueManager) -> None:
    log = queue.sync_log
    log.remember_item(1, SERVER, 10, ItemRecord("d1", {}), NOW)
    log.remember_image(1, SERVER, 10, "poster", "p-sha")
    log.remember_image(1, SERVER, 10, "art", "a-sha")
    log.remember_item(1, SERVER, 10, ItemRecord("d2", SENT), NOW)
    assert log.records_of_item(SERVER, 10).get(1) == ItemRecord("d2", SENT, {}, "p-sha", "a-sha")


@settings(max_examples=40)
@given(values=st.dictionaries(ANY_TEXT, ANY_TEXT | st.lists(ANY_TEXT), max_size=4))
def test_any_text_that_was_sent_comes_back(
    queue: QueueManager, values: dict[str, str | list[str]]
) -> None:
    queue.sync_log.remember_item(1, SERVER, 10, ItemRecord("d", values), NOW)
    found = queue.sync_log.records_of_item(SERVER, 10).get(1)
    assert found is not None
    assert found.sent == values


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", "5"])
def test_damaged_memory_of_an_item_reads_as_nothing_sent(queue: QueueManager, damaged: str) -> None:
    queue.sync_log.remember_item(1, SERVER, 10, ItemRecord("d", SENT, SENT), NOW)
    queue.sync_log.keep_original(SERVER, 10, ORIGINAL, NOW)
    queue.connection.execute("UPDATE sync_log SET sent = ?, refused = ?", (damaged,) * 2)
    queue.connection.execute("UPDATE originals SET held = ?", (damaged,))
    found = queue.sync_log.records_of_item(SERVER, 10).get(1)
    assert found is not None
    assert (found.sent, found.refused) == ({}, {})
    assert queue.sync_log.original(SERVER, 10) is None


def test_members_of_an_odd_type_in_the_memory_are_left_out(queue: QueueManager) -> None:
    queue.sync_log.remember_item(1, SERVER, 10, ItemRecord("d", {}), NOW)
    odd = json.dumps({"title": "t", "tags": ["a", 5], "studio": None, "rating": 7})
    queue.connection.execute("UPDATE sync_log SET sent = ?", (odd,))
    found = queue.sync_log.records_of_item(SERVER, 10).get(1)
    assert found is not None
    assert found.sent == {"title": "t", "tags": ["a", "5"]}


def test_a_scenes_record_comes_back_and_is_replaced_by_the_next(queue: QueueManager) -> None:
    first = SceneRecord("skipped", NOW, "no metadata yet")
    second = SceneRecord(
        "synced",
        NOW + 1,
        "title",
        "2026-01-01T00:00:00Z",
        '"etag"',
        {"tags": [3, 4], "studios": []},
    )
    for record in (first, second):
        queue.sync_log.remember_scene(1, record)
        assert queue.sync_log.scene(1) == record
    assert queue.sync_log.scene(2) is None


def test_versions_are_those_of_scenes_that_were_synced(queue: QueueManager) -> None:
    synced = SceneRecord("synced", NOW, scene_updated_at="v1")
    queue.sync_log.remember_scene(1, synced)
    queue.sync_log.remember_scene(2, replace(synced, outcome="skipped"))
    assert queue.sync_log.scene_versions() == {1: "v1"}


@pytest.mark.parametrize("damaged", ["", "{", "[1]", '{"tags": 5}'])
def test_damaged_entities_of_a_scene_read_as_none(queue: QueueManager, damaged: str) -> None:
    queue.sync_log.remember_scene(1, SceneRecord("synced", NOW, entities={"tags": [1]}))
    queue.connection.execute("UPDATE scene_log SET entities = ?", (damaged,))
    found = queue.sync_log.scene(1)
    assert found is not None
    assert found.entities == {}


def test_values_of_a_forgotten_scene_wait_for_the_next_owner(queue: QueueManager) -> None:
    log = queue.sync_log
    log.remember_item(1, SERVER, 10, ItemRecord("d", SENT), NOW)
    log.remember_image(1, SERVER, 10, "poster", "sha")
    log.remember_item(2, SERVER, 11, ItemRecord("d", {}), NOW)
    log.remember_item(2, SERVER, 10, ItemRecord("d", {}), NOW)

    log.forget_scene(2)
    log.forget_scene(1)

    assert log.digests(None) == log.digests(SERVER) == {}
    assert [set(log.records_of_item(SERVER, key)) for key in (10, 11)] == [{NO_SCENE}] * 2
    log.transfer_item(3, SERVER, 10)
    assert log.records_of_item(SERVER, 10).get(3) == ItemRecord("", SENT, {}, "sha")
    assert set(log.records_of_item(SERVER, 10)) == {3}


def test_what_is_remembered_inside_a_failed_transaction_is_not(queue: QueueManager) -> None:
    def settle() -> None:
        with queue.transaction():
            queue.sync_log.remember_scene(1, SceneRecord("synced", NOW))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        settle()
    assert queue.sync_log.scene(1) is None


def test_a_newer_failure_of_the_same_scene_and_type_replaces_the_older(queue: QueueManager) -> None:
    letters = queue.dead_letters
    letters.add(dead(job_id="old"), Failure("PlexNotFound", "first"), NOW)
    letters.add(dead(job_id="new"), Failure("PlexNotFound", "second", "trace"), NOW + 1)
    assert stored_letters(queue) == [("new", 1, "PlexNotFound", "second", "trace", 0)]


def test_another_type_or_another_scene_is_another_dead_letter(queue: QueueManager) -> None:
    letters = queue.dead_letters
    letters.add(dead(1), Failure("PlexNotFound", "m"), NOW)
    letters.add(dead(1), Failure("PlexPermanentError", "m"), NOW)
    letters.add(dead(2), Failure("PlexNotFound", "m"), NOW)
    assert letters.counts_by_type() == {"PlexNotFound": 2, "PlexPermanentError": 1}
    assert list(letters.counts_by_type()) == ["PlexNotFound", "PlexPermanentError"]


def test_dead_letters_without_a_scene_do_not_replace_each_other(queue: QueueManager) -> None:
    for job_id in "ab":
        queue.dead_letters.add(dead(None, job_id), Failure("UnreadableJob", "m"), NOW)
    assert queue.dead_letters.counts_by_type() == {"UnreadableJob": 2}


def test_forgetting_a_scene_removes_its_dead_letters_of_every_type(queue: QueueManager) -> None:
    letters = queue.dead_letters
    letters.add(dead(1), Failure("A", "m"), NOW)
    letters.add(dead(1), Failure("B", "m"), NOW)
    letters.add(dead(2), Failure("A", "m"), NOW)
    letters.forget_scene(1)
    assert letters.counts_by_type() == {"A": 1}


def test_a_dead_letter_holds_the_whole_job_and_its_time_in_utc(queue: QueueManager) -> None:
    job = replace(dead(5), data={"cover_changed": True}, retry_count=5)
    queue.dead_letters.add(job, Failure("PlexTemporaryError", "m"), 1_767_225_600.0)
    row = queue.connection.execute("SELECT job_data, failed_at FROM dead_letters").fetchone()
    assert SyncJob.parse(row[0]) == job
    assert row[1] == "2026-01-01 00:00:00"


def stored_letters(queue: QueueManager) -> list[tuple[object, ...]]:
    return queue.connection.execute(
        "SELECT job_id, scene_id, error_type, error_message, stack_trace, retry_count "
        "FROM dead_letters"
    ).fetchall()

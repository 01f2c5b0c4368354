"""Which jobs a worker gets, in which order, and what becomes of rows that are none."""

import json
import pickle
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sync_queue.database import connect, transaction
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import BULK, LARGEST_ID, JobFormatError, SyncJob
from sync_queue.operations import METADATA, PATH, get_queued_scene_ids, scene_job
from tests.sync_queue.support import Clock, job, postponed, raw_rows, rows, write_row
from tests.validation.strategies import JSON, NUMBERS, json_object

PICKLE = pickle.dumps({"scene_id": 5, "update_type": "metadata", "data": {"title": "old"}})


@pytest.fixture
def second(folder: str, queue: QueueManager, clock: Clock) -> Iterator[QueueManager]:
    del queue  # made before, so that this one finds it
    manager = QueueManager(folder, clock)
    yield manager
    manager.close()


def test_a_job_is_claimed_from_its_due_time_on(queue: QueueManager, clock: Clock) -> None:
    queue.enqueue([job(1)])
    queue.release([postponed(queue.claim(1)[0], clock() + 30)])
    assert queue.next_due() == clock() + 30
    clock.now += 29.999
    assert queue.claim(1) == []
    clock.now += 0.001
    assert len(queue.claim(1)) == 1


@pytest.mark.parametrize(
    ("bulk_last", "order"), [(False, [3, 4, 2, 5, 1]), (True, [3, 4, 1, 2, 5])]
)
def test_edits_come_before_a_bulk_sync_and_if_that_is_slowed_retries_do_too(
    queue: QueueManager, clock: Clock, bulk_last: bool, order: list[int]
) -> None:
    queue.enqueue([job(1)])
    queue.release([postponed(queue.claim(1)[0], clock() - 30)])
    bulk = [scene_job(scene, METADATA, clock(), due=BULK) for scene in (2, 3, 4, 5)]
    queue.enqueue([bulk[0], job(3), bulk[2], bulk[3]])
    queue.enqueue([bulk[1], job(4)])  # each is merged into the other kind of job

    claims = queue.claim(9, bulk_last=bulk_last)

    assert [claim.job.scene_id for claim in claims] == order


def test_no_job_is_claimed_by_two_connections(queue: QueueManager, second: QueueManager) -> None:
    queue.enqueue([job(n) for n in range(1, 11)])
    claimed = [claim.row_id for _ in range(3) for one in (queue, second) for claim in one.claim(2)]
    assert len(claimed) == 10
    assert len(set(claimed)) == 10


def test_only_other_connections_move_the_counter(queue: QueueManager, second: QueueManager) -> None:
    before = queue.change_counter()
    queue.enqueue([job(1)])
    assert queue.change_counter() == before
    second.enqueue([job(2)])
    assert queue.change_counter() != before


def test_queued_scenes_are_those_that_wait_whatever_the_kind(queue: QueueManager) -> None:
    queue.enqueue([job(1), job(1, PATH), job(22), replace(job(3), job_key="entity_tag_3")])
    queue.claim(1)
    assert get_queued_scene_ids(queue.connection) == {1, 22}


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        *((data, "") for data in (b"[1, 2]", b"17", b'"text"', b"null", b"{}")),
        *((data, "") for data in (b'{"job_key": 5}', b'{"job_key": ""}')),
        (b'{"scene_id": 4}', "scene 4"),
        (b'{"job_key": null, "next_retry_at": 0}', ""),
        (b'{"job_key": "scene_\\ud800"}', ""),
        (b'{"job_key": "scene_2", "scene_id": ' + b"9" * 30 + b"}", "scene_2"),
    ],
)
def test_json_that_is_no_job_becomes_a_dead_letter_of_its_subject_and_delays_no_other(
    queue: QueueManager, folder: str, data: bytes, subject: str
) -> None:
    write_row(folder, data)
    queue.enqueue([job(1)])
    assert [claim.job.scene_id for claim in queue.claim(9)] == [1]
    (letter,) = queue.dead_letters.of_type("UnreadableJob")
    assert subject in letter.error_message
    assert [stored["job_key"] for _, stored, _ in rows(queue)] == ["scene_1"]


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "-1e999", "true", '"x"', "[]"])
@pytest.mark.parametrize("name", ["enqueued_at", "retry_count"])
def test_an_odd_number_is_zero(queue: QueueManager, folder: str, name: str, number: str) -> None:
    write_row(folder, f'{{"job_key": "scene_1", "{name}": {number}}}'.encode())
    (claim,) = queue.claim(9)
    assert (claim.job.enqueued_at, claim.job.retry_count) == (0.0, 0)
    queue.release([claim])
    assert queue.enqueue([job(1)]) == (0, 1)


def test_a_row_nested_too_deeply_to_read_delays_no_other(queue: QueueManager, folder: str) -> None:
    nested = "[" * 900 + "]" * 900
    write_row(folder, f'{{"job_key": "scene_2", "data": {{"a": {nested}}}}}'.encode())
    queue.enqueue([job(1)])
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(500)
    try:
        claims = queue.claim(9)
    finally:
        sys.setrecursionlimit(before)
    assert 1 in [claim.job.scene_id for claim in claims]


@pytest.mark.parametrize("kind", ["TEXT", "BLOB"])
def test_a_job_that_is_no_utf_8_has_a_subject(queue: QueueManager, folder: str, kind: str) -> None:
    row_id = write_row(folder, b'{"job_key": "scene_1", "update_type": "metadata", "x": "\xff"}')
    connection = connect(f"{folder}/data.db")
    connection.execute(f"UPDATE ack_queue_default SET data = CAST(data AS {kind})")
    connection.close()
    assert [claim.job.job_key for claim in queue.claim(9)] == ["scene_1"]
    assert queue.resume() == 1
    assert get_queued_scene_ids(queue.connection) == {1}
    assert queue.jobs_of(1) != []
    assert queue.enqueue([job(1), job(2)]) == (1, 1)
    assert [claim.row_id for claim in queue.claim(9)] == [row_id, row_id + 1]


def test_a_job_without_subject_hides_none(queue: QueueManager, clock: Clock, folder: str) -> None:
    queue.enqueue([job(1)])
    queue.release([postponed(queue.claim(1)[0], clock() + 60, "PlexNotFound")])
    error = {"last_error_type": "PlexNotFound", "next_retry_at": clock() + 600}
    write_row(folder, json.dumps(error).encode())
    found = queue.waiting_with_error("PlexNotFound")
    assert [claim.job.scene_id for claim in found] == [1]


def test_an_unreadable_claimed_row_is_dead_lettered(queue: QueueManager, folder: str) -> None:
    write_row(folder, b"{}", status=2)
    assert queue.resume() == 1
    assert queue.claim(9) == []
    assert queue.dead_letters.counts_by_type() == {"UnreadableJob": 1}
    assert not queue.has_unfinished()


def test_a_claim_whose_dead_letter_cannot_be_stored_changes_nothing(
    queue: QueueManager, folder: str
) -> None:
    write_row(folder, b"{}")
    queue.enqueue([job(1)])
    queue.connection.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.dead_letters "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        queue.claim(9)
    assert queue.stats()["in_progress"] == 0
    queue.connection.execute("DROP TRIGGER refuse")
    assert [claim.job.scene_id for claim in queue.claim(9)] == [1]
    assert queue.dead_letters.count() == 1


@pytest.mark.parametrize("data", [PICKLE, b"", b"\xff\xfe", b"{broken", b"NaN", b"\x00"])
@pytest.mark.parametrize("status", [0, 1, 2, 5, 9])
def test_a_row_that_is_no_json_is_left_as_it_is_and_breaks_nothing(
    queue: QueueManager, folder: str, data: bytes, status: int
) -> None:
    row_id = write_row(folder, data, status)
    queue.enqueue([job(1)])
    (claim,) = queue.claim(9)
    queue.resume()
    (claim,) = queue.claim(9)
    queue.ack([claim])
    assert queue.next_due() is None
    assert not queue.has_unfinished()
    assert queue.stats() == {"pending": 0, "retrying": 0, "in_progress": 0}
    assert raw_rows(folder) == [(row_id, data, status)]


def test_rows_that_are_done_for_persist_queue_stay(queue: QueueManager, folder: str) -> None:
    write_row(folder, job(1).encoded(), status=5)
    write_row(folder, job(1).encoded(), status=9)
    assert queue.claim(9) == []
    assert queue.enqueue([job(1)]) == (1, 0)


@pytest.mark.parametrize("due", ['"soon"', "{}", "[]", "null", "0", "false"])
def test_a_job_with_an_odd_due_time_is_due_now(queue: QueueManager, folder: str, due: str) -> None:
    write_row(folder, f'{{"job_key": "scene_1", "next_retry_at": {due}}}'.encode())
    assert queue.next_due() == 0.0
    assert [claim.job.next_retry_at for claim in queue.claim(9)] == [0.0]


JOB_LIKE = json_object(
    job_id=st.text(),
    scene_id=st.integers(),
    update_type=st.text(),
    data=st.dictionaries(st.text(), JSON, max_size=3),
    enqueued_at=NUMBERS,
    job_key=st.text(),
    retry_count=st.integers(),
    next_retry_at=NUMBERS,
    last_error_type=st.text() | st.none(),
)


@given(JSON | JOB_LIKE)
def test_any_json_is_a_job_or_a_job_format_error(stored: Any) -> None:
    if _names_a_subject(stored):
        read = SyncJob.parse(json.dumps(stored))
        assert SyncJob.parse(read.encoded()) == read
    else:
        with pytest.raises(JobFormatError, match=r"which scene|no job_key|no scene's number"):
            SyncJob.parse(json.dumps(stored))


def _names_a_subject(stored: Any) -> bool:
    if not isinstance(stored, dict):
        return False
    key, scene_id = stored.get("job_key"), stored.get("scene_id")
    if isinstance(scene_id, bool) or (isinstance(scene_id, int) and abs(scene_id) > LARGEST_ID):
        return False
    return isinstance(key, str) and key.isascii() and key != ""


@settings(max_examples=30)
@given(data=JSON)
def test_any_json_hint_comes_back_as_it_went_in(queue: QueueManager, data: object) -> None:
    queue.enqueue([job(1, hint=data)])
    claims = queue.claim(9)
    queue.ack(claims)
    assert [claim.job.data for claim in claims] == [json.loads(json.dumps({"hint": data}))]


def test_success_removes_the_scenes_dead_letters_and_a_skip_keeps_them(queue: QueueManager) -> None:
    for healthy, left in ((False, {"PlexNotFound": 1}), (True, {})):
        queue.enqueue([job(1)])
        queue.dead_letter(queue.claim(1)[0], Failure("PlexNotFound", "no item"))
        queue.enqueue([job(1)])
        queue.ack(queue.claim(1), succeeded=healthy)
        assert queue.dead_letters.counts_by_type() == left


def test_a_transaction_inside_another_is_a_part_of_it(queue: QueueManager) -> None:
    with transaction(queue.connection):
        with transaction(queue.connection):
            queue.connection.execute("DELETE FROM dead_letters")
        inside = queue.connection.in_transaction
    assert (inside, queue.connection.in_transaction) == (True, False)

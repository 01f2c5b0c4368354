"""One waiting job per subject and kind: what a second edit does to it."""

import sqlite3

import pytest

from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from tests.sync_queue.support import NOW, Clock, job, postponed, write_row


@pytest.mark.parametrize(("first", "second"), [(NOW, NOW + 60), (NOW + 60, NOW)])
def test_a_merge_keeps_place_and_unites(queue: QueueManager, first: float, second: float) -> None:
    queue.enqueue([job(1, at=first, cover_changed=True, source="first"), job(2)])
    queue.enqueue([job(1, at=second, source="second")])
    merged, other = queue.claim(2)
    assert (merged.job.scene_id, other.job.scene_id) == (1, 2)
    assert merged.job.enqueued_at == NOW
    assert merged.job.data == {"cover_changed": True, "source": "second"}


def test_a_released_job_merges_into_a_newer_one(queue: QueueManager, clock: Clock) -> None:
    queue.enqueue([job(1, at=NOW, cover_changed=True)])
    old = queue.claim(1)[0]
    queue.enqueue([job(1, at=NOW + 5, newer=True)])
    queue.release([postponed(old, clock() + 600)])
    (claim,) = queue.claim(9)
    assert claim.row_id != old.row_id
    assert claim.job.data == {"cover_changed": True, "newer": True}
    assert (claim.job.retry_count, claim.job.enqueued_at) == (0, NOW)


def test_a_job_that_was_finished_cannot_be_given_back(queue: QueueManager) -> None:
    queue.enqueue([job(1)])
    claim = queue.claim(1)[0]
    queue.ack([claim])
    queue.release([claim])
    assert not queue.has_unfinished()


def test_finishing_a_job_that_was_given_back_leaves_it_waiting(queue: QueueManager) -> None:
    queue.enqueue([job(1)])
    claim = queue.claim(1)[0]
    queue.release([claim])
    queue.ack([claim])
    assert queue.stats() == {"pending": 1, "retrying": 0, "in_progress": 0}


def test_an_error_while_jobs_are_given_stores_none_of_them(queue: QueueManager) -> None:
    def jobs() -> object:
        yield job(1)
        raise RuntimeError("the list broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        queue.enqueue(jobs())  # type: ignore[arg-type]
    assert not queue.has_unfinished()
    assert queue.enqueue([job(2)]) == (1, 0)


def test_a_transaction_that_fails_undoes_all_of_it(queue: QueueManager) -> None:
    queue.enqueue([job(1), job(2)])
    claims = queue.claim(2)

    def settle() -> None:
        with queue.transaction():
            queue.ack(claims[:1])
            queue.release(claims[1:])
            raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(sqlite3.OperationalError):
        settle()
    assert queue.stats() == {"pending": 0, "retrying": 0, "in_progress": 2}


def test_a_claim_carries_the_row_that_is_to_be_finished(queue: QueueManager) -> None:
    queue.enqueue([job(1), job(2)])
    first, second = queue.claim(2)
    queue.ack([Claim(second.row_id, first.job)])
    queue.release([first])
    assert [claim.row_id for claim in queue.claim(9)] == [first.row_id]


@pytest.mark.parametrize(
    ("members", "hints"),
    [
        (b'"data": {"x": "\xff"}', {"x": "\ufffd"}),
        (b'"enqueued_at": ' + b"9" * 400, {}),
        (b'"enqueued_at": "x", "data": [1]', {}),
        (b'"data": "x"', {}),
    ],
    ids=["no utf-8", "400 digits", "other types", "a text"],
)
def test_an_edit_takes_the_place_of_a_waiting_job_that_is_odd(
    queue: QueueManager, folder: str, members: bytes, hints: dict[str, str]
) -> None:
    stored = b'{"job_key": "scene_1", "update_type": "metadata", %s}' % members
    row_id = write_row(folder, stored)
    assert queue.enqueue([job(1, at=NOW, fresh=True)]) == (0, 1)
    (claim,) = queue.claim(9)
    assert claim.row_id == row_id
    assert (claim.job.data, claim.job.enqueued_at) == ({**hints, "fresh": True}, NOW)

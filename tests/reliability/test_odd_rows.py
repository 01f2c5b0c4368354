"""What no version of ours has written lies in the queue: it stops no hook, worker or task."""

import json
import time
from dataclasses import asdict
from typing import Any

from simulators.rig import Rig
from sync_queue.operations import METADATA, scene_job
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.golden import figures

NUMBER = "9" * 400
DEEP = "[" * 900 + "]" * 900
BURIED = (
    b"17",
    b'{"scene_id": 4}',
    b'{"job_key": "scene_\\ud800"}',
    b'{"job_key": "scene_7", "scene_id": ' + NUMBER.encode() + b"}",
)
GONE = b'{"job_key": "scene_800", "scene_id": 800, "x": "\xff"}'  # from Stash
COPED_WITH = (
    f'"enqueued_at": {NUMBER}',
    f'"retry_count": {NUMBER}',
    '"retry_count": 1e999',
    '"next_retry_at": "soon"',
    '"data": [1]',
    f'"data": {{"a": {DEEP}}}',
)
INBOX: tuple[dict[str, Any], ...] = (
    {"data": [1]},
    {"enqueued_at": "x"},
    {"scene_id": 10**400},
    {"job_key": "\ud800"},
)


def row(scene_id: int, odd: str) -> bytes:
    job = f'"job_key": "scene_{scene_id}", "scene_id": {scene_id}, "update_type": "metadata"'
    return f"{{{job}, {odd}}}".encode()


def test_the_other_jobs_go_on_and_what_is_no_job_is_told(rig: Rig) -> None:
    ids, items = zip(*(rig.add_pair(f"a{n}", tags=["T"]) for n in range(6)), strict=True)
    rig.stash.edit_scene(ids[0], title="One")
    assert rig.wait_until(lambda: items[0].title == "One" and rig.queued() == 0)
    rig.stop_worker()
    coped_with = [row(one, odd) for one, odd in zip(ids, COPED_WITH, strict=True)]
    not_found = json.dumps({"last_error_type": "PlexNotFound", "next_retry_at": time.time() + 600})
    with rig.database() as database:
        database.executemany(
            "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, 0, 1)",
            [(one,) for one in (*BURIED, GONE, *coped_with, not_found.encode())],
        )
        database.commit()
    inbox = rig.data / "queue" / "inbox"
    inbox.mkdir()
    for number, odd in enumerate(INBOX):
        job = {**asdict(scene_job(ids[-1], METADATA, time.time())), **odd}
        (inbox / f"{number}.json").write_text(json.dumps(job))
    (rig.data / "stats.json").write_text(f'{{"total_processing_time": {NUMBER}}}')

    for one in ids:
        assert rig.stash.edit_scene(one, title=f"Two {one}")[0].result.output == "queued"

    titles = [f"Two {one}" for one in ids]
    assert rig.wait_until(lambda: [item.title for item in items] == titles)
    assert rig.wait_until(lambda: rig.queued() == 1)  # what is not due before ten minutes are over
    status = rig.task("queue_status")
    assert status.error is None
    assert figures(rig.task("show_dlq").output)[0] == 4
    with queue_of(rig) as queue:
        letters = queue.dead_letters.of_type("UnreadableJob")
    told = "\n".join(one.error_message for one in letters)
    assert (len(letters), "scene 4" in told, "scene_7" in told) == (4, True, True)
    assert rig.events("bug", "worker_failed") == []

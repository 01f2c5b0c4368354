import os
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sync_queue.database import transaction
from sync_queue.models import BULK, JobFormatError, SyncJob
from sync_queue.schema import (
    DUE,
    IS_IN_PROGRESS,
    IS_WAITING,
    SUBJECT,
    TABLE,
    TYPE,
    WAITING_NEW,
)

METADATA, PATH, FOLDER_SCAN = "metadata", "path", "scan"
ENTITY, FORGET = "entity", "forget"

_FIND_WAITING = (
    f"SELECT _id, data FROM {TABLE} WHERE {SUBJECT} = ? AND {TYPE} = ? AND {IS_WAITING} "
    "ORDER BY _id LIMIT 1"
)
_INSERT = f"INSERT INTO {TABLE} (data, timestamp, status) VALUES (?, ?, {WAITING_NEW})"
# One statement counts all states, so that a job whose state changes is not counted twice.
_STATS = (
    f"SELECT (SELECT COUNT(*) FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= :now), "
    f"(SELECT COUNT(*) FROM {TABLE} WHERE {IS_WAITING} AND {DUE} > :now), "
    f"(SELECT COUNT(*) FROM {TABLE} WHERE {IS_IN_PROGRESS})"
)
_REPLACE = f"UPDATE {TABLE} SET data = ?, status = {WAITING_NEW} WHERE _id = ?"


def scene_job(
    scene_id: int,
    update_type: str,
    now: float,
    data: dict[str, Any] | None = None,
    due: float = 0.0,
) -> SyncJob:
    key, job_id = scene_key(scene_id), os.urandom(8).hex()
    return SyncJob(job_id, scene_id, update_type, data or {}, now, key, next_retry_at=due)


def scene_key(scene_id: int) -> str:
    return f"scene_{scene_id}"


def entity_job(kind: str, entity_id: int, now: float) -> SyncJob:
    data = {"kind": kind, "id": entity_id}
    return SyncJob(os.urandom(8).hex(), None, ENTITY, data, now, f"{kind}_{entity_id}")


def subject_label(job_key: str) -> str:
    return job_key.replace("_", " ").capitalize()


def enqueue(connection: sqlite3.Connection, jobs: Iterable[SyncJob], now: float) -> tuple[int, int]:
    """Store jobs. Return the numbers of new jobs and of jobs merged into waiting jobs."""
    with transaction(connection):
        are_new = [put(connection, job, now) for job in jobs]
    return sum(are_new), len(are_new) - sum(are_new)


def put(connection: sqlite3.Connection, job: SyncJob, now: float) -> bool:
    if merge_into_waiting(connection, job):
        return False
    connection.execute(_INSERT, (job.encoded(), now))
    return True


def merge_into_waiting(connection: sqlite3.Connection, job: SyncJob) -> bool:
    row = connection.execute(_FIND_WAITING, (job.job_key, job.update_type)).fetchone()
    if row is None:
        return False
    try:
        waiting = SyncJob.parse(row[1])
    except JobFormatError:
        waiting = job
    since = [moment for moment in (waiting.enqueued_at, job.enqueued_at) if moment]
    data = {**waiting.data, **job.data}
    # A merged job keeps the priority of an edit, even if one of its parts is a bulk job.
    due = 0.0 if job.next_retry_at == BULK != waiting.next_retry_at else job.next_retry_at
    merged = replace(job, enqueued_at=min(since, default=0.0), data=data, next_retry_at=due)
    connection.execute(_REPLACE, (merged.encoded(), row[0]))
    return True


def has_unfinished(connection: sqlite3.Connection) -> bool:
    statement = (
        f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE {IS_WAITING}) "
        f"OR EXISTS (SELECT 1 FROM {TABLE} WHERE {IS_IN_PROGRESS})"
    )
    return bool(connection.execute(statement).fetchone()[0])


def get_stats(connection: sqlite3.Connection, now: float) -> dict[str, int]:
    counts = connection.execute(_STATS, {"now": now}).fetchone()
    return dict(zip(("pending", "retrying", "in_progress"), counts, strict=True))


def clear_pending_items(connection: sqlite3.Connection) -> int:
    return connection.execute(f"DELETE FROM {TABLE} WHERE {IS_WAITING}").rowcount


def get_queued_scene_ids(connection: sqlite3.Connection) -> set[int]:
    statement = (
        f"SELECT DISTINCT {SUBJECT} FROM {TABLE} WHERE {IS_WAITING} AND {SUBJECT} LIKE 'scene_%'"
    )
    keys = (row[0].removeprefix("scene_") for row in connection.execute(statement))
    return {int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 20}

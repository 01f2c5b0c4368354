"""Putting jobs into the queue's table and counting them."""

import json
import os
import sqlite3
from collections.abc import Iterable
from typing import Any

from sync_queue.schema import DUE, IS_IN_PROGRESS, IS_WAITING, SUBJECT, TABLE, TYPE, WAITING_NEW

JobData = dict[str, Any]

METADATA, PATH, FOLDER_SCAN = "metadata", "path", "scan"  # values of a job's `update_type`
ENTITY, FORGET = "entity", "forget"

_FIND_WAITING = (
    f"SELECT _id, data FROM {TABLE} WHERE {SUBJECT} = ? AND {TYPE} = ? AND {IS_WAITING} "
    "ORDER BY _id LIMIT 1"
)
_INSERT = f"INSERT INTO {TABLE} (data, timestamp, status) VALUES (?, ?, {WAITING_NEW})"
# One statement, hence of one moment: a job that changes hands meanwhile is counted once.
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
    data: JobData | None = None,
    due: float = 0.0,
) -> JobData:
    """Return a new job for a scene: which one and why, never what its metadata was.

    Args:
        scene_id: Stash's id.
        update_type: `metadata`, `path`, `scan` or `forget`.
        now: seconds since the epoch.
        data: hints for the worker.
        due: when a worker may take it, in seconds since the epoch; 0 at once.
    """
    return _job(scene_key(scene_id), scene_id, update_type, data or {}, now, due)


def scene_key(scene_id: int) -> str:
    """Return the `job_key` of a scene's jobs."""
    return f"scene_{scene_id}"


def entity_job(kind: str, entity_id: int, now: float) -> JobData:
    """Return a new job for all scenes of a performer, studio or tag.

    Args:
        kind: `performer`, `studio` or `tag`.
        entity_id: Stash's id.
        now: seconds since the epoch.
    """
    data = {"kind": kind, "id": entity_id}
    return _job(f"{kind}_{entity_id}", None, ENTITY, data, now, 0.0)


def _job(
    key: str, scene_id: int | None, update_type: str, data: JobData, now: float, due: float
) -> JobData:
    return {
        "job_id": os.urandom(8).hex(),
        "scene_id": scene_id,
        "update_type": update_type,
        "data": data,
        "enqueued_at": now,
        "job_key": key,
        "retry_count": 0,
        "next_retry_at": due,
        "last_error_type": None,
    }


def subject_label(job_key: str) -> str:
    """Return how people are told whom a job is about: "Scene 12", "Performer 3"."""
    return job_key.replace("_", " ").capitalize()


def encode(job: JobData) -> bytes:
    """Return the job as persist-queue's JSON serializer would store it."""
    return json.dumps(job).encode("utf-8")


def enqueue(connection: sqlite3.Connection, jobs: Iterable[JobData], now: float) -> tuple[int, int]:
    """Put jobs into the queue in one transaction; return how many are new and how many merged.

    A job of a subject that already waits is merged into the waiting one, which keeps its place,
    becomes due now and starts its retries afresh. One that is being worked on is left alone: the
    new job runs after it.

    Raises:
        sqlite3.Error: nothing was stored.
    """
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits or rolls back
        are_new = [put(connection, job, now) for job in jobs]
    return sum(are_new), len(are_new) - sum(are_new)


def put(connection: sqlite3.Connection, job: JobData, now: float) -> bool:
    """Store one job inside a transaction; False when it was merged into a waiting one."""
    if merge_into_waiting(connection, job):
        return False
    connection.execute(_INSERT, (encode(job), now))
    return True


def merge_into_waiting(connection: sqlite3.Connection, job: JobData) -> bool:
    """Merge the job into a waiting one of its subject and type; False when there is none.

    To be called inside a transaction that holds the write lock.
    """
    row = connection.execute(_FIND_WAITING, (job["job_key"], job["update_type"])).fetchone()
    if row is None:
        return False
    try:
        waiting = json.loads(row[1])
    except (ValueError, RecursionError):  # SQLite takes for JSON what is no UTF-8, too
        waiting = {}
    since, hints = waiting.get("enqueued_at"), waiting.get("data")
    fresh = dict(job)
    if isinstance(since, (int, float)) and since:
        fresh["enqueued_at"] = min(since, job["enqueued_at"] or since)
    if isinstance(hints, dict):
        fresh["data"] = {**hints, **job["data"]}
    connection.execute(_REPLACE, (encode(fresh), row[0]))
    return True


def has_unfinished(connection: sqlite3.Connection) -> bool:
    """Tell whether any job waits or was left in progress by a worker that died."""
    statement = (
        f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE {IS_WAITING}) "
        f"OR EXISTS (SELECT 1 FROM {TABLE} WHERE {IS_IN_PROGRESS})"
    )
    return bool(connection.execute(statement).fetchone()[0])


def get_stats(connection: sqlite3.Connection, now: float) -> dict[str, int]:
    """Return the counts of jobs: `pending`, `retrying` (not due yet), `in_progress`."""
    pending, retrying, in_progress = connection.execute(_STATS, {"now": now}).fetchone()
    return {"pending": pending, "retrying": retrying, "in_progress": in_progress}


def clear_pending_items(connection: sqlite3.Connection) -> int:
    """Remove the jobs that wait; return how many. Those in progress stay."""
    return connection.execute(f"DELETE FROM {TABLE} WHERE {IS_WAITING}").rowcount


def get_queued_scene_ids(connection: sqlite3.Connection) -> set[int]:
    """Return the ids of the scenes with a job that waits."""
    statement = (
        f"SELECT DISTINCT {SUBJECT} FROM {TABLE} WHERE {IS_WAITING} AND {SUBJECT} LIKE 'scene_%'"
    )
    keys = (row[0].removeprefix("scene_") for row in connection.execute(statement))
    return {int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 20}

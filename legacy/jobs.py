"""Imports the waiting jobs of the legacy implementation: scene ids and the times of queueing.

Legacy jobs carried a snapshot of the scene's metadata. The snapshot is dropped, because the worker
reads the scene when it syncs it. All jobs of a scene become one job.

In the same data folder, the legacy queue is the same table of the same file. The transaction that
adds a new job deletes its legacy row. The queue of another folder is only read.
"""

import io
import json
import pickle
import pickletools
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from legacy.foreign import foreign_database
from legacy.presence import FAILED, NOT_JSON
from shared.state_file import parse_moment
from sync_queue.models import LARGEST_ID
from sync_queue.operations import METADATA, put, scene_job
from sync_queue.schema import IN_PROGRESS, TABLE, transaction
from validation.values import counted

COMPLETED = 5  # persist-queue's AckStatus.acked
PAGE, REMOVED_AT_ONCE = 500, 5000  # rows in one transaction: a hook waits for less than 0.8 s
_SELECT = (
    f"SELECT _id, data, timestamp FROM {TABLE} WHERE _id > ? AND status <= {IN_PROGRESS} "
    f"AND {NOT_JSON} ORDER BY _id LIMIT {PAGE}"
)
_SELECT_FOREIGN = f"SELECT _id, data, timestamp FROM {TABLE} WHERE status <= {IN_PROGRESS}"
_DELETE = f"DELETE FROM {TABLE} WHERE _id = ? AND status <= {IN_PROGRESS}"
_MARK_FAILED = f"UPDATE {TABLE} SET status = {FAILED} WHERE _id = ?"
_DELETE_COMPLETED = (
    f"DELETE FROM {TABLE} WHERE _id IN "
    f"(SELECT _id FROM {TABLE} WHERE status = {COMPLETED} LIMIT {REMOVED_AT_ONCE})"
)
_NUMBER = re.compile("[0-9]{1,19}")
_JOB_KEY = re.compile("scene_([0-9]{1,19})")
_DAMAGE = (  # what the standard library raises for a damaged pickle
    *(pickle.UnpicklingError, ValueError, LookupError, TypeError, AttributeError),
    *(EOFError, ArithmeticError, MemoryError, ImportError),
)
LARGEST_PICKLE = 1_000_000  # bytes; a job has a few thousand


class NoJobError(ValueError):
    """A stored row cannot be imported; the text says why."""


@dataclass(frozen=True, slots=True)
class LegacyJob:
    """A job; `enqueued_at` is in seconds since the epoch, 0 for unknown; `path` may be empty."""

    scene_id: int
    enqueued_at: float
    path: str


def parse_job(data: Any, stored_at: Any = None, scene_id: Any = None) -> LegacyJob:
    """Read a stored pickle, or the JSON that persist-queue can be configured to write.

    The row's time and scene id replace missing members. Raise NoJobError if `data` has another
    format, or names no scene.
    """
    job = _mapping(data)
    raw_key = job.get("job_key")
    key = _JOB_KEY.fullmatch(raw_key) if isinstance(raw_key, str) else None
    named = (job.get("scene_id"), scene_id, key[1] if key else None)
    found = next((number for number in map(parse_scene_id, named) if number is not None), None)
    if found is None:
        message = "it has no scene id"
        raise NoJobError(message)
    hints = job.get("data")
    path = hints.get("path") if isinstance(hints, dict) else None
    moments = (parse_moment(job.get("enqueued_at")), parse_moment(stored_at), 0.0)
    return LegacyJob(
        scene_id=found,
        enqueued_at=next(moment for moment in moments if moment is not None),
        path=path if isinstance(path, str) else "",
    )


def parse_scene_id(raw: Any) -> int | None:
    """Return a scene id that was stored as a number or a text; None for anything else."""
    if isinstance(raw, str) and _NUMBER.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw <= LARGEST_ID:
        return None
    return raw


def _mapping(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, bytes):
        message = f"its data is {type(data).__name__}, not bytes"
        raise NoJobError(message)
    try:
        job = json.loads(data) if data.startswith(b"{") else read_pickle(data)
    except (ValueError, RecursionError) as error:
        raise NoJobError(str(error)) from None
    if not isinstance(job, dict):
        message = f"it contains {type(job).__name__}, not a job"
        raise NoJobError(message)
    return job


class _PlainUnpickler(pickle.Unpickler):
    """Builds dicts, lists, texts and numbers; rejects everything that could run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        message = f"it contains more than plain data ({module}.{name})"
        raise NoJobError(message)

    def persistent_load(self, pid: object) -> NoReturn:
        message = f"it contains more than plain data (the persistent object {pid!r:.99})"
        raise NoJobError(message)


def read_pickle(data: bytes) -> Any:
    """Return the plain data in a pickle without running any of its code; raise NoJobError."""
    if len(data) > LARGEST_PICKLE:
        message = f"it is too large: {len(data):,} bytes"
        raise NoJobError(message)
    try:
        for operation, argument, _ in pickletools.genops(data):
            # No job has a tuple, and hashing a deep one would overflow the interpreter's stack. A
            # large memo index would make the unpickler allocate as many places.
            is_large_memo = "PUT" in operation.name and int(argument or 0) > len(data)
            if operation.name.startswith("TUPLE") or is_large_memo:
                message = f"it contains more than plain data ({operation.name})"
                raise NoJobError(message)
        return _PlainUnpickler(io.BytesIO(data)).load()
    except NoJobError:
        raise
    except _DAMAGE as error:
        message = f"it is damaged: {error}"
        raise NoJobError(message) from None


@dataclass(slots=True)
class WaitingJobs:
    """The jobs that were found.

    Attributes:
        rows: number of readable jobs.
        scenes: scene id → time of queueing, in seconds since the epoch.
        left: reason → number of rows that cannot be imported.
    """

    rows: int = 0
    scenes: dict[int, float] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    def add(self, data: object, stored_at: object) -> tuple[int, float] | None:
        """Count a row; return its scene id and time of queueing, or None when it is no job."""
        try:
            job = parse_job(data, stored_at)
        except NoJobError as error:
            self.left[str(error)] += 1
            return None
        self.rows += 1
        since = min(job.enqueued_at, self.scenes.get(job.scene_id, job.enqueued_at))
        self.scenes[job.scene_id] = since
        return job.scene_id, since

    @property
    def text(self) -> str:
        """The number of imported scenes and jobs in words; empty for none."""
        if not self.rows:
            return ""
        scenes, jobs = counted(len(self.scenes), "scene"), counted(self.rows, "job")
        return f"{scenes} waiting ({jobs})"


def import_rows(connection: sqlite3.Connection, now: float) -> WaitingJobs:
    """Turn the legacy rows of the queue's own table into jobs, each exactly once.

    A row that cannot be read is marked as failed, so nothing claims or counts it. The connection is
    in autocommit mode; rows imported before a `sqlite3.Error` stay imported.
    """
    found, after = WaitingJobs(), -1
    while page := connection.execute(_SELECT, (after,)).fetchall():
        read = [(row_id, found.add(data, stored_at)) for row_id, data, stored_at in page]
        with transaction(connection):
            for row_id, job in read:
                if job is None:
                    connection.execute(_MARK_FAILED, (row_id,))
                elif connection.execute(_DELETE, (row_id,)).rowcount:
                    put(connection, scene_job(job[0], METADATA, job[1]), now)
        after = page[-1][0]
    # The legacy code never deleted completed rows, which slow down every count of the table.
    while connection.execute(_DELETE_COMPLETED).rowcount:
        pass
    return found


def read_queue(path: str) -> WaitingJobs:
    """Return the waiting jobs in the queue of another data folder."""
    found = WaitingJobs()
    with foreign_database(path) as connection:
        for _, data, stored_at in connection.execute(_SELECT_FOREIGN):
            found.add(data, stored_at)
    return found


def store_queue(connection: sqlite3.Connection, found: WaitingJobs, now: float) -> None:
    """Queue the scenes inside the caller's transaction."""
    for scene_id, since in found.scenes.items():
        put(connection, scene_job(scene_id, METADATA, since), now)

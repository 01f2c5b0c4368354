"""Imports the waiting jobs of the earlier implementation: which scene, and since when.

Those jobs carried a snapshot of the scene's metadata. Ours read the scene when they sync it, so the
newest state wins. The snapshots are left behind, and all jobs of a scene become one.

The earlier queue was the same table of the same file. Where the data folder is the same, its rows
are among ours, and each row goes in the transaction that adds its job. The rows of another folder
are read there.
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
from legacy.presence import FAILED, NOT_OURS
from shared.state_file import parse_moment
from sync_queue.operations import METADATA, put, scene_job
from sync_queue.schema import IN_PROGRESS, TABLE

COMPLETED = 5  # persist-queue's AckStatus.acked
PAGE, REMOVED_AT_ONCE = 500, 5000  # rows in one transaction: a hook waits for less than 0.8 s
_SELECT = (
    f"SELECT _id, data, timestamp FROM {TABLE} WHERE _id > ? AND status <= {IN_PROGRESS} "
    f"AND {NOT_OURS} ORDER BY _id LIMIT {PAGE}"
)
_SELECT_FOREIGN = f"SELECT _id, data, timestamp FROM {TABLE} WHERE status <= {IN_PROGRESS}"
_TAKE = f"DELETE FROM {TABLE} WHERE _id = ? AND status <= {IN_PROGRESS}"
_LEAVE = f"UPDATE {TABLE} SET status = {FAILED} WHERE _id = ?"
_FORGET_COMPLETED = (
    f"DELETE FROM {TABLE} WHERE _id IN "
    f"(SELECT _id FROM {TABLE} WHERE status = {COMPLETED} LIMIT {REMOVED_AT_ONCE})"
)
_NUMBER = re.compile("[0-9]{1,19}")
_JOB_KEY = re.compile("scene_([0-9]{1,19})")
_LARGEST_ID = 2**63 - 1  # SQLite's
_DAMAGE = (  # what the standard library raises for a damaged pickle
    *(pickle.UnpicklingError, ValueError, LookupError, TypeError, AttributeError),
    *(EOFError, ArithmeticError, MemoryError, ImportError),
)
LARGEST_PICKLE = 1_000_000  # bytes; a job has a few thousand


class NoJobError(ValueError):
    """A stored row cannot be imported; the text says why."""


@dataclass(frozen=True, slots=True)
class EarlierJob:
    """One job.

    Attributes:
        scene_id: Stash's id.
        enqueued_at: when it was queued, in seconds since the epoch; 0 where that is not known.
        path: the scene's file as Stash knew it then, empty where the job has none.
    """

    scene_id: int
    enqueued_at: float
    path: str


def parse_job(data: Any, stored_at: Any = None, scene_id: Any = None) -> EarlierJob:
    """Read a stored job of whatever version.

    Args:
        data: a pickle, or the JSON that persist-queue may be told to write.
        stored_at: the row's own time.
        scene_id: what the row says besides, for jobs that do not.

    Raises:
        NoJobError: it is neither, or names no scene.
    """
    job = _mapping(data)
    raw_key = job.get("job_key")
    key = _JOB_KEY.fullmatch(raw_key) if isinstance(raw_key, str) else None
    named = (job.get("scene_id"), scene_id, key[1] if key else None)
    found = next((one for one in map(parse_scene_id, named) if one is not None), None)
    if found is None:
        message = "it names no scene"
        raise NoJobError(message)
    hints = job.get("data")
    path = hints.get("path") if isinstance(hints, dict) else None
    moments = (parse_moment(job.get("enqueued_at")), parse_moment(stored_at), 0.0)
    return EarlierJob(
        scene_id=found,
        enqueued_at=next(one for one in moments if one is not None),
        path=path if isinstance(path, str) else "",
    )


def parse_scene_id(raw: Any) -> int | None:
    """Return the id of a scene that was stored as a number or as text, None for anything else."""
    if isinstance(raw, str) and _NUMBER.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw <= _LARGEST_ID:
        return None
    return raw


def _mapping(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, bytes):
        message = f"its data is no bytes but {type(data).__name__}"
        raise NoJobError(message)
    try:
        job = json.loads(data) if data.startswith(b"{") else read_pickle(data)
    except (ValueError, RecursionError) as error:
        raise NoJobError(str(error)) from None
    if not isinstance(job, dict):
        message = f"it holds no job but {type(job).__name__}"
        raise NoJobError(message)
    return job


class _PlainUnpickler(pickle.Unpickler):
    """Builds dicts, lists, texts and numbers; refuses everything that could run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        message = f"it holds more than plain data ({module}.{name})"
        raise NoJobError(message)

    def persistent_load(self, pid: object) -> NoReturn:
        message = f"it holds more than plain data (the persistent object {pid!r:.99})"
        raise NoJobError(message)


def read_pickle(data: bytes) -> Any:
    """Return what a pickle of plain data holds; nothing in the pickle runs.

    Raises:
        NoJobError: it holds anything else, is damaged, or is larger than any job.
    """
    if len(data) > LARGEST_PICKLE:
        message = f"it has {len(data):,} bytes"
        raise NoJobError(message)
    try:
        for operation, argument, _ in pickletools.genops(data):
            # No job has a tuple, and hashing a deep one would overflow the interpreter's stack. A
            # large memo index would make the unpickler allocate as many places.
            is_large_memo = "PUT" in operation.name and int(argument or 0) > len(data)
            if operation.name.startswith("TUPLE") or is_large_memo:
                message = f"it holds more than plain data ({operation.name})"
                raise NoJobError(message)
        return _PlainUnpickler(io.BytesIO(data)).load()
    except NoJobError:
        raise
    except _DAMAGE as error:
        message = f"it is damaged: {error}"
        raise NoJobError(message) from None


@dataclass(slots=True)
class WaitingJobs:
    """What was found.

    Attributes:
        rows: how many jobs could be read.
        scenes: which scenes they are about, and since when each waited.
        left: why rows could not be taken over, and how many of each.
    """

    rows: int = 0
    scenes: dict[int, float] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    def add(self, data: object, stored_at: object) -> tuple[int, float] | None:
        """Count a row; return its scene and since when it waited, None when it is no job."""
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
        """What of it was taken over, for people; empty when there was nothing."""
        if not self.rows:
            return ""
        return f"{len(self.scenes):,} scenes that waited ({self.rows:,} jobs)"


def take_rows(connection: sqlite3.Connection, now: float) -> WaitingJobs:
    """Turn the earlier implementation's rows among ours into jobs, each exactly once.

    A row that cannot be read stays, as one that failed: nobody claims or counts it any more.

    Args:
        connection: on our database, in autocommit mode.

    Raises:
        sqlite3.Error: the database cannot be used; what was taken by then is taken.
    """
    found, after = WaitingJobs(), -1
    while page := connection.execute(_SELECT, (after,)).fetchall():
        read = [(row_id, found.add(data, stored_at)) for row_id, data, stored_at in page]
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for row_id, job in read:
                if job is None:
                    connection.execute(_LEAVE, (row_id,))
                elif connection.execute(_TAKE, (row_id,)).rowcount:
                    put(connection, scene_job(job[0], METADATA, job[1]), now)
        after = page[-1][0]
    # They were never removed there, and are read by whoever counts the table.
    while connection.execute(_FORGET_COMPLETED).rowcount:
        pass
    return found


def read_queue(path: str) -> WaitingJobs:
    """Return what waits in the queue of another data folder.

    Raises:
        UnreadableSourceError, SourceBusyError: it is no such queue, or it cannot be read now.
    """
    found = WaitingJobs()
    with foreign_database(path) as connection:
        for _, data, stored_at in connection.execute(_SELECT_FOREIGN):
            found.add(data, stored_at)
    return found


def store_queue(connection: sqlite3.Connection, found: WaitingJobs, now: float) -> None:
    """Queue those scenes; to be called inside a transaction."""
    for scene_id, since in found.scenes.items():
        put(connection, scene_job(scene_id, METADATA, since), now)

"""Imports legacy jobs without their metadata. The worker reads current metadata from Stash."""

import io
import json
import pickle
import pickletools
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from legacy.presence import NOT_JSON, Found, foreign_database
from shared.state_file import parse_moment
from sync_queue.database import transaction
from sync_queue.operations import METADATA, put, scene_job
from sync_queue.schema import COMPLETED, FAILED, IN_PROGRESS, TABLE
from validation.values import counted, whole_number

PAGE, REMOVED_AT_ONCE = 500, 5000
_SELECT = f"""SELECT _id, data, timestamp FROM {TABLE} WHERE _id > ? AND status <= {IN_PROGRESS}
    AND {NOT_JSON} ORDER BY _id LIMIT {PAGE}"""
_SELECT_FOREIGN = f"SELECT data, timestamp FROM {TABLE} WHERE status <= {IN_PROGRESS}"
_DELETE = f"DELETE FROM {TABLE} WHERE _id = ? AND status <= {IN_PROGRESS}"
_MARK_FAILED = f"UPDATE {TABLE} SET status = {FAILED} WHERE _id = ?"
_DELETE_COMPLETED = f"""DELETE FROM {TABLE} WHERE _id IN
    (SELECT _id FROM {TABLE} WHERE status = {COMPLETED} LIMIT {REMOVED_AT_ONCE})"""
_JOB_KEY = re.compile("scene_([0-9]{1,19})")
_DAMAGE = (
    *(pickle.UnpicklingError, ValueError, LookupError, TypeError, AttributeError),
    *(EOFError, ArithmeticError, MemoryError, ImportError),
)
LARGEST_PICKLE = 1_000_000


class NoJobError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class LegacyJob:
    scene_id: int
    enqueued_at: float
    path: str


def parse_job(data: Any, stored_at: Any = None, scene_id: Any = None) -> LegacyJob:
    if not isinstance(data, bytes):
        raise NoJobError(f"its data is {type(data).__name__}, not bytes")
    try:
        job = json.loads(data) if data.startswith(b"{") else read_pickle(data)
    except (ValueError, RecursionError) as error:
        raise NoJobError(str(error)) from None
    if not isinstance(job, dict):
        raise NoJobError(f"it contains {type(job).__name__}, not a job")
    raw_key = job.get("job_key")
    key = _JOB_KEY.fullmatch(raw_key) if isinstance(raw_key, str) else None
    named = (job.get("scene_id"), scene_id, key[1] if key else None)
    found = next(filter(None, map(whole_number, named)), 0)
    if not found:
        raise NoJobError("it has no scene id")
    hints = job.get("data")
    path = hints.get("path") if isinstance(hints, dict) else None
    since = parse_moment(job.get("enqueued_at")) or parse_moment(stored_at) or 0.0
    return LegacyJob(found, since, path if isinstance(path, str) else "")


class _PlainUnpickler(pickle.Unpickler):
    """Builds only dicts, lists, strings and numbers. Pickles of other types could run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise NoJobError(f"it contains a Python object ({module}.{name})")

    def persistent_load(self, pid: object) -> NoReturn:
        raise NoJobError(f"it contains a Python object ({pid!r:.99})")


def read_pickle(data: bytes) -> Any:
    if len(data) > LARGEST_PICKLE:
        raise NoJobError(f"it is too large: {len(data):,} bytes")
    try:
        for operation, argument, _ in pickletools.genops(data):
            # Reject pickles with tuples or large memo indexes, which could exhaust stack or memory.
            is_large_memo = "PUT" in operation.name and int(argument or 0) > len(data)
            if operation.name.startswith("TUPLE") or is_large_memo:
                raise NoJobError(f"it contains a Python object ({operation.name})")
        return _PlainUnpickler(io.BytesIO(data)).load()
    except _DAMAGE as error:
        raise NoJobError(f"it is damaged: {error}") from None


@dataclass(slots=True)
class WaitingJobs:
    rows: int = 0
    scenes: dict[int, float] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, data: object, stored_at: object) -> tuple[int, float] | None:
        try:
            job = parse_job(data, stored_at)
        except NoJobError as error:
            self.skipped[str(error)] += 1
            return None
        self.rows += 1
        since = min(job.enqueued_at, self.scenes.get(job.scene_id, job.enqueued_at))
        self.scenes[job.scene_id] = since
        return job.scene_id, since

    @property
    def text(self) -> str:
        if not self.rows:
            return ""
        scenes, jobs = counted(len(self.scenes), "scene"), counted(self.rows, "job")
        return f"{scenes} waiting ({jobs})"


def import_rows(connection: sqlite3.Connection, now: float) -> WaitingJobs:
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
    while connection.execute(_DELETE_COMPLETED).rowcount:
        pass
    return found


def read_queue(path: str, now: float) -> Found:
    jobs = WaitingJobs()
    with foreign_database(path) as connection:
        for data, stored_at in connection.execute(_SELECT_FOREIGN):
            jobs.add(data, stored_at)
    return Found(jobs.text, partial(_store, scenes=jobs.scenes, now=now), jobs.skipped)


def _store(connection: sqlite3.Connection, scenes: Mapping[int, float], now: float) -> None:
    for scene_id, since in scenes.items():
        put(connection, scene_job(scene_id, METADATA, since), now)

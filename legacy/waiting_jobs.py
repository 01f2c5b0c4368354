"""The jobs that waited in the earlier implementation's queue, or were in progress when it died.

Its queue was the same table of the same file as ours: so where the data folder is the same, its
rows lie among ours, and each goes in the transaction that brings its job. Those of another folder
are read in one go.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from legacy.foreign import foreign_database
from legacy.jobs import NoJobError, parse_job
from legacy.presence import FAILED, NOT_OURS
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
        now: seconds since the epoch.

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

"""Whether the earlier implementation left something that is to be taken over, and under what names.

Each task and each worker looks, and few find anything: what reads it is loaded only then.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress

from legacy.ledger import Entry, Ledger
from shared.data_folder import DataFolder
from sync_queue.database import connect
from sync_queue.schema import TABLE

ELSEWHERE = "earlier"  # a data folder that was put into ours
QUEUE, LETTERS, STAMPS = "queue/data.db", "dlq.db", "sync_timestamps.json"
# Relative to our data folder. The queue in its own place is our database, too: see `waiting_jobs`.
FILES = (
    LETTERS,
    STAMPS,
    f"{ELSEWHERE}/{QUEUE}",
    f"{ELSEWHERE}/{LETTERS}",
    f"{ELSEWHERE}/{STAMPS}",
)
# Of a folder from elsewhere these are worth keeping; the others are of a moment that is over.
STATES = ("device_id.json", "outage_history.json", "stats.json")

LOOK_TIMEOUT = 1.0  # seconds to wait for another writer where nothing has to be written
FAILED = 9  # persist-queue's AckStatus.ack_failed
NOT_OURS = "NOT coalesce(json_valid(CAST(data AS TEXT)), 0)"
_HAS_ROWS = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE status < {FAILED} AND {NOT_OURS})"


def data_waits(folder: DataFolder, clock: Callable[[], float]) -> bool:
    """Tell whether there may be something to take over; where never was, only once in full.

    Args:
        folder: ours.
        clock: seconds since the epoch.

    Raises:
        sqlite3.Error: our database cannot be used.
    """
    if any(os.path.exists(path_of(folder, name)) for name in FILES) or states_to_copy(folder):
        return True
    with closing(connect(folder.queue_database, busy_timeout=LOOK_TIMEOUT)) as connection:
        ledger = Ledger(connection)
        if ledger.find(QUEUE) is not None:
            return False
        # Reads the whole table.
        if connection.execute(_HAS_ROWS).fetchone()[0]:
            return True
        with suppress(sqlite3.OperationalError):  # then the next start looks once more
            ledger.note(QUEUE, Entry("", taken=True), clock())
    return False


def states_to_copy(folder: DataFolder) -> list[str]:
    """Return the small states of a folder from elsewhere that we do not have ourselves yet."""
    return [
        name
        for name in STATES
        if os.path.isfile(path_of(folder, f"{ELSEWHERE}/{name}"))
        and not os.path.exists(path_of(folder, name))
    ]


def path_of(folder: DataFolder, name: str) -> str:
    """Return where a file of that name would lie."""
    return os.path.join(folder.root, *name.split("/"))

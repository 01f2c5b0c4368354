import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_queue.database import connect
from sync_queue.manager import QueueManager
from sync_queue.models import Claim, SyncJob
from sync_queue.operations import METADATA, scene_job
from sync_queue.spool import store
from sync_queue.spool_import import job_of

NOW = 1_750_000_000.0
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def job(scene_id: int = 1, kind: str = METADATA, at: float = NOW, **hints: Any) -> SyncJob:
    return scene_job(scene_id, kind, at, hints)


def postponed(claim: Claim, until: float, error_type: str = "PlexTemporaryError") -> Claim:
    return Claim(claim.row_id, claim.job.postponed(until, error_type, counts=True))


def rows(queue: QueueManager) -> list[tuple[int, dict[str, Any], int]]:
    with queue.transaction():
        found = queue.connection.execute(
            "SELECT _id, data, status FROM ack_queue_default "
            "WHERE json_valid(CAST(data AS TEXT)) ORDER BY _id"
        ).fetchall()
    return [(row_id, json.loads(data), status) for row_id, data, status in found]


def write_row(folder: str, data: bytes, status: int = 0) -> int:
    """Puts a row into the table as another program would; returns its id."""
    connection = connect(f"{folder}/data.db")
    cursor = connection.execute(
        "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, ?, ?)",
        (data, NOW, status),
    )
    connection.close()
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def raw_rows(folder: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"{folder}/data.db")
    found = connection.execute("SELECT _id, data, status FROM ack_queue_default").fetchall()
    connection.close()
    return found


def spooled(word: str, at: float = NOW, number: int = 0) -> SyncJob:
    """The job that a hook's word stands for once it is in the spool."""
    found = job_of(f"{int(at * 1e9):020}-0000001-{number:04}.{word}")
    assert found is not None
    return found


def spool(folder: str | Path, *words: str) -> None:
    place = Path(folder) / "spool"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    store(str(place), list(words))


def put_into_inbox(folder: str | Path, job: SyncJob) -> Path:
    """Leave a job as hooks of older versions did beside a busy database."""
    inbox = Path(folder) / "inbox"
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = inbox / f"{time.time():017.6f}-{job.job_id}.json"
    path.write_bytes(job.encoded())
    return path

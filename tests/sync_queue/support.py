"""What the tests of the queue share."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_queue.database import connect
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.operations import METADATA, scene_job

NOW = 1_750_000_000.0
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def ignore(_text: str) -> None:
    """Listen to nothing."""


def job(scene_id: int = 1, kind: str = METADATA, at: float = NOW, **hints: Any) -> dict[str, Any]:
    """A new job for a scene."""
    return scene_job(scene_id, kind, at, hints)


def postponed(claim: Claim, until: float, error_type: str = "PlexTemporaryError") -> Claim:
    """The claim as it is given back after an error that spends a retry."""
    return Claim(claim.row_id, claim.job.postponed(until, error_type, counts=True))


def rows(queue: QueueManager) -> list[tuple[int, dict[str, Any], int]]:
    """Id, job and status of all readable rows, in the order of their ids."""
    with queue.transaction():
        found = queue._queue.connection.execute(
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
    """Id, bytes and status of every row."""
    connection = sqlite3.connect(f"{folder}/data.db")
    found = connection.execute("SELECT _id, data, status FROM ack_queue_default").fetchall()
    connection.close()
    return found

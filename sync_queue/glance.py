"""What a page shows of the durable state: a few rows of everything, however much there is."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sync_queue.models import JobFormatError, SyncJob
from sync_queue.operations import scene_key
from sync_queue.schema import DUE, IS_IN_PROGRESS, IS_WAITING, SUBJECT, TABLE
from sync_queue.sync_log import NOBODY

_LETTER = "SELECT id, scene_id, error_type, error_message, retry_count, failed_at FROM dead_letters"


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A dead letter as it is shown; `failed_at` is UTC text."""

    id: int
    scene_id: int | None
    error_type: str
    message: str
    retries: int
    failed_at: str


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """The dead letters of one type of error: how many, and the newest of them."""

    error_type: str
    count: int
    newest: tuple[LetterRow, ...]


@dataclass(frozen=True, slots=True)
class SyncedRow:
    """How a scene's last job ended; `at` in seconds since the epoch."""

    scene_id: int
    outcome: str
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A Plex item that was written for a scene: which fields it was sent, and when."""

    rating_key: int
    fields: tuple[str, ...]
    at: float


class Glance:
    """Reads the tables of the queue's database, on a connection that others share.

    Raises (all methods):
        sqlite3.Error: the database cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def waiting(self, limit: int) -> list[SyncJob]:
        """Return the jobs that wait, the next one first."""
        return self._jobs(f"WHERE {IS_WAITING} ORDER BY {DUE}, _id LIMIT ?", limit)

    def in_progress(self, limit: int) -> list[SyncJob]:
        """Return jobs that are being worked on."""
        return self._jobs(f"WHERE {IS_IN_PROGRESS} ORDER BY _id LIMIT ?", limit)

    def of_scene(self, scene_id: int) -> list[SyncJob]:
        """Return a scene's jobs that wait."""
        key = scene_key(scene_id)
        return self._jobs(f"WHERE {SUBJECT} = ? AND {IS_WAITING} ORDER BY {DUE}, _id", key)

    def recent(self, limit: int) -> list[SyncedRow]:
        """Return the scenes whose jobs ended last, the newest first."""
        statement = "SELECT scene_id, outcome, detail, at FROM scene_log ORDER BY at DESC LIMIT ?"
        return [SyncedRow(*row) for row in self._connection.execute(statement, (limit,))]

    def scenes_in_plex(self) -> int:
        """Return how many scenes were written to an item that is still theirs."""
        statement = f"SELECT COUNT(DISTINCT scene_id) FROM sync_log WHERE scene_id != {NOBODY}"
        return int(self._connection.execute(statement).fetchone()[0])

    def items(self, scene_id: int) -> list[ItemRow]:
        """Return the items that were written for a scene."""
        rows = self._connection.execute(
            "SELECT rating_key, sent, synced_at FROM sync_log WHERE scene_id = ? "
            "ORDER BY rating_key",
            (scene_id,),
        )
        return [ItemRow(key, tuple(_names(sent)), at) for key, sent, at in rows]

    def letter_groups(self, newest: int) -> list[LetterGroup]:
        """Return the dead letters by type of error, the largest group first.

        Args:
            newest: how many of each are returned.
        """
        counts = self._connection.execute(
            "SELECT error_type, COUNT(*) FROM dead_letters GROUP BY error_type ORDER BY 2 DESC, 1"
        ).fetchall()
        return [
            LetterGroup(
                error_type,
                count,
                self._letters(
                    "WHERE error_type IS ? ORDER BY failed_at DESC, id DESC LIMIT ?",
                    error_type,
                    newest,
                ),
            )
            for error_type, count in counts
        ]

    def letters_of(self, scene_id: int) -> tuple[LetterRow, ...]:
        """Return a scene's dead letters, the newest first."""
        return self._letters("WHERE scene_id = ? ORDER BY failed_at DESC, id DESC", scene_id)

    def scenes_with_letters(self) -> int:
        """Return how many scenes have dead letters; one of no scene counts as one."""
        statement = "SELECT COUNT(DISTINCT coalesce(scene_id, -id)) FROM dead_letters"
        return int(self._connection.execute(statement).fetchone()[0])

    def _letters(self, which: str, *values: object) -> tuple[LetterRow, ...]:
        rows = self._connection.execute(f"{_LETTER} {which}", values)
        return tuple(LetterRow(*row) for row in rows)

    def _jobs(self, which: str, *values: object) -> list[SyncJob]:
        rows = self._connection.execute(f"SELECT data FROM {TABLE} {which}", values)
        return list(_parsed(rows))


def _parsed(rows: Any) -> Iterator[SyncJob]:
    for (stored,) in rows:
        try:
            yield SyncJob.parse(stored)
        except JobFormatError:
            continue  # the worker buries it with the reason


def _names(sent: str) -> list[str]:
    try:
        stored = json.loads(sent)
    except ValueError:
        return []
    return sorted(stored) if isinstance(stored, dict) else []

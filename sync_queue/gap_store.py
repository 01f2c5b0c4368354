"""Stores the progress of a reconciliation run, so a later process can continue the run."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sync_queue.sync_log import object_of


class Gap(NamedTuple):
    scene_id: int
    kind: str
    changed_at: str = ""


class GapStore:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self) -> dict[str, Any] | None:
        row = self._connection.execute("SELECT run FROM reconciliation_run").fetchone()
        return object_of(row[0]) if row else None

    def save_run(self, run: Mapping[str, Any]) -> None:
        statement = "INSERT OR REPLACE INTO reconciliation_run (id, run) VALUES (1, ?)"
        self._connection.execute(statement, (json.dumps(run),))

    def add(self, gaps: Iterable[Gap]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO reconciliation_gaps (scene_id, kind, changed_at) "
            "VALUES (?, ?, ?)",
            gaps,
        )

    def first(self, limit: int) -> list[Gap]:
        rows = self._connection.execute(
            "SELECT scene_id, kind, changed_at FROM reconciliation_gaps ORDER BY scene_id LIMIT ?",
            (limit,),
        )
        return [Gap(*row) for row in rows]

    def remove(self, gaps: Collection[Gap]) -> None:
        self._connection.executemany(
            "DELETE FROM reconciliation_gaps WHERE scene_id = ?", [(gap.scene_id,) for gap in gaps]
        )

    def clear(self) -> None:
        self._connection.execute("DELETE FROM reconciliation_gaps")
        self._connection.execute("DELETE FROM reconciliation_run")

"""What a reconciliation on its way has found so far, and where it is: it survives its process."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """A scene that is to be queued once the run has come to its end.

    Attributes:
        kind: a word of whoever stores it.
        changed_at: Stash's time stamp of the scene's last edit, verbatim.
    """

    scene_id: int
    kind: str
    changed_at: str = ""


class GapStore:
    """The tables `reconciliation_run` and `reconciliation_gaps`, on a connection that others share.

    A page's gaps and the run's new place are stored in one transaction of the caller, so that a
    kill costs the current page and nothing else.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self) -> dict[str, Any] | None:
        """Return the run on its way as it was stored; None when there is none."""
        row = self._connection.execute("SELECT run FROM reconciliation_run").fetchone()
        if row is None:
            return None
        try:
            raw = json.loads(row[0])
        except ValueError:
            return None
        return raw if isinstance(raw, dict) else None

    def save_run(self, run: Mapping[str, Any]) -> None:
        """Store the run in place of what was stored of it."""
        self._connection.execute(
            "INSERT INTO reconciliation_run (id, run) VALUES (1, ?) "
            "ON CONFLICT (id) DO UPDATE SET run = excluded.run",
            (json.dumps(dict(run)),),
        )

    def add(self, gaps: Iterable[Gap]) -> None:
        """Store gaps; one that is there already is replaced."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO reconciliation_gaps (scene_id, kind, changed_at) "
            "VALUES (?, ?, ?)",
            [(gap.scene_id, gap.kind, gap.changed_at) for gap in gaps],
        )

    def first(self, limit: int) -> list[Gap]:
        """Return up to `limit` gaps, by rising scene."""
        rows = self._connection.execute(
            "SELECT scene_id, kind, changed_at FROM reconciliation_gaps ORDER BY scene_id LIMIT ?",
            (limit,),
        )
        return [Gap(*row) for row in rows]

    def remove(self, gaps: Collection[Gap]) -> None:
        """Drop gaps that are dealt with."""
        self._connection.executemany(
            "DELETE FROM reconciliation_gaps WHERE scene_id = ?", [(one.scene_id,) for one in gaps]
        )

    def clear(self) -> None:
        """Drop the run and all it has found."""
        self._connection.execute("DELETE FROM reconciliation_gaps")
        self._connection.execute("DELETE FROM reconciliation_run")

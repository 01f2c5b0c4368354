"""Data folders as the earlier implementation left them: written by what it wrote them with."""

import json
import pickle
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from persistqueue import SQLiteAckQueue

from legacy.importing import LegacyData
from legacy.presence import has_legacy_data
from shared.data_folder import DataFolder
from shared.log import Log
from shared.redaction import Secrets
from stash.exceptions import StashUnavailable
from tests.sync_queue.support import NOW

DEVICE_ID = "8a3c2f52-6f0e-4f1c-9f8e-2d6b7a1c0e55"
_LETTERS = """
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job_id INTEGER, scene_id INTEGER, job_data BLOB,
    error_type TEXT, error_message TEXT, stack_trace TEXT, retry_count INTEGER,
    failed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
)
"""


def earlier_job(scene_id: Any, **changes: Any) -> dict[str, Any]:
    return {
        "job_id": 1,
        "scene_id": scene_id,
        "update_type": "metadata",
        "data": {
            "path": f"/media/scenes/s{scene_id}.mp4",
            "title": "An old title — with ünïcode",
            "details": "Lines\n\nof it",
            "performers": ["Ada Berg", "Jo Lindqvist"],
            "studio_id": "4",
            "performer_ids": ["1", "2"],
            "rating100": None,
        },
        "enqueued_at": NOW - 3600,
        "job_key": f"scene_{scene_id}",
        "retry_count": 3,
        "next_retry_at": NOW + 9000.5,
        "last_error_type": "PlexNotFound",
    } | changes


@dataclass(frozen=True)
class EarlierFolder:
    root: Path

    def queue(
        self,
        waiting: list[Any] | None = None,
        in_progress: list[Any] | None = None,
        completed: int = 0,
        failed: int = 0,
    ) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        queue = SQLiteAckQueue(
            str(self.root / "queue"), auto_commit=True, multithreading=True, auto_resume=False
        )
        for number in range(completed + failed):
            queue.put(earlier_job(900 + number))
        for number in range(completed + failed):
            done = queue.get(block=False)
            queue.ack(done) if number < completed else queue.ack_failed(done)
        for one in in_progress or []:
            queue.put(one)
        for _ in in_progress or []:
            queue.get(block=False)
        for one in waiting or []:
            queue.put(one)
        queue.close()

    def raw_rows(self, rows: list[Any], status: int = 1) -> None:
        with sqlite3.connect(self.root / "queue" / "data.db") as connection:
            connection.executemany(
                "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, ?, ?)",
                [(data, NOW, status) for data in rows],
            )
        connection.close()

    def letter(
        self,
        scene_id: int | None,
        error_type: str = "PlexPermanentError",
        message: str = "Plex said no",
        failed_at: str | None = "2025-06-15 12:00:00",
        data: object = None,
    ) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        stored = pickle.dumps(earlier_job(scene_id)) if data is None else data
        with sqlite3.connect(self.root / "dlq.db") as connection:
            connection.execute(_LETTERS)
            connection.execute(
                "CREATE INDEX IF NOT EXISTS idx_failed_at ON dead_letters(failed_at)"
            )
            connection.execute(
                "INSERT INTO dead_letters (job_id, scene_id, job_data, error_type, error_message, "
                "stack_trace, retry_count, failed_at) VALUES (1, ?, ?, ?, ?, 'Traceback', 5, ?)",
                (scene_id, stored, error_type, message, failed_at),
            )
        connection.close()

    def stamps(self, stamps: dict[int, float]) -> None:
        self.write("sync_timestamps.json", {str(one): at for one, at in stamps.items()})

    def write(self, name: str, content: Any) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(json.dumps(content), encoding="utf-8")


@dataclass
class Switch:
    root: Path
    said: list[tuple[str, str]] = field(default_factory=list)
    secrets: Secrets = field(default_factory=Secrets)
    token_known: bool = True
    fields: dict[str, object] = field(default_factory=dict)  # of the last record

    @property
    def earlier(self) -> LegacyData:
        folder = DataFolder(str(self.root))
        folder.create()
        log = Log(self._record)
        log.secrets = self.secrets
        return LegacyData(folder, log, self._read_settings, lambda: NOW)

    def _record(self, level: str, text: str, _code: str, fields: Mapping[str, object]) -> None:
        self.said.append((level, text))
        self.fields = dict(fields)

    def _read_settings(self) -> None:
        if not self.token_known:
            raise StashUnavailable

    def waits(self) -> bool:
        return has_legacy_data(self.earlier.folder, lambda: NOW)

    def import_all(self) -> str:
        before = len(self.said)
        if self.waits():
            self.earlier.import_all()
        texts = [text for _, text in self.said[before:]]
        assert len(texts) <= 1
        return "".join(texts)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.root / "queue" / "data.db")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def waiting(self) -> list[dict[str, Any]]:
        found = self.rows(
            "SELECT data FROM ack_queue_default WHERE status < 2 AND json_valid(CAST(data AS TEXT))"
        )
        return sorted((json.loads(row[0]) for row in found), key=lambda one: int(one["scene_id"]))

    def letters(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT scene_id, error_type, error_message, failed_at FROM dead_letters ORDER BY 1, 2"
        )

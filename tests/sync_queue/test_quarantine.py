import os
import sqlite3
from pathlib import Path

import pytest

from sync_queue.manager import QueueManager
from sync_queue.quarantine import REBUILT_MARKER, quarantine_database
from tests.sync_queue.support import job


def filled(folder: Path, scenes: int = 3) -> Path:
    queue = QueueManager(str(folder))
    queue.enqueue([job(number) for number in range(1, scenes + 1)])
    queue.close()
    return folder / "data.db"


def test_an_index_that_does_not_fit_its_table_is_made_anew_and_no_job_lost(tmp_path: Path) -> None:
    path = filled(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'waiting_by_subject'"
    ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    at = content.index(b"scene_1", (page - 1) * size, page * size)
    content[at + 6] = ord("9")
    path.write_bytes(content)

    assert quarantine_database(str(path)) is None

    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT COUNT(*) FROM ack_queue_default").fetchone() == (3,)
    connection.close()


def test_the_reconciliation_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"no database at all" * 500)

    replace = os.replace

    def killed(old: str, new: str) -> None:
        if old == str(path):
            raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        quarantine_database(str(path))

    assert (tmp_path / REBUILT_MARKER).exists()


@pytest.mark.parametrize("asked", [False, True], ids=["unasked", "asked before"])
def test_who_cannot_set_a_database_aside_asks_for_no_reconciliation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, asked: bool
) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"no database at all" * 500)
    if asked:
        (tmp_path / REBUILT_MARKER).write_text("{}")

    replace = os.replace

    def in_use(old: str, new: str) -> None:
        if old == str(path):
            raise PermissionError(old)
        replace(old, new)

    monkeypatch.setattr(os, "replace", in_use)
    with pytest.raises(PermissionError):
        quarantine_database(str(path))

    assert path.exists()
    assert (tmp_path / REBUILT_MARKER).exists() == asked


def test_a_half_quarantine_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"no database at all" * 500)
    log = tmp_path / "data.db-wal"
    log.write_bytes(b"")

    replace = os.replace

    def in_use(old: str, new: str) -> None:
        if old == str(log):
            raise PermissionError(old)
        replace(old, new)

    monkeypatch.setattr(os, "replace", in_use)
    with pytest.raises(PermissionError):
        quarantine_database(str(path))

    assert (tmp_path / REBUILT_MARKER).exists()

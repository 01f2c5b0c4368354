import os
import sqlite3
from pathlib import Path

import pytest

from sync_queue.manager import QueueManager
from sync_queue.quarantine import EMPTIED, REBUILT_MARKER, quarantine_database, was_emptied
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


@pytest.mark.parametrize(
    ("file", "error", "before", "asked"),
    [
        ("data.db", KeyboardInterrupt, False, True),
        ("data.db", PermissionError, False, False),
        ("data.db", PermissionError, True, True),
        ("data.db-wal", PermissionError, False, True),
    ],
    ids=["killed", "refused", "refused, asked before", "refused after the database"],
)
def test_a_quarantine_that_has_begun_has_asked_for_a_reconciliation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    error: type[BaseException],
    before: bool,
    asked: bool,
) -> None:
    path = filled(tmp_path)
    path.write_bytes(b"no database at all" * 500)
    (tmp_path / "data.db-wal").touch()
    if before:
        (tmp_path / REBUILT_MARKER).write_text("{}")

    replace = os.replace

    def fail(old: str, new: str) -> None:
        if old == str(tmp_path / file):
            raise error(old)
        replace(old, new)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(error):
        quarantine_database(str(path))

    assert path.exists() == (file == "data.db")
    assert (tmp_path / REBUILT_MARKER).exists() == asked


def test_a_damaged_database_did_not_vanish_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / EMPTIED
    folder.mkdir()
    path = folder / "data.db"
    path.write_bytes(b"no database at all" * 500)
    assert quarantine_database(str(path)) is not None
    assert not was_emptied(str(path))

"""The database itself: modes, versions, indexes, and persist-queue on the same table."""

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from persistqueue import SQLiteAckQueue
from persistqueue.exceptions import Empty
from persistqueue.serializers import json as json_serializer

from reconciliation.state import GapStore
from shared.data_folder import DataFolder
from sync_queue import manager, operations, queue_view
from sync_queue.database import NewerSchemaError, connect
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.schema import DUE, IS_IN_PROGRESS, IS_WAITING, SCHEMA_VERSION, TABLE, schema_version
from sync_queue.sync_log import ItemRecord, SceneRecord
from tests.sync_queue.support import job, postponed, raw_rows


@pytest.fixture
def private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def path(folder: str) -> str:
    return f"{folder}/data.db"


@pytest.mark.usefixtures("private_umask")
@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_and_folders_belong_to_the_user_alone(tmp_path: Path) -> None:
    data = DataFolder(str(tmp_path / "data"))
    data.create()
    queue = QueueManager(data.queue_folder)
    queue.enqueue([job(1)])
    modes = {entry: stat.S_IMODE(entry.stat().st_mode) for entry in Path(data.root).rglob("*")}
    queue.close()
    assert Path(data.queue_database) in modes
    assert stat.S_IMODE(Path(data.root).stat().st_mode) == 0o700
    assert modes.pop(Path(data.queue_folder)) == 0o700
    assert modes.pop(Path(data.spool)) == 0o700
    assert set(modes.values()) == {0o600}


def test_a_new_database_carries_our_version(path: str) -> None:
    connection = connect(path)
    assert schema_version(connection) == SCHEMA_VERSION
    connection.close()


def test_opening_again_keeps_what_is_there(path: str, folder: str) -> None:
    connection = connect(path)
    operations.enqueue(connection, [job(1)], 0.0)
    connection.close()
    before = raw_rows(folder)
    connect(path).close()
    assert raw_rows(folder) == before


def test_a_newer_database_is_refused_with_a_remedy(path: str, folder: str) -> None:
    connection = connect(path)
    operations.enqueue(connection, [job(1)], 0.0)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()
    before = raw_rows(folder)
    with pytest.raises(NewerSchemaError, match="install the newer version again"):
        connect(path)
    with pytest.raises(NewerSchemaError):
        QueueManager(folder)
    assert raw_rows(folder) == before


def test_a_database_of_version_1_keeps_all_of_its_rows(path: str, folder: str) -> None:
    connection = connect(path)
    operations.enqueue(connection, [job(1)], 0.0)
    connection.execute("DROP TABLE originals")
    connection.execute("DROP TABLE uploads")
    connection.execute("DROP TABLE sync_log")
    connection.execute(
        "CREATE TABLE sync_log (scene_id INTEGER NOT NULL, server_id TEXT NOT NULL, "
        "rating_key INTEGER NOT NULL, digest TEXT NOT NULL, sent TEXT NOT NULL, original TEXT, "
        "poster_sha1 TEXT, art_sha1 TEXT, synced_at REAL NOT NULL, "
        "PRIMARY KEY (scene_id, server_id, rating_key)) WITHOUT ROWID"
    )
    rows = [
        (5, "server", 10, "d5", '{"title": "five"}', '{"title": "of five"}', "a", "b", 2.0),
        (4, "server", 10, "d4", '{"title": "four"}', '{"title": "the first"}', None, None, 1.0),
        (6, "server", 11, "d6", "{}", None, None, None, 3.0),
    ]
    connection.executemany("INSERT INTO sync_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("PRAGMA user_version=1")
    connection.close()

    queue = QueueManager(folder)

    assert [claim.job.scene_id for claim in queue.claim(9)] == [1]
    found = queue.sync_log.records_of_item("server", 10).get(5)
    assert found == ItemRecord("d5", {"title": "five"}, {}, "a", "b")
    assert queue.sync_log.original("server", 10) == {"title": "the first"}
    assert queue.sync_log.original("server", 11) is None
    assert queue.sync_log.uploads("server", 10, "poster") == {"a"}
    assert queue.sync_log.uploads("server", 10, "art") == {"b"}
    queue.sync_log.remember_item(6, "server", 11, ItemRecord("new", {}, {"title": "no"}), 4.0)
    assert queue.sync_log.records_of_item("server", 11).get(6) == ItemRecord(
        "new", {}, {"title": "no"}
    )
    queue.close()


def test_a_database_of_version_2_can_hold_a_reconciliation(path: str, folder: str) -> None:
    before = QueueManager(folder)
    before.enqueue([job(1), job(2)])
    (claim, _) = before.claim(2)
    before.dead_letter(claim, Failure("PlexPermanentError", "as it was"))
    before.sync_log.remember_item(5, "server", 10, ItemRecord("d5", {"title": "five"}), 2.0)
    before.sync_log.keep_original("server", 10, {"title": "of five"}, 1.0)
    before.sync_log.remember_upload("server", 10, "poster", "a")
    before.sync_log.remember_scene(5, SceneRecord("synced", 2.0, entities={"tags": [3]}))
    before.close()
    connection = connect(path)
    connection.execute("DROP TABLE reconciliation_run")
    connection.execute("DROP TABLE reconciliation_gaps")
    connection.execute("PRAGMA user_version=2")
    connection.close()

    queue = QueueManager(folder)

    assert queue.stats() == {"pending": 0, "retrying": 0, "in_progress": 1}
    assert list(queue.dead_letters.of_scenes([1])) == [1]
    assert queue.sync_log.records_of_item("server", 10).get(5) == ItemRecord(
        "d5", {"title": "five"}
    )
    assert queue.sync_log.original("server", 10) == {"title": "of five"}
    assert queue.sync_log.uploads("server", 10, "poster") == {"a"}
    assert queue.sync_log.scene(5) == SceneRecord("synced", 2.0, entities={"tags": [3]})
    assert GapStore(queue.connection).run(0.0) is None
    queue.close()


def test_a_table_of_persist_queue_is_upgraded_with_its_rows(folder: str) -> None:
    theirs = SQLiteAckQueue(folder, serializer=json_serializer)
    theirs.put(asdict(job(7)))
    theirs.close()
    ours = QueueManager(folder)
    assert [claim.job.scene_id for claim in ours.claim(9)] == [7]
    ours.close()


def test_a_file_that_is_no_database_is_an_sqlite_error(path: str) -> None:
    Path(path).write_bytes(b"this is no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        connect(path)


def test_the_first_opening_waits_for_a_writer(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's busy time-out does not cover the switch to write-ahead logging."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE of_someone_else (a)")
    writer.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def writer_ends(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            writer.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", writer_ends)
    connection = connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert len(waits) == 3
    connection.close()
    writer.close()


def test_readers_do_not_wait_for_a_writer(path: str) -> None:
    writer, reader = connect(path), connect(path)
    writer.execute("BEGIN IMMEDIATE")
    assert operations.has_unfinished(reader) is False
    writer.execute("ROLLBACK")
    writer.close()
    reader.close()


def test_persist_queue_reads_what_we_wrote(queue: QueueManager, folder: str) -> None:
    queue.enqueue([job(1, cover_changed=True), job(2)])
    theirs = SQLiteAckQueue(folder, serializer=json_serializer)
    assert theirs.size == 2
    first, second = theirs.get(block=False), theirs.get(block=False)
    assert first["data"] == {"cover_changed": True}
    assert [first["scene_id"], second["scene_id"]] == [1, 2]
    with pytest.raises(Empty):
        theirs.get(block=False)
    theirs.close()


def test_we_read_what_persist_queue_wrote(queue: QueueManager, folder: str) -> None:
    theirs = SQLiteAckQueue(folder, serializer=json_serializer)
    theirs.put(asdict(job(1, title="Ünï ☃")))
    assert queue.enqueue([job(1, again=True)]) == (0, 1)
    (claim,) = queue.claim(9)
    assert claim.job.data == {"title": "Ünï ☃", "again": True}
    theirs.close()


def test_persist_queues_states_are_ours(queue: QueueManager, folder: str) -> None:
    queue.enqueue([job(n) for n in range(1, 5)])
    theirs = SQLiteAckQueue(folder, auto_resume=False, serializer=json_serializer)
    taken = theirs.get(block=False)
    assert queue.stats() == {"pending": 3, "retrying": 0, "in_progress": 1}
    theirs.nack(taken)
    assert queue.stats() == {"pending": 4, "retrying": 0, "in_progress": 0}
    theirs.ack(theirs.get(block=False))
    (claim, *_) = queue.claim(9)
    assert theirs.unack_count() == 3
    queue.release([claim])
    assert theirs.ready_count() == 1
    theirs.close()


def test_persist_queue_resumes_what_our_worker_left(queue: QueueManager, folder: str) -> None:
    queue.enqueue([job(1)])
    queue.claim(1)
    theirs = SQLiteAckQueue(folder, auto_resume=True, serializer=json_serializer)
    assert theirs.get(block=False)["scene_id"] == 1
    theirs.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (manager._SELECT_DUE, "waiting_by_due"),
        (queue_view._NEXT_DUE, "waiting_by_due"),
        (manager._SELECT_CLAIMED, "in_progress"),
        (operations._FIND_WAITING, "waiting_by_subject"),
        (f"SELECT COUNT(*) FROM {TABLE} WHERE {IS_WAITING} AND {DUE} > ?", "waiting_by_due"),
        (f"SELECT COUNT(*) FROM {TABLE} WHERE {IS_IN_PROGRESS}", "in_progress"),
        ("SELECT 1 FROM dead_letters WHERE scene_id = ?", "idx_scene_id"),
        ("SELECT 1 FROM dead_letters WHERE failed_at < ?", "idx_failed_at"),
    ],
)
def test_a_statement_of_the_hot_path_uses_its_index(path: str, statement: str, index: str) -> None:
    connection = connect(path)
    values = ["0"] * statement.count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()
    assert any(f"INDEX {index}" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_looking_for_work_touches_only_what_is_due(queue: QueueManager) -> None:
    """Counted in SQLite's own steps: ten times the waiting jobs cost no more of them."""
    assert _steps_of_a_claim(queue, 20) == pytest.approx(_steps_of_a_claim(queue, 200), abs=20)


def _steps_of_a_claim(queue: QueueManager, waiting: int) -> int:
    queue.enqueue([job(n) for n in range(1, waiting + 1)])
    late = queue.clock() + 600
    queue.release([postponed(claim, late) for claim in queue.claim(waiting)])
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection = queue.connection
    connection.set_progress_handler(count, 1)
    assert queue.claim(50) == []
    connection.set_progress_handler(None, 0)
    return steps

"""The earlier implementation's data folder is taken over once: nothing lost, nothing doubled."""

import json
import os
import pickle
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legacy import importing, presence
from sync_queue.database import connect
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, PATH, enqueue, scene_job
from sync_queue.sync_log import SceneRecord
from tests.legacy.support import DEVICE_ID, EarlierFolder, Switch, earlier_job
from tests.sync_queue.support import NOW
from validation.metadata import SyncSettings
from validation.scene_extractor import StashScene
from worker.sync.scene_work import lacks_metadata

HOSTILE = b"cposix\nsystem\n(S'true'\ntR."


@pytest.fixture
def earlier(tmp_path: Path) -> EarlierFolder:
    return EarlierFolder(tmp_path / "data")


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path / "data")


def test_each_earlier_job_waits_once_per_scene(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.queue(
        waiting=[earlier_job(1), earlier_job(2, enqueued_at=NOW - 10), earlier_job("2"), 7],
        in_progress=[earlier_job(3), earlier_job(1, enqueued_at=NOW - 9000)],
    )

    switch.import_all()

    waiting = switch.waiting()
    assert [job["scene_id"] for job in waiting] == [1, 2, 3]
    assert [job["job_key"] for job in waiting] == ["scene_1", "scene_2", "scene_3"]
    assert [job["enqueued_at"] for job in waiting] == [NOW - 9000, NOW - 3600, NOW - 3600]
    assert {job["retry_count"] for job in waiting} == {0}
    assert {job["next_retry_at"] for job in waiting} == {0.0}
    assert {json.dumps(job["data"]) for job in waiting} == {"{}"}
    assert switch.fields == {
        "taken": ["3 scenes waiting (5 jobs)"],
        "left": "1 row of queue/data.db: it contains int, not a job",
    }


def test_a_waiting_edit_merges_with_an_earlier_job(earlier: EarlierFolder, switch: Switch) -> None:
    """A hook may come first: it stores its job beside the pickles and leaves them alone."""
    earlier.queue(waiting=[earlier_job(1)])
    (root := earlier.root / "queue").mkdir(exist_ok=True)
    connection = connect(str(root / "data.db"))
    hook = scene_job(1, METADATA, NOW - 5, {"cover_changed": True})
    assert enqueue(connection, [hook, scene_job(1, PATH, NOW - 5)], NOW) == (2, 0)
    connection.close()

    switch.import_all()

    kinds = {job["update_type"]: job for job in switch.waiting()}
    assert set(kinds) == {METADATA, PATH}
    assert kinds[METADATA]["data"] == {"cover_changed": True}
    assert kinds[METADATA]["enqueued_at"] == NOW - 3600


def test_completed_rows_go_and_failed_ones_stay(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.queue(waiting=[earlier_job(1)], completed=20, failed=2)

    switch.import_all()

    states = switch.rows("SELECT status, COUNT(*) FROM ack_queue_default GROUP BY status")
    assert states == [(0, 1), (9, 2)]


@pytest.mark.parametrize("status", [0, 1, 2])
@pytest.mark.parametrize("data", [HOSTILE, b"", b"\x00\xff", None, "text"], ids=repr)
def test_what_is_no_plain_job_stays_byte_for_byte_and_is_never_claimed(
    earlier: EarlierFolder, switch: Switch, data: object, status: int
) -> None:
    earlier.queue(waiting=[earlier_job(1)])
    earlier.raw_rows([data], status)

    said = switch.import_all()

    stored = switch.rows("SELECT data, status FROM ack_queue_default WHERE status > 0")
    assert stored == [(data, 9)]
    assert [job["scene_id"] for job in switch.waiting()] == [1]
    assert "Not imported: 1 row of queue/data.db: it" in said
    assert switch.import_all() == ""


def test_jobs_of_ours_are_left_alone(switch: Switch) -> None:
    switch.earlier.folder.create()
    connection = connect(switch.earlier.folder.queue_database)
    enqueue(connection, [scene_job(n, METADATA, NOW) for n in (1, 2)], NOW)
    connection.execute("UPDATE ack_queue_default SET status = 2 WHERE _id = 1")
    before = connection.execute("SELECT * FROM ack_queue_default").fetchall()
    connection.close()

    assert switch.import_all() == ""

    assert switch.rows("SELECT * FROM ack_queue_default") == before


def test_a_time_stamp_says_only_that_it_was_synced(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.stamps({1: NOW - 100, 2: 0.0})

    switch.import_all()

    stored = switch.rows("SELECT scene_id, outcome, at, scene_updated_at, cover_tag FROM scene_log")
    assert stored == [
        (1, "synced earlier", NOW - 100, "", None),
        (2, "synced earlier", 0, "", None),
    ]
    assert switch.rows("SELECT * FROM sync_log") == []
    assert switch.fields == {"taken": ["the sync time of 2 scenes"]}
    assert (earlier.root / "sync_timestamps.json.imported").exists()


def test_a_time_stamp_requests_no_reconciliation(earlier: EarlierFolder, switch: Switch) -> None:
    """It kept the stamps of removed scenes for ever: they must not look like a lost library."""
    earlier.stamps({1: NOW})
    switch.import_all()
    queue = QueueManager(str(switch.root / "queue"))
    queue.sync_log.remember_scene(2, SceneRecord("synced", NOW))
    empty = StashScene(1, title="Only a title")

    assert lacks_metadata(empty, None, SyncSettings())
    assert not lacks_metadata(empty, queue.sync_log.scene(1), SyncSettings())
    assert queue.sync_log.scenes_between(0, 99) == [2]
    assert queue.sync_log.scene_versions() == {2: ""}
    queue.close()


def test_our_record_of_a_scene_wins_over_a_stamp(earlier: EarlierFolder, switch: Switch) -> None:
    switch.import_all()
    connection = connect(switch.earlier.folder.queue_database)
    connection.execute("INSERT INTO scene_log VALUES (1, '{}', 'then', NULL, 'synced', '', 5.0)")
    connection.close()
    earlier.stamps({1: NOW})

    switch.import_all()

    assert switch.rows("SELECT outcome, at FROM scene_log") == [("synced", 5.0)]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("dlq.db", b"no database at all" * 60, "not a database"),
        ("sync_timestamps.json", b"{", "Expecting"),
        ("sync_timestamps.json", b"\xff\xfe", "can't decode"),
        ("sync_timestamps.json", b"[1]", "a JSON object was expected, not list"),
        ("sync_timestamps.json", b"[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_of_once_and_left(
    earlier: EarlierFolder, switch: Switch, name: str, content: bytes, why: str
) -> None:
    earlier.queue(waiting=[earlier_job(1)])
    (earlier.root / name).write_bytes(content)

    said = switch.import_all()

    assert f"Not imported: {name}: " in said
    assert why in said
    assert [job["scene_id"] for job in switch.waiting()] == [1]
    assert switch.import_all() == ""
    assert (earlier.root / name).read_bytes() == content


def test_a_database_that_is_in_use_is_taken_over_at_the_next_start(
    earlier: EarlierFolder, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legacy.presence.BUSY_TIMEOUT", 0.0)
    earlier.letter(3)
    other = sqlite3.connect(earlier.root / "dlq.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    assert "database is locked" in switch.import_all()

    other.execute("ROLLBACK")
    other.close()
    assert "1 dead letter" in switch.import_all()


def test_files_are_renamed_and_never_over_others(earlier: EarlierFolder, switch: Switch) -> None:
    for scene_id in (1, 2):
        earlier.letter(scene_id)
        switch.import_all()

    names = sorted(path.name for path in earlier.root.glob("dlq.db*"))
    assert names == ["dlq.db.imported", "dlq.db.imported-2"]


def test_a_file_that_cannot_be_renamed_is_not_taken_over_again(
    earlier: EarlierFolder, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier.letter(3)
    switch.earlier.folder.create()
    with monkeypatch.context() as patched:
        patched.setattr("legacy.presence.os.rename", _refuse)
        switch.import_all()
        assert len(switch.letters()) == 1
        connection = connect(switch.earlier.folder.queue_database)
        connection.execute("DELETE FROM dead_letters")
        connection.close()
        assert switch.import_all() == ""

    assert switch.import_all() == ""
    assert switch.letters() == []
    assert (earlier.root / "dlq.db.imported").exists()


def _refuse(*_arguments: Any) -> None:
    raise PermissionError


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_earlier_files_become_private(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.queue(waiting=[earlier_job(1)])
    earlier.letter(3)
    earlier.stamps({4: NOW})
    earlier.write("of_somebody_else.json", {})
    files = {path for path in earlier.root.rglob("*") if path.is_file()}
    for path in files:
        path.chmod(0o644)

    switch.import_all()

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in earlier.root.rglob("*")
        if path.is_file()
    }
    assert modes.pop("of_somebody_else.json") == 0o644
    assert modes.pop("setup.lock") == 0o600
    assert {"data.db", "dlq.db.imported", "sync_timestamps.json.imported"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.fixture
def elsewhere(tmp_path: Path) -> EarlierFolder:
    return EarlierFolder(tmp_path / "data" / "earlier")


def test_a_folder_from_elsewhere_is_imported(elsewhere: EarlierFolder, switch: Switch) -> None:
    switch.import_all()  # ours has been at work already
    elsewhere.queue(waiting=[earlier_job(1), earlier_job(1)], in_progress=[earlier_job(2), 7])
    elsewhere.letter(3)
    elsewhere.stamps({4: NOW})
    elsewhere.write("device_id.json", {"device_id": DEVICE_ID})
    elsewhere.write("circuit_breaker.json", {"state": "open"})

    switch.import_all()

    assert switch.fields["taken"] == [
        "device_id.json",
        "2 scenes waiting (3 jobs)",
        "1 dead letter",
        "the sync time of 1 scene",
    ]
    assert str(switch.fields["left"]).startswith("1 row of earlier/queue/data.db: it contains int")
    assert [job["scene_id"] for job in switch.waiting()] == [1, 2]
    assert len(switch.letters()) == 1
    assert json.loads((switch.root / "device_id.json").read_text())["device_id"] == DEVICE_ID
    assert not (switch.root / "circuit_breaker.json").exists()
    assert switch.import_all() == ""


def test_what_lies_in_the_log_of_a_database_from_elsewhere_is_taken_over_too(
    elsewhere: EarlierFolder, switch: Switch, tmp_path: Path
) -> None:
    """As a killed process leaves it, or a copy of a living one."""
    living = EarlierFolder(tmp_path / "living")
    living.queue(waiting=[earlier_job(1)])
    connection = sqlite3.connect(living.root / "queue" / "data.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute(
        "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, ?, 1)",
        (pickle.dumps(earlier_job(2), 4), NOW),
    )
    shutil.copytree(living.root, elsewhere.root)
    connection.close()
    assert (elsewhere.root / "queue" / "data.db-wal").stat().st_size

    switch.import_all()

    assert [job["scene_id"] for job in switch.waiting()] == [1, 2]
    left = {path.name for path in (elsewhere.root / "queue").iterdir()}
    assert not {"data.db", "data.db-wal", "data.db-shm"} & left


class Killed(BaseException):
    """The process ends here."""


class Dying:
    def __init__(self, connection: sqlite3.Connection, spend: Callable[[], None]) -> None:
        self._connection = connection
        self._spend = spend

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._spend()
        return self._connection.execute(*arguments)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def __enter__(self) -> None:
        self._connection.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, Killed):
            self._spend()
            self._connection.__exit__(kind, error, trace)
            self._spend()

    def close(self) -> None:
        self._connection.close()


def test_a_kill_at_any_statement_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps, one after the other: the next start finishes, with the same result each time."""
    original = EarlierFolder(tmp_path / "original")
    original.queue(waiting=[earlier_job(1), earlier_job(1), 7], in_progress=[earlier_job(2)])
    original.letter(3)
    original.letter(4, "PlexNotFound", data=pickle.dumps(earlier_job(4, data={})))
    original.stamps({5: NOW})
    elsewhere = EarlierFolder(original.root / "earlier")
    elsewhere.queue(waiting=[earlier_job(1), earlier_job(6)])
    elsewhere.letter(7)
    undisturbed = Switch(Path(shutil.copytree(original.root, tmp_path / "undisturbed")))
    undisturbed.import_all()
    expected = _state(undisturbed)
    assert [job[0] for job in expected[0]] == [1, 2, 4, 6]

    deaths = 0
    while True:
        root = Path(shutil.copytree(original.root, tmp_path / f"death {deaths}"))
        switch = Switch(root)
        if not _dies(switch, deaths, monkeypatch):
            break
        switch.import_all()
        assert _state(switch) == expected, deaths
        assert not switch.waits()
        deaths += 1
        shutil.rmtree(root)

    assert deaths > 40


def _dies(switch: Switch, after: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    left, mark_imported = after, presence.mark_imported

    def spend() -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1

    def rename(path: str) -> None:
        spend()
        mark_imported(path)

    with monkeypatch.context() as patched:
        patched.setattr(importing, "connect", lambda path: Dying(connect(path), spend))
        patched.setattr(presence, "mark_imported", rename)
        try:
            switch.earlier.import_all()
        except Killed:
            return True
    return False


def _state(switch: Switch) -> tuple[list[Any], list[Any], list[Any], list[Any], list[str]]:
    jobs = [(one["scene_id"], one["enqueued_at"], one["data"]) for one in switch.waiting()]
    others = switch.rows("SELECT data, status FROM ack_queue_default WHERE status > 1")
    stamps = switch.rows("SELECT scene_id, outcome, at FROM scene_log")
    files = sorted(str(path.relative_to(switch.root)) for path in switch.root.rglob("*.imported*"))
    return jobs, others, switch.letters(), stamps, files

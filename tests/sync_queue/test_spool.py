import errno
import json
import multiprocessing
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from shared.data_folder import DataFolder
from shared.events import unreported
from shared.file_lock import FileLock
from sync_queue import spool_import
from sync_queue.manager import QueueManager
from sync_queue.operations import get_queued_scene_ids
from sync_queue.spool import elect, has_work, store
from sync_queue.spool_import import KEPT_UNREADABLE, SCAN_DELAY, Spool, job_of, read_spool
from tests.reported import Reported, no_report
from tests.sync_queue.support import NOW, Clock, job, put_into_inbox, rows, spool, spooled

CONNECTION = {"Port": 9999, "SessionCookie": {"Name": "session", "Value": "cookie-Ab3dEf6hIj"}}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    data = DataFolder(str(tmp_path))
    data.create()
    return data.queue_folder


@pytest.fixture
def queue(folder: str) -> Iterator[QueueManager]:
    manager = QueueManager(folder, Clock())
    yield manager
    manager.close()


def names(folder: str) -> list[str]:
    return sorted(os.listdir(f"{folder}/spool"))


def test_a_name_says_which_job_it_is_and_since_when_it_waits() -> None:
    found = spooled("metadata.scene_12.cover_changed")

    assert found == replace(job(12, cover_changed=True), job_id=found.job_id)
    assert spooled("scan.scene_12").next_retry_at == NOW + SCAN_DELAY
    assert spooled("entity.studio_3").data == {"kind": "studio", "id": 3}


@pytest.mark.parametrize(
    "name",
    [
        "metadata.scene_12",  # no time
        "01750000000000000000-0000001-0000.metadata.tag_12",
        "01750000000000000000-0000001-0000.entity.scene_12",
        "01750000000000000000-0000001-0000.resize.scene_12",  # of a newer version
        "01750000000000000000-0000001-0000.metadata.scene_12.title_changed",  # likewise
        "01750000000000000000-0000001-0000.metadata.scene_12.tmp-1",
        ".nfs000000000000000100000001",
        "desktop.ini",
    ],
)
def test_a_file_of_another_kind_stays(folder: str, queue: QueueManager, name: str) -> None:
    (Path(folder) / "spool" / name).touch()

    assert queue.import_spool(no_report) == 0
    assert not queue.has_unfinished()
    assert name in names(folder)


@given(st.text(st.characters(blacklist_characters="\0/"), max_size=80))
def test_any_name_is_a_job_or_none(name: str) -> None:
    found = job_of(name)
    assert found is None or found.scene_id is None or found.scene_id >= 0


def test_jobs_of_an_event_need_one_flush(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store(f"{folder}/spool", ["entity.tag_3", "entity.tag_1", "entity.tag_2"])

    assert flushed == [os.path.realpath(f"{folder}/spool")]
    assert [job.job_key for job in read_spool(folder).values()] == ["tag_3", "tag_1", "tag_2"]
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in read_spool(folder)}
    assert modes == {0o600}


def test_files_are_flushed_without_folder(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows and on some network shares."""
    flushed: list[str] = []

    def flush(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no folders here")
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", flush)
    store(f"{folder}/spool", ["metadata.scene_1", "path.scene_1"])

    assert len(flushed) == 2
    assert len(read_spool(folder)) == 2


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_where_nothing_can_be_flushed_a_job_is_stored(
    folder: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """File systems refuse macOS's full flush with different error numbers."""

    def refuse(_descriptor: int) -> None:
        raise OSError(number, "no flush here")

    monkeypatch.setattr(os, "fsync", refuse)
    store(f"{folder}/spool", ["metadata.scene_1"])

    assert [job.job_key for job in read_spool(folder).values()] == ["scene_1"]


def test_a_flush_that_fails_is_no_success(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk fails")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk fails"):
        store(f"{folder}/spool", ["metadata.scene_1"])


@pytest.mark.parametrize("kind", ["missing", "read-only"])
def test_a_folder_that_takes_no_job_is_an_error(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "spool"
    if kind == "read-only":
        place.write_text("a file, which takes no job from anybody, root included")
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        store(str(place), ["metadata.scene_1"])


def test_jobs_are_imported_once_in_order_and_merged(folder: str, queue: QueueManager) -> None:
    queue.enqueue([job(2, old=True)])
    for word in ("path.scene_1", "metadata.scene_2.cover_changed", "metadata.scene_1"):
        spool(folder, word)
    spool(folder, "metadata.scene_2")
    assert queue.has_unfinished()

    assert (queue.import_spool(unreported), queue.import_spool(unreported)) == (4, 0)

    assert names(folder) == ["unfinished"]
    stored = [(row[1]["job_key"], row[1]["update_type"], row[1]["data"]) for row in rows(queue)]
    assert stored == [
        ("scene_2", "metadata", {"old": True, "cover_changed": True}),
        ("scene_1", "path", {}),
        ("scene_1", "metadata", {}),
    ]


def test_ten_thousand_files_are_counted_and_imported(folder: str, queue: QueueManager) -> None:
    store(f"{folder}/spool", [f"metadata.scene_{n}" for n in range(1, 10_001)])

    assert queue.stats()["pending"] == 10_000
    assert queue.import_spool(unreported) == 10_000
    assert queue.stats()["pending"] == 10_000
    assert len(get_queued_scene_ids(queue.connection)) == 10_000


def _import(folder: str, counts: Any) -> None:
    queue = QueueManager(folder)
    for _ in range(50):
        counts.put(queue.import_spool(unreported))
    queue.close()
    counts.put(None)


def test_two_importers_import_each_job_once(folder: str, queue: QueueManager) -> None:
    context = multiprocessing.get_context("fork")
    counts = context.Queue()
    importers = [context.Process(target=_import, args=(folder, counts)) for _ in range(2)]
    for importer in importers:
        importer.start()
    for number in range(1, 301):
        spool(folder, f"metadata.scene_{number}")
    moved, ended = 0, 0
    while ended < 2:
        count = counts.get(timeout=60)
        ended, moved = ended + (count is None), moved + (count or 0)
    for importer in importers:
        importer.join()
    moved += queue.import_spool(unreported)

    assert moved == 300
    assert len(rows(queue)) == 300


def test_an_import_that_died_before_it_removed_the_files_is_repeated_without_a_second_job(
    folder: str, queue: QueueManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool(folder, "metadata.scene_1", "metadata.scene_2")

    def die(_path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(spool_import, "remove_file", die)
        with pytest.raises(KeyboardInterrupt):
            queue.import_spool(unreported)

    assert queue.import_spool(unreported) == 2
    assert len(rows(queue)) == 2


def test_a_file_that_cannot_be_removed_is_reported_and_imported_once_by_a_worker(
    folder: str, queue: QueueManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool(folder, "metadata.scene_1")

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "the folder is read-only", path)

    monkeypatch.setattr(spool_import, "remove_file", refuse)
    reports = Reported()

    assert [queue.import_spool(reports) for _ in range(2)] == [1, 0]
    assert len(reports) == 1


def test_an_event_without_a_job_wakes_for_a_stored_job(folder: str, queue: QueueManager) -> None:
    place = f"{folder}/spool"
    assert not has_work(place)
    spool(folder, "metadata.scene_1")
    assert has_work(place)
    queue.import_spool(unreported)
    queue.note_finished()
    assert has_work(place), "its job is not done"
    queue.ack(queue.claim(1))
    queue.note_finished()
    assert not has_work(place)


def test_a_spool_that_nobody_imports_keeps_one_file_of_each_job(folder: str) -> None:
    for _ in range(3):
        spool(folder, "metadata.scene_1", "path.scene_1", "metadata.scene_1.cover_changed")
    newest = list(read_spool(folder))[-3:]
    (Path(folder) / "spool" / "connection").write_text("{}")

    Spool(folder).compact()

    assert list(read_spool(folder)) == newest
    assert len(names(folder)) == len(newest)


def test_a_living_worker_gets_the_connection_in_a_file_of_the_user_alone(folder: str) -> None:
    place, lock = f"{folder}/spool", f"{folder}/worker.lock"
    held = FileLock(lock)
    assert elect(held, place, b"{}")
    os.umask(0o077)  # as the entry script does

    assert not elect(FileLock(lock), place, json.dumps(CONNECTION).encode())

    path = Path(place) / "connection"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Spool(folder).names()
    assert Spool(folder).take_connection() == CONNECTION
    assert names(folder) == []
    assert Spool(folder).take_connection() is None
    held.release()


def test_an_ending_worker_leaves_its_lock(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, lock = f"{folder}/spool", f"{folder}/worker.lock"
    held = FileLock(lock)
    assert held.try_acquire()
    replace = os.replace

    def end(source: str, target: str) -> None:
        held.release()
        replace(source, target)

    monkeypatch.setattr(os, "replace", end)

    assert elect(FileLock(lock), place, b"{}")


def test_an_unwritable_connection_goes(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows no file is replaced while another process has it open."""
    place, lock = f"{folder}/spool", f"{folder}/worker.lock"
    held = FileLock(lock)
    assert held.try_acquire()

    def refuse(_source: str, _target: str) -> None:
        raise PermissionError(13, "another process has it open")

    monkeypatch.setattr(os, "replace", refuse)

    assert not elect(FileLock(lock), place, b"{}")
    assert names(folder) == []
    held.release()


@pytest.mark.parametrize("torn", [b"", b"{", b"\xff"])
def test_a_connection_torn_by_a_power_cut_is_removed(folder: str, torn: bytes) -> None:
    (Path(folder) / "spool" / "connection").write_bytes(torn)
    assert Spool(folder).take_connection() is None
    assert not Spool(folder).names()


def test_jobs_of_an_older_inbox_are_imported_once(folder: str, queue: QueueManager) -> None:
    queue.enqueue([job(1, at=NOW, old=True)])
    put_into_inbox(folder, job(1, at=NOW + 9, new=True))
    odd: Any = {"data": [1], "enqueued_at": 10**400}
    put_into_inbox(folder, replace(job(2), **odd))
    assert queue.has_unfinished()

    assert [queue.import_spool(no_report) for _ in range(2)] == [2, 0]

    claims = queue.claim(9)
    assert [claim.job.data for claim in claims] == [{"old": True, "new": True}, {}]
    assert not os.path.exists(f"{folder}/inbox")


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"\xff", replace(job(1), scene_id=10**30).encoded()]
)
def test_an_odd_file_is_quarantined(folder: str, queue: QueueManager, content: bytes) -> None:
    inbox = put_into_inbox(folder, job(3)).parent
    for number in range(KEPT_UNREADABLE + 5):
        (inbox / f"{number:03}.json").write_bytes(content)
    reports = Reported()

    assert [queue.import_spool(reports) for _ in range(2)] == [1, 0]

    assert len(reports) == KEPT_UNREADABLE + 5
    assert set(reports) == {"edit_unreadable"}
    left = sorted(path.name for path in inbox.iterdir())
    assert (len(left), left[0]) == (KEPT_UNREADABLE, "005.json.unreadable")
    assert queue.spool.is_empty()

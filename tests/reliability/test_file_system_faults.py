"""R6, from end to end: what the file system refuses to hooks, worker and tasks.

Real processes meet it; afterwards, with the fault gone, each edit is in Plex and the queue empty.
"""

import errno
import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.sqlite import use_wal, uses_wal
from simulators.rig import Rig
from simulators.stash import PluginResult
from simulators.tuning import Tuning
from sync_queue import spool
from sync_queue.database import connect
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, enqueue, scene_job
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's limits and capabilities")

# Root may read and write whatever the modes of files say; a process without these may not.
_DROP_CAPABILITIES = """
import ctypes
prctl = ctypes.CDLL(None, use_errno=True).prctl
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; who is not root has neither anyway
"""
_LIMIT_FILES = """
import resource
with open({limit!r}) as file:
    size = int(file.read())
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""
NO_LIMIT = 1 << 40  # bytes


def interpreter(folder: Path, before: str) -> Path:
    """A Python that runs something before the plugin; the worker inherits what that has changed."""
    path = folder / "python-with-limits"
    path.write_text(
        f"#!{sys.executable}\nimport os, sys\n{before}\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n"
    )
    path.chmod(0o755)
    return path


def settle_first(rig: Rig) -> int:
    """Let one edit through and end its worker, so that all files are there."""
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Before")
    assert rig.wait_until(lambda: item.title == "Before" and rig.queued() == 0)
    rig.stop_worker()
    return scene_id


def edit(rig: Rig, scene_id: int, title: str) -> PluginResult:
    return rig.stash.edit_scene(scene_id, title=title)[0].result


def assert_one_line(result: PluginResult) -> str:
    # What is relayed of the worker's log begins with its time.
    (line,) = [one for one in result.messages() if not one.startswith(("[", "Since ["))]
    assert result.exit_code == 0
    return line


def assert_named(rig: Rig, result: PluginResult) -> None:
    """Check that the hook tells of an edit that it could not keep, and follow its advice."""
    line = assert_one_line(result)
    assert result.error == line
    assert "Sync Recent Scenes to Plex" in line
    assert rig.task("recent").error is None


def none_queued(rig: Rig) -> bool:
    try:
        return rig.queued() == 0
    except sqlite3.OperationalError:  # the worker is changing the journal under this reader
        return False


def assert_all_arrives(rig: Rig) -> None:
    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: none_queued(rig))
    assert not list((rig.data / "queue").glob("*.corrupt-*"))
    with rig.database() as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT COUNT(*) FROM dead_letters").fetchone() == (0,)


# -- files and folders that may not be written to, or not even read -------------------------------


@dataclass(frozen=True)
class Refusal:
    """Modes that refuse something.

    Attributes:
        of: the files and folders, below the data folder.
        mode: what they get.
        met: the worker's event about the refusal; empty where it does not hinder work.
        kept: whether the hook can store the edit all the same.
    """

    of: tuple[str, ...]
    mode: int
    met: str = ""
    kept: bool = True


DATABASE = ("queue/data.db", "queue/data.db-wal", "queue/data.db-shm")
PAUSED = "sync_paused"
REFUSALS = {
    "read-only database": Refusal(DATABASE, 0o400, PAUSED),
    "read-only write-ahead log": Refusal(DATABASE[1:], 0o400, PAUSED),
    "no permission for the database": Refusal(DATABASE[:1], 0o000, PAUSED),
    "read-only lock of the set-up": Refusal(("queue/setup.lock",), 0o400),
    "read-only lock of the import": Refusal(("queue/import.lock",), 0o400, "worker_file_refused"),
    "read-only database in a read-only folder": Refusal((*DATABASE, "queue"), 0o500, PAUSED),
    "read-only spool": Refusal(("queue/spool",), 0o500, kept=False),
    "no permission for the folder": Refusal(("queue",), 0o000, kept=False),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_an_edit_that_meets_a_refusal_is_kept_or_named_and_arrives_afterwards(
    make_rig: MakeRig, tmp_path: Path, refusal: Refusal
) -> None:
    rig = make_rig(interpreter=interpreter(tmp_path, _DROP_CAPABILITIES))
    quicken(rig)
    rig.stash.settings.directory = rig.data / "queue" / "spool"  # the other place for the state
    scene_id = settle_first(rig)
    modes = {path: path.stat().st_mode for one in refusal.of if (path := rig.data / one).exists()}
    for path in modes:
        path.chmod(refusal.mode)

    result = edit(rig, scene_id, "Refused")

    if refusal.met:
        assert rig.happened(refusal.met)
    for path, mode in reversed(modes.items()):
        path.chmod(mode)
    line = assert_one_line(result)
    assert f"scene {scene_id}" in line
    if refusal.kept:
        assert result.output == "queued"
    else:
        assert_named(rig, result)
    rig.wait_until(lambda: not rig.worker_pids(), timeout=2)  # one that met the refusal may end
    other, _ = rig.add_pair("b", tags=["T"])
    assert edit(rig, other, "Afterwards").output == "queued"
    assert_all_arrives(rig)
    assert rig.item_of(scene_id).title == "Refused"


def test_a_read_only_plugin_keeps_its_state_elsewhere(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig(interpreter=interpreter(tmp_path, _DROP_CAPABILITIES))
    scene_id, item = rig.add_pair("a", tags=["T"])
    plugin = rig.manifest.directory
    plugin.chmod(0o500)

    result = edit(rig, scene_id, "Elsewhere")

    assert result.output == "queued"
    assert rig.wait_until(lambda: item.title == "Elsewhere")
    assert (rig.stash.root / "Stash2Plex-data" / "queue" / "data.db").exists()
    assert not rig.data.exists()
    plugin.chmod(0o700)


@pytest.mark.parametrize("mode", ["queue_status", "recent", "process_queue"])
def test_a_task_names_the_file_that_it_lacks(make_rig: MakeRig, tmp_path: Path, mode: str) -> None:
    rig = make_rig(interpreter=interpreter(tmp_path, _DROP_CAPABILITIES))
    settle_first(rig)
    database = rig.data / "queue" / "data.db"
    database.chmod(0o000)

    result = rig.task(mode)

    database.chmod(0o600)
    assert result.error is not None
    assert result.messages("error") == [result.error]
    assert "unable to open database file" in result.error
    assert rig.task(mode).error is None


# -- a disk that fails ------------------------------------------------------------


@pytest.mark.parametrize("size", [3000, 10], ids=["the log works", "nothing can be written"])
def test_an_edit_on_a_full_disk_arrives_later(make_rig: MakeRig, tmp_path: Path, size: int) -> None:
    limit = tmp_path / "limit"
    limit.write_text(str(NO_LIMIT))
    rig = make_rig(interpreter=interpreter(tmp_path, _LIMIT_FILES.format(limit=str(limit))))
    quicken(rig)
    scene_id = settle_first(rig)
    limit.write_text(str(size))

    result = edit(rig, scene_id, "Failed")

    assert result.output == "queued"
    if size == 3000:
        assert rig.happened(PAUSED)
    limit.write_text(str(NO_LIMIT))
    assert rig.item_of(scene_id).title == "Before"
    rig.stop_worker()  # it has inherited the limit
    other, _ = rig.add_pair("b", tags=["T"])
    assert edit(rig, other, "Afterwards").output == "queued"
    assert_all_arrives(rig)
    assert rig.item_of(scene_id).title == "Failed"


def _refuse_new_files() -> None:
    real_open = os.open

    def opens(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT and not os.path.exists(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return real_open(path, flags, mode)

    os.open = opens  # type: ignore[assignment]


def test_an_edit_on_a_disk_without_room_for_a_file_arrives_later(rig: Rig) -> None:
    scene_id = settle_first(rig)
    rig.alter(spool, _refuse_new_files)

    result = edit(rig, scene_id, "Failed")

    rig.restore_plugin()
    assert rig.spooled() == []
    assert_named(rig, result)
    assert_all_arrives(rig)
    assert rig.item_of(scene_id).title == "Failed"


# -- a file system that refuses write-ahead logging -----------------------------------------------


def refuse_wal(rig: Rig) -> None:
    """SQLite with lock files for locks: it has no shared memory, as on a network share."""
    rig.vfs = "unix-dotfile"
    rig.alter(sqlite3, _connect_with_vfs, vfs=rig.vfs)


def _connect_with_vfs(vfs: str) -> None:
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def connects(path: str, **options: Any) -> sqlite3.Connection:
        if path.endswith("data.db"):
            return connect(f"file:{path}?vfs={vfs}", uri=True, **options)
        return connect(path, **options)

    sqlite3.connect = connects  # type: ignore[assignment]


def journal(rig: Rig) -> str:
    with rig.database() as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def test_edits_arrive_without_write_ahead_logging_and_one_warning(rig: Rig) -> None:
    refuse_wal(rig)
    rig.tune(Tuning(linger=0.5))
    ids = rig.add_library(8, covers=False)

    runs = rig.stash.edit_scenes(ids, tags=["One"])
    assert rig.settled(60)
    assert rig.wait_until(lambda: not rig.worker_pids())
    runs += rig.stash.edit_scenes(ids, tags=["Two"])
    assert rig.settled(60)

    for run in runs:
        assert run.result.output == "queued"
        assert "write-ahead" not in assert_one_line(run.result)
    assert journal(rig) == "delete"
    assert len(rig.events("worker_started")) >= 2
    assert len(rig.events("wal_refused")) == 1
    tasks = [rig.task(mode) for mode in ("queue_status", "recent", "process_queue")]
    assert [task.error for task in tasks] == [None, None, None]
    # A hook tells it, if it is ten seconds old by then.
    results = [*(run.result for run in runs), *tasks]
    told = [line for one in results for line in one.messages("warning") if "write-ahead" in line]
    assert len(told) == 1
    assert_all_arrives(rig)


def test_a_queue_with_a_write_ahead_log_that_is_moved_there_keeps_its_jobs(rig: Rig) -> None:
    scene_id = settle_first(rig)
    database = connect(str(rig.data / "queue" / "data.db"))
    other, _ = rig.add_pair("b", title="Waited", tags=["T"])
    enqueue(database, [scene_job(other, METADATA, 1.0)], 1.0)
    assert journal(rig) == "wal"
    queue = rig.data / "queue"
    shutil.copytree(queue, rig.data / "copy", ignore=shutil.ignore_patterns("*-shm"))
    database.close()
    shutil.rmtree(queue)
    (rig.data / "copy").rename(queue)
    refuse_wal(rig)

    assert edit(rig, scene_id, "Moved").output == "queued"

    assert_all_arrives(rig)
    assert rig.item_of(other).title == "Waited"
    assert journal(rig) == "delete"


def test_shared_memory_that_cannot_be_made_is_as_good_as_a_refusal(tmp_path: Path) -> None:
    path = str(tmp_path / "data.db")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # bytes; its memory is a file of 32 K
    try:
        use_wal(path, 1.0)
        connection = sqlite3.connect(path, isolation_level=None)
        assert not uses_wal(connection)
        connection.execute("CREATE TABLE one (a)")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_with_a_rollback_journal_the_worker_flushes_as_a_hook_does(tmp_path: Path) -> None:
    """Without a write-ahead log `synchronous=NORMAL` may lose a database to a power cut."""
    database = connect(str(tmp_path / "data.db"))
    assert uses_wal(database)
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()

    queue = QueueManager(str(tmp_path))

    def synchronous() -> int:
        return int(queue.connection.execute("PRAGMA synchronous").fetchone()[0])

    assert not uses_wal(queue.connection)
    assert synchronous() == 2
    queue.enqueue([scene_job(1, METADATA, 1.0)])
    assert synchronous() == 2
    queue.close()

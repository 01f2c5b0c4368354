"""R6: every fault of the database, met by hooks, by the worker's steps and by the tasks.

A hook does not open the database: its job is in the spool, or named in an error that says what to
do. The worker quarantines a damaged file and uses a fresh one.
"""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import app.hook_faults
import sync_queue.manager
from app.main import answer_hook
from app.services import build
from shared.data_folder import DataFolder
from shared.events import unreported
from shared.file_lock import FileLock
from shared.log import Log
from simulators.rig import REPOSITORY
from sync_queue.database import NewerSchemaError, connect
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.operations import METADATA, enqueue, get_queued_scene_ids, scene_job
from sync_queue.quarantine import is_damage
from sync_queue.schema import SCHEMA_VERSION
from sync_queue.spool_import import read_spool
from sync_queue.sync_log import ItemRecord

NOW = 1_750_000_000.0
BEFORE = (1, 2, 3)  # scenes that wait before the fault
SCENE = 77  # the scene of the hook that meets it


@dataclass
class Site:
    """A plugin's folder with its queue; the worker lock is held, so that no worker starts."""

    root: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.script = str(self.root / "Stash2Plex.py")
        self.queue = self.root / "data" / "queue"
        self.path = self.queue / "data.db"

    def fill(self, rows: tuple[int, ...] = BEFORE) -> None:
        self.queue.mkdir(parents=True, exist_ok=True)
        database = connect(str(self.path))
        enqueue(database, [scene_job(one, METADATA, NOW) for one in rows], NOW)
        database.close()

    def answer(self, scene_id: int = SCENE, field: str = "title") -> Any:
        context = {
            "id": scene_id,
            "type": "Scene.Update.Post",
            "input": {"id": str(scene_id), field: "T"},
            "inputFields": ["id", field],
        }
        return json.loads(answer_hook(self.script, context, "{}"))

    def queued(self) -> set[int]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT data FROM ack_queue_default").fetchall()
        finally:
            connection.close()
        return {json.loads(row[0])["scene_id"] for row in rows}

    def spooled(self) -> set[int]:
        return {job.scene_id or 0 for job in read_spool(str(self.queue)).values()}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path)
    made.fill()
    monkeypatch.setattr(app.hook_faults, "create_logger", lambda: _log(made))
    monkeypatch.setenv("STASH_PLUGIN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(sync_queue.manager, "connect", _impatient)
    lock = FileLock(str(tmp_path / "data" / "worker.lock"))
    assert lock.try_acquire()
    yield made
    lock.release()


def _log(site: Site) -> Any:
    return Log(lambda _level, text, *_: site.lines.append(text))


def _impatient(path: str, synchronous: str = "FULL") -> sqlite3.Connection:
    return connect(path, synchronous, busy_timeout=0.02)


# -- the faults -----------------------------------------------------------------------------------


@contextmanager
def _locked(site: Site) -> Iterator[None]:
    holder = sqlite3.connect(site.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@contextmanager
def _exclusive(site: Site) -> Iterator[None]:
    """As a backup tool that wants nobody beside it: not even reading goes."""
    holder = sqlite3.connect(site.path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def _not_a_database(site: Site) -> None:
    site.path.write_bytes(b"this is no database, it only has its name " * 200)


def _cut_in_the_header(site: Site) -> None:
    os.truncate(site.path, 60)


def _cut_in_half(site: Site) -> None:
    os.truncate(site.path, site.path.stat().st_size // 2)


def _zeroed_header(site: Site) -> None:
    with site.path.open("r+b") as file:
        file.write(bytes(100))


def _corrupt_pages(site: Site) -> None:
    """All pages behind the first hold rubbish; the header and the schema are sound."""
    with site.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (site.path.stat().st_size - 4096))


def _empty(site: Site) -> None:
    os.truncate(site.path, 0)


def _newer_schema(site: Site) -> None:
    connection = sqlite3.connect(site.path)
    connection.execute("PRAGMA user_version=99")
    connection.close()


def _no_file(site: Site) -> None:
    for one in site.queue.glob("data.db*"):
        one.unlink()


def _no_folder(site: Site) -> None:
    shutil.rmtree(site.queue)


def _folder_is_a_file(site: Site) -> None:
    shutil.rmtree(site.queue)
    site.queue.write_text("a file where the folder was")


def _database_is_a_folder(site: Site) -> None:
    _no_file(site)
    site.path.mkdir()


def _rubbish_wal(site: Site) -> None:
    Path(f"{site.path}-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\xa5" * 9000)


def _rubbish_shm(site: Site) -> None:
    Path(f"{site.path}-shm").write_bytes(b"\xa5" * 32768)


def _wal_is_a_folder(site: Site) -> None:
    Path(f"{site.path}-wal").mkdir()


def _sound(_site: Site) -> None:
    pass


def _table_is_gone(site: Site) -> None:
    connection = sqlite3.connect(site.path)
    connection.execute("DROP TABLE ack_queue_default")
    connection.commit()
    connection.close()


DAMAGE: dict[str, Callable[[Site], None]] = {
    "not a database": _not_a_database,
    "cut in the header": _cut_in_the_header,
    "cut in half": _cut_in_half,
    "header of zeros": _zeroed_header,
    "corrupt pages": _corrupt_pages,
}
HARMLESS: dict[str, Callable[[Site], None]] = {
    "empty file": _empty,
    "no file": _no_file,
    "no folder": _no_folder,
    "rubbish in the WAL": _rubbish_wal,
    "rubbish in the shm": _rubbish_shm,
}
BESIDE: dict[str, Callable[[Site], None]] = {
    "the database is a folder": _database_is_a_folder,
    "the WAL is a folder": _wal_is_a_folder,
    "the table is gone": _table_is_gone,
    "newer schema": _newer_schema,
}
ANY_STATE = {**DAMAGE, **HARMLESS, **BESIDE, "held by another program": _sound}


@contextmanager
def own_disk(site: Site, files: int = 1000) -> Iterator[Path]:
    """A small file system for the queue alone; yields the file that fills it, once written."""
    kept = site.root / "kept"
    shutil.copytree(site.queue, kept)
    mount = ["mount", "-t", "tmpfs", "-o", f"size=256k,nr_inodes={files}", "tmpfs", str(site.queue)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system of our own can be mounted here: {error}")
    try:
        shutil.copytree(kept, site.queue, dirs_exist_ok=True)
        yield site.queue / "filler"
    finally:
        subprocess.run(["umount", "-l", str(site.queue)], check=True, capture_output=True)


def fill_up(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


# -- hooks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ANY_STATE.values(), ids=ANY_STATE.keys())
def test_a_hook_queues_despite_a_bad_database(site: Site, fault: Callable[[Site], None]) -> None:
    fault(site)

    with _exclusive(site) if fault is _sound else nullcontext():
        assert site.answer() == {"output": "queued"}

    assert site.spooled() == {SCENE}
    assert not site.lines


def test_a_hook_that_can_store_its_edit_nowhere_says_which_and_what_to_do(site: Site) -> None:
    _folder_is_a_file(site)

    reply = site.answer()

    assert f"scene {SCENE}" in reply["error"]
    assert "Sync Recent Scenes to Plex" in reply["error"]
    assert site.lines == [reply["error"]]


def test_a_hook_without_a_job_says_nothing_of_a_folder_that_it_cannot_use(site: Site) -> None:
    _folder_is_a_file(site)

    assert site.answer(field="play_count") == {"output": "nothing to sync"}
    assert site.lines == []


def test_a_hook_on_a_full_disk_loses_nothing_in_silence(site: Site) -> None:
    with own_disk(site, files=50) as filler:
        fill_up(filler)  # which leaves room for names
        answers = [site.answer(scene) for scene in range(100, 200)]
        filler.unlink()

        queued = {100 + n for n, answer in enumerate(answers) if answer == {"output": "queued"}}
        refused = [answer["error"] for answer in answers if "error" in answer]
        assert site.spooled() >= queued
        assert len(queued) + len(refused) == 100
        assert refused, "the disk was not full"
        assert site.answer() == {"output": "queued"}


def test_jobs_stay_in_the_spool_while_the_database_is_held(site: Site) -> None:
    queue = QueueManager(str(site.queue))
    site.answer()
    with _locked(site), pytest.raises(sqlite3.OperationalError, match="locked"):
        queue.import_spool(unreported)
    assert site.spooled() == {SCENE}

    assert queue.import_spool(unreported) == 1
    queue.close()
    assert (site.queued(), site.spooled()) == ({*BEFORE, SCENE}, set())


@pytest.mark.parametrize("change", [_empty, _no_file], ids=["empty file", "no file"])
@pytest.mark.parametrize("trace", ["queue/spool/unfinished", "library.db"])
def test_a_used_database_that_is_empty_asks_for_a_reconciliation_and_is_reported_once(
    site: Site, change: Callable[[Site], None], trace: str
) -> None:
    change(site)
    (site.queue / "spool").mkdir()
    (site.root / "data" / trace).touch()
    folder = DataFolder(str(site.root / "data"))
    codes: list[str] = []
    log = Log(lambda _level, _text, code, _fields: codes.append(code))

    for _ in range(2):
        with closing(build("", {}, folder, log)) as services:
            assert services.queue.was_rebuilt()

    assert codes == ["queue_emptied"]


@pytest.mark.parametrize("change", [_empty, _no_file, _no_folder])
def test_a_new_database_needs_no_reconciliation(site: Site, change: Callable[[Site], None]) -> None:
    change(site)
    (site.queue / "spool" / "unfinished").unlink(missing_ok=True)
    for name in ("worker.lock", "stats.json", "device_id.json"):  # also of the earlier Stash2Plex
        (site.root / "data" / name).touch()

    assert site.answer() == {"output": "queued"}
    queue = QueueManager(str(site.queue))
    queue.import_spool(unreported)

    assert not queue.was_rebuilt()
    assert SCENE in site.queued()
    queue.close()


# -- the worker and the tasks ---------------------------------------------------------------------


def _claim(queue: QueueManager, _claims: list[Claim]) -> object:
    return queue.claim(50)


def _postpone(queue: QueueManager, claims: list[Claim]) -> None:
    later = claims[0].job.postponed(NOW + 60, "PlexTemporaryError", counts=True)
    queue.release([Claim(claims[0].row_id, later)])


def _remember(queue: QueueManager, _claims: list[Claim]) -> None:
    queue.sync_log.remember_item(1, "server", 1, ItemRecord("digest", {"title": "T"}), NOW)


OPERATIONS: dict[str, Callable[[QueueManager, list[Claim]], object]] = {
    "claim": _claim,
    "ack": lambda queue, claims: queue.ack(claims),
    "postpone": _postpone,
    "dead_letter": lambda queue, claims: queue.dead_letter(claims[0], Failure("X", "why")),
    "enqueue": lambda queue, _claims: queue.enqueue([scene_job(9, METADATA, NOW)]),
    "sync log": _remember,
    "resume": lambda queue, _claims: queue.resume(),
}


def _contents(site: Site) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(site.path)
    try:
        return [
            *connection.execute("SELECT _id, data, status FROM ack_queue_default ORDER BY _id"),
            *connection.execute("SELECT job_id, error_type FROM dead_letters"),
            *connection.execute("SELECT scene_id, digest FROM sync_log"),
        ]
    finally:
        connection.close()


@contextmanager
def _failing_disk(site: Site) -> Iterator[None]:
    """No file can grow: each write past its end is an I/O error, not one of a full disk."""
    size = Path(f"{site.path}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _full_disk(site: Site) -> Iterator[None]:
    filler = site.queue / "filler"
    fill_up(filler)
    yield
    filler.unlink()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize(
    ("fault", "told"),
    [(_locked, "locked"), (_failing_disk, "disk I/O error"), (_full_disk, "full|I/O")],
)
def test_an_operation_meets_a_fault_and_happens_as_a_whole_or_not_at_all(
    site: Site,
    operation: Callable[[QueueManager, list[Claim]], object],
    fault: Callable[[Site], AbstractContextManager[None]],
    told: str,
) -> None:
    with own_disk(site) if fault is _full_disk else nullcontext():
        queue = QueueManager(str(site.queue), lambda: NOW)
        claims = [] if operation is _claim else queue.claim(2)
        before = _contents(site)
        with fault(site):
            with pytest.raises(sqlite3.OperationalError, match=told) as caught:
                operation(queue, claims)
            assert not is_damage(caught.value)
            assert not queue.connection.in_transaction
            assert _contents(site) == before

        operation(queue, claims)

        assert _contents(site) != before
        queue.close()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("damage", ["under the worker", "before the worker"])
def test_damage_is_told_apart_from_every_other_error(
    site: Site, operation: Callable[[QueueManager, list[Claim]], object], damage: str
) -> None:
    """The worker sets the file aside on this very distinction."""
    if damage == "before the worker":
        _not_a_database(site)
        with pytest.raises(sqlite3.DatabaseError) as caught:
            QueueManager(str(site.queue))
        assert is_damage(caught.value)
        return
    queue = QueueManager(str(site.queue), lambda: NOW)
    claims = queue.claim(2)
    queue.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    queue.connection.execute("PRAGMA shrink_memory")
    _corrupt_pages(site)
    other = sqlite3.connect(site.path)  # whose commit makes the worker's cache stale
    other.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    other.close()
    with pytest.raises(sqlite3.DatabaseError) as raised:
        operation(queue, claims)
    assert is_damage(raised.value)
    assert not queue.connection.in_transaction
    queue.close()


def test_the_status_is_readable_while_somebody_writes(site: Site) -> None:
    queue = QueueManager(str(site.queue), lambda: NOW)
    with _locked(site):
        assert queue.stats() == {"pending": 3, "retrying": 0, "in_progress": 0}
        assert queue.dead_letters.count() == 0
        assert queue.next_due() == 0.0
        assert queue.has_unfinished()
        assert get_queued_scene_ids(queue.connection) == set(BEFORE)
    queue.close()


def test_a_newer_database_is_left_alone_by_the_worker(site: Site) -> None:
    _newer_schema(site)
    before = site.path.read_bytes()

    with pytest.raises(NewerSchemaError, match="install the newer version again"):
        QueueManager(str(site.queue))

    assert site.path.read_bytes() == before


@pytest.mark.parametrize("mode", ["queue_status", "recent"])
@pytest.mark.parametrize("fault", [_newer_schema, _not_a_database, _folder_is_a_file])
def test_a_task_answers_in_words(site: Site, mode: str, fault: Callable[[Site], None]) -> None:
    fault(site)
    run = subprocess.run(
        [sys.executable, str(REPOSITORY / "Stash2Plex.py")],
        input=json.dumps({"server_connection": {}, "args": {"mode": mode}}).encode(),
        env={**os.environ, "STASH_PLUGIN_DATA": str(site.root / "data")},
        capture_output=True,
        check=True,
        timeout=30,
    )
    reply = json.loads(run.stdout)

    assert set(reply) in ({"output"}, {"error"})
    assert b"Bug in Stash2Plex" not in run.stderr
    assert "Traceback" not in run.stderr.decode()
    assert "there are:" not in reply.get("error", "")

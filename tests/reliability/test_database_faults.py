"""R6: every fault of the database, met by hooks, by the worker's steps and by the tasks.

A hook answers with one object and at most one line, and its job is in the database, in the inbox,
or named in an error that says what to do. A damaged file is set aside and a fresh one is in use.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import app.hook_process
import sync_queue.ack_queue
import sync_queue.rescue
from app.hook_process import answer_hook
from shared.file_lock import FileLock
from shared.files import replace_file
from simulators.rig import REPOSITORY
from sync_queue.database import NewerSchemaError, connect
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.operations import METADATA, enqueue, scene_job
from sync_queue.rescue import is_damage, read_inbox
from sync_queue.schema import SCHEMA_VERSION
from sync_queue.sync_records import ItemRecord

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

    def message(self, scene_id: int = SCENE) -> dict[str, Any]:
        context = {
            "id": scene_id,
            "type": "Scene.Update.Post",
            "input": {"id": str(scene_id), "title": "T"},
            "inputFields": ["id", "title"],
        }
        return {"server_connection": {}, "args": {"hookContext": context}}

    def queued(self) -> set[int]:
        """The scenes in the database."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT data FROM ack_queue_default").fetchall()
        finally:
            connection.close()
        return {json.loads(row[0])["scene_id"] for row in rows}

    def beside(self) -> set[int]:
        """The scenes in the inbox."""
        jobs = [job for _, job in read_inbox(str(self.queue))]
        return {job["scene_id"] for job in jobs if job is not None}

    def set_aside(self) -> list[Path]:
        return [
            one
            for one in self.queue.glob("data.db.corrupt-*")
            if not one.name.endswith(("-wal", "-shm"))
        ]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A filled site, with all that a hook says in `lines`."""
    made = Site(tmp_path)
    made.fill()
    monkeypatch.setattr(app.hook_process, "create_logger", lambda secrets: _log(made, secrets))
    monkeypatch.setattr(app.hook_process, "LONGEST_WAIT", 0.02)
    monkeypatch.setattr(sync_queue.ack_queue, "connect", _impatient)
    lock = FileLock(str(tmp_path / "data" / "worker.lock"))
    assert lock.try_acquire()
    yield made
    lock.release()


def _log(site: Site, secrets: Any) -> Any:
    from shared.log import Log  # noqa: PLC0415

    return Log(lambda _level, text: site.lines.append(text), secrets)


def _impatient(path: str, synchronous: str = "FULL") -> sqlite3.Connection:
    return connect(path, synchronous, busy_timeout=0.02)


# -- the faults -----------------------------------------------------------------------------------

Hold = Callable[[Site], Any]


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


@contextmanager
def _changed(site: Site, change: Callable[[Site], object]) -> Iterator[None]:
    change(site)
    yield


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
        size = site.path.stat().st_size
        file.seek(4096 * 1)
        first = file.tell()
        file.write(b"\xa5" * (size - first))


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
UNUSABLE: dict[str, Callable[[Site], None]] = {
    "the folder is a file": _folder_is_a_file,
}
BESIDE: dict[str, Callable[[Site], None]] = {
    "the database is a folder": _database_is_a_folder,
    "the WAL is a folder": _wal_is_a_folder,
    "the table is gone": _table_is_gone,
    "newer schema": _newer_schema,
}


@contextmanager
def own_disk(site: Site) -> Iterator[Path]:
    """A small file system for the queue alone; yields the file that fills it, once written."""
    kept = site.root / "kept"
    shutil.copytree(site.queue, kept)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(site.queue)]
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


def ask(site: Site, scene_id: int = SCENE) -> dict[str, Any]:
    """Run a hook; it gives one object and at most one line of trouble, whatever happens."""
    reply = answer_hook(site.script, site.message(scene_id))
    assert set(reply) in ({"output"}, {"error"})
    assert len([line for line in site.lines if line != f"Scene {scene_id}: queued"]) <= 1
    json.dumps(reply)
    return reply


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_hook_that_finds_damage_keeps_its_edit_and_sets_the_file_aside(
    site: Site, damage: Callable[[Site], None]
) -> None:
    damage(site)
    before = site.path.read_bytes()

    assert ask(site) == {"output": "queued"}

    assert site.queued() == {SCENE}
    (aside,) = site.set_aside()
    assert aside.read_bytes()[4096:] == before[4096:]
    assert (site.queue / "rebuilt.json").exists()
    line = site.lines[0]
    assert "was damaged" in line
    assert str(aside) in line
    assert "a reconciliation of all scenes begins by itself" in line


def test_a_hook_that_finds_damage_says_one_line(site: Site) -> None:
    _not_a_database(site)

    ask(site)

    assert len(site.lines) == 1


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_hook_is_at_home_in_what_is_no_damage(site: Site, change: Callable[[Site], None]) -> None:
    change(site)

    assert ask(site) == {"output": "queued"}

    assert SCENE in site.queued()
    assert site.set_aside() == []
    if "rubbish" in change.__name__:
        assert site.queued() == {*BEFORE, SCENE}


@pytest.mark.parametrize("change", [_empty, _no_file], ids=["empty file", "no file"])
@pytest.mark.parametrize("trace", ["burst", "library.db"])
def test_a_hook_that_finds_a_used_database_empty_asks_for_a_reconciliation_and_says_so(
    site: Site, change: Callable[[Site], None], trace: str
) -> None:
    change(site)
    (site.root / "data" / trace).touch()

    assert answer_hook(site.script, site.message()) == {"output": "queued"}

    loss, queued = site.lines
    assert loss.startswith(f"Scene {SCENE} found the queue's database empty")
    assert "A reconciliation of all scenes begins by itself" in loss
    assert queued == f"Scene {SCENE}: queued"
    assert (site.queue / "rebuilt.json").exists()
    site.lines.clear()
    assert ask(site) == {"output": "queued"}
    assert site.lines == [f"Scene {SCENE}: queued (already waiting)"]


@pytest.mark.parametrize("change", [_empty, _no_file, _no_folder])
def test_a_database_that_is_new_asks_for_no_reconciliation(
    site: Site, change: Callable[[Site], None]
) -> None:
    change(site)
    for name in ("worker.lock", "stats.json", "device_id.json"):  # also of the earlier Stash2Plex
        (site.root / "data" / name).touch()

    assert ask(site) == {"output": "queued"}

    assert site.lines == [f"Scene {SCENE}: queued"]
    assert not (site.queue / "rebuilt.json").exists()


def test_the_worker_that_finds_a_used_database_empty_asks_for_a_reconciliation(
    site: Site,
) -> None:
    _empty(site)
    (site.root / "data" / "library.db").touch()

    queue = QueueManager(str(site.queue))

    assert queue.was_rebuilt()
    queue.close()


def test_what_the_earlier_stash2plex_left_in_the_database_is_not_taken_for_a_loss(
    site: Site,
) -> None:
    _no_file(site)
    connection = sqlite3.connect(site.path)
    connection.execute(
        "CREATE TABLE ack_queue_default (_id INTEGER PRIMARY KEY AUTOINCREMENT, "
        "data BLOB, timestamp FLOAT, status INTEGER)"
    )
    connection.close()
    (site.root / "data" / "library.db").touch()

    QueueManager(str(site.queue)).close()

    assert not (site.queue / "rebuilt.json").exists()


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_hook_that_can_store_its_edit_nowhere_says_which_and_what_to_do(
    site: Site, change: Callable[[Site], None]
) -> None:
    change(site)

    reply = ask(site)

    assert f"Scene {SCENE}" in reply["error"]
    assert "Sync Recent Scenes to Plex" in reply["error"]
    assert site.lines == [reply["error"]]


@pytest.mark.parametrize("change", BESIDE.values(), ids=BESIDE.keys())
def test_a_hook_leaves_its_edit_beside_a_database_that_cannot_be_used_now(
    site: Site, change: Callable[[Site], None]
) -> None:
    change(site)

    assert ask(site) == {"output": "queued"}

    assert site.beside() == {SCENE}
    (line,) = site.lines
    assert f"Scene {SCENE}: queued beside the database" in line


def test_the_edit_beside_a_newer_database_names_the_remedy_and_the_newer_version_takes_it_in(
    site: Site,
) -> None:
    _newer_schema(site)

    ask(site)

    (line,) = site.lines
    assert line.endswith("install the newer version again")
    assert "Free the database" not in line
    connection = sqlite3.connect(site.path)  # what is that version's own here
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.close()
    queue = QueueManager(str(site.queue))
    assert queue.take_in(site.lines.append) == 1
    queue.close()
    assert site.queued() == {*BEFORE, SCENE}


def test_an_event_of_no_interest_says_nothing_of_a_newer_database(site: Site) -> None:
    _newer_schema(site)

    assert answer_hook(site.script, uninteresting(site)) == {"output": "nothing to sync"}

    assert site.lines == []


def test_a_hook_leaves_its_edit_beside_damage_that_nobody_can_set_aside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, while another program has the file open."""
    _not_a_database(site)
    monkeypatch.setattr(sync_queue.rescue, "replace_file", _refusing(site.path))

    assert ask(site) == {"output": "queued"}

    assert site.beside() == {SCENE}
    assert site.set_aside() == []
    (line,) = site.lines
    assert f"Scene {SCENE}: queued beside the database, which is unusable now: " in line
    assert "in use" in line


def _refusing(path: Path) -> Callable[[str, str], None]:
    def replace(old: str, new: str) -> None:
        if old == str(path):
            raise PermissionError(errno.EACCES, "the file is in use", old)
        replace_file(old, new)

    return replace


@pytest.mark.parametrize("hold", [_locked, _exclusive], ids=["locked", "exclusive"])
def test_a_hook_leaves_its_edit_beside_a_database_that_is_held(site: Site, hold: Hold) -> None:
    with hold(site):
        assert ask(site) == {"output": "queued"}

    assert site.beside() == {SCENE}
    assert site.queued() == set(BEFORE)
    assert site.lines == [f"Scene {SCENE}: queued beside the database, which is busy"]
    queue = QueueManager(str(site.queue))
    assert queue.take_in(site.lines.append) == 1
    queue.close()
    assert site.queued() == {*BEFORE, SCENE}
    assert site.beside() == set()


def test_a_hook_on_a_full_disk_loses_nothing_in_silence(site: Site) -> None:
    with own_disk(site) as filler:
        fill_up(filler)
        reply = ask(site)
        filler.unlink()

        assert site.queued() == set(BEFORE)
        assert site.beside() == set()
        assert f"Scene {SCENE}: the edit could not be queued" in reply["error"]
        assert "Sync Recent Scenes to Plex" in reply["error"]
        assert site.lines == [reply["error"]]
        site.lines.clear()
        assert ask(site) == {"output": "queued"}
        assert site.queued() == {*BEFORE, SCENE}


def test_a_hook_of_no_interest_says_nothing_of_a_database_that_is_held(site: Site) -> None:
    with _exclusive(site):
        assert answer_hook(site.script, uninteresting(site)) == {"output": "nothing to sync"}
    assert site.lines == []


def uninteresting(site: Site) -> dict[str, Any]:
    """The message of an event that asks for nothing."""
    message = site.message()
    message["args"]["hookContext"] |= {
        "input": {"id": "1", "play_count": 3}, "inputFields": ["id", "play_count"]
    }  # fmt: skip
    return message


@pytest.mark.parametrize("damage", [_not_a_database, _cut_in_half], ids=["no database", "cut"])
def test_six_hooks_that_find_the_damage_at_once_lose_no_edit(
    site: Site, damage: Callable[[Site], None]
) -> None:
    (site.root / "Stash2Plex.py").symlink_to(REPOSITORY / "Stash2Plex.py")
    damage(site)
    scenes = range(SCENE, SCENE + 6)

    with ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda one: _hook_process(site, one), scenes))

    for run in runs:
        assert json.loads(run.stdout) == {"output": "queued"}
        trouble = [line for line in run.stderr.splitlines() if not line.endswith(b": queued")]
        assert len(trouble) <= 1
    assert site.queued() | site.beside() == set(scenes)
    assert len(site.set_aside()) == 1
    assert sum(b"was damaged" in run.stderr for run in runs) == 1


def _hook_process(site: Site, scene_id: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-S", str(REPOSITORY / "Stash2Plex.py")],
        input=json.dumps(site.message(scene_id)).encode(),
        env={**os.environ, "STASH_PLUGIN_DATA": str(site.root / "data")},
        capture_output=True,
        check=True,
        timeout=30,
    )


# -- the worker and the tasks ---------------------------------------------------------------------


def _claim(queue: QueueManager, _claims: list[Claim]) -> object:
    return queue.claim(50)


def _postpone(queue: QueueManager, claims: list[Claim]) -> None:
    later = claims[0].job.postponed(NOW + 60, "PlexTemporaryError", counts=True)
    queue.give_back([Claim(claims[0].row_id, later)])


def _remember(queue: QueueManager, _claims: list[Claim]) -> None:
    queue.sync_log.remember_item(1, "server", 1, ItemRecord("digest", {"title": "T"}), NOW)


OPERATIONS: dict[str, Callable[[QueueManager, list[Claim]], object]] = {
    "claim": _claim,
    "finish": lambda queue, claims: queue.finish(claims),
    "postpone": _postpone,
    "bury": lambda queue, claims: queue.bury(claims[0], Failure("X", "why")),
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


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_on_a_locked_database_changes_nothing_and_works_afterwards(
    site: Site, operation: Callable[[QueueManager, list[Claim]], object]
) -> None:
    queue = QueueManager(str(site.queue), lambda: NOW)
    claims = [] if operation is _claim else queue.claim(2)
    before = _contents(site)
    with _locked(site):
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            operation(queue, claims)
        assert not is_damage(caught.value)
        assert _contents(site) == before
        assert not queue._queue.connection.in_transaction

    operation(queue, claims)

    assert _contents(site) != before
    queue.close()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_on_a_full_disk_happens_as_a_whole_or_not_at_all(
    site: Site, operation: Callable[[QueueManager, list[Claim]], object]
) -> None:
    with own_disk(site) as filler:
        queue = QueueManager(str(site.queue), lambda: NOW)
        claims = [] if operation is _claim else queue.claim(2)
        before = _contents(site)
        fill_up(filler)
        with pytest.raises(sqlite3.OperationalError, match=r"full|I/O") as caught:
            operation(queue, claims)
        assert not is_damage(caught.value)
        assert not queue._queue.connection.in_transaction
        assert _contents(site) == before
        filler.unlink()

        operation(queue, claims)

        assert _contents(site) != before
        queue.close()


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


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_on_a_disk_that_fails_happens_as_a_whole_or_not_at_all(
    site: Site, operation: Callable[[QueueManager, list[Claim]], object]
) -> None:
    queue = QueueManager(str(site.queue), lambda: NOW)
    claims = [] if operation is _claim else queue.claim(2)
    before = _contents(site)
    with _failing_disk(site):
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error") as caught:
            operation(queue, claims)
        assert not is_damage(caught.value)
        assert not queue._queue.connection.in_transaction
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
    queue._queue.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    queue._queue.connection.execute("PRAGMA shrink_memory")
    _corrupt_pages(site)
    other = sqlite3.connect(site.path)  # whose commit makes the worker's cache stale
    other.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    other.close()
    with pytest.raises(sqlite3.DatabaseError) as raised:
        operation(queue, claims)
    assert is_damage(raised.value)
    assert not queue._queue.connection.in_transaction
    queue.close()


@pytest.mark.parametrize("hold", [_locked], ids=["locked"])
def test_the_status_is_readable_while_somebody_writes(site: Site, hold: Hold) -> None:
    queue = QueueManager(str(site.queue), lambda: NOW)
    with hold(site):
        assert queue.stats() == {"pending": 3, "retrying": 0, "in_progress": 0}
        assert queue.dead_letters.count() == 0
        assert queue.next_due() == 0.0
        assert queue.has_unfinished()
        assert queue.queued_scene_ids() == set(BEFORE)
    queue.close()


def test_a_newer_database_is_left_alone_by_the_worker(site: Site) -> None:
    _newer_schema(site)
    before = site.path.read_bytes()

    with pytest.raises(NewerSchemaError, match="install the newer version again"):
        QueueManager(str(site.queue))

    assert site.path.read_bytes() == before


@pytest.mark.parametrize("mode", ["queue_status", "recent"])
@pytest.mark.parametrize(
    "fault",
    [
        "newer schema",
        "not a database",
        "the folder is a file",
    ],
)
def test_a_task_answers_in_words(site: Site, mode: str, fault: str) -> None:
    {**UNUSABLE, **DAMAGE, **BESIDE}[fault](site)
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
    assert b"A bug of Stash2Plex" not in run.stderr
    assert "Traceback" not in run.stderr.decode()
    assert "there are:" not in reply.get("error", "")

"""R1: SIGKILL at named points, every commit and every HTTP boundary on a job's way.

The installed copy of the plugin gets a call before or after a line of its source; the call kills
its own process when the test has armed that point, and leaves a mark first, so that each case
proves that its point was reached. Real hooks, real workers, the real recover task.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypedDict

import pytest

from shared.file_lock import FileLock
from simulators.plex import Request
from simulators.plex.faults import Where
from simulators.rig import Rig, png
from sync_queue.database import connect
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.operations import FORGET, METADATA, enqueue, entity_job, scene_job
from sync_queue.rescue import REBUILT_MARKER, put_into_inbox
from sync_queue.schema import IN_PROGRESS
from tests.soak.nursery import Nursery

pytestmark = pytest.mark.xdist_group("kill_points")

SCENES = 150  # at least one for each case
KILLER = """
import os, signal
FOLDER = os.path.dirname(os.path.abspath(__file__))
hits = 0
def at(name):
    global hits
    try:
        with open(os.path.join(FOLDER, "armed")) as file:
            armed, wanted = file.read().split()
    except FileNotFoundError:
        return
    if armed != name:
        return
    hits += 1
    if hits == int(wanted):
        os.rename(os.path.join(FOLDER, "armed"), os.path.join(FOLDER, "reached"))
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
"""

Prepare = Callable[["Bench", int], None]


@dataclass(frozen=True)
class Point:
    """A place in the plugin's source: a call of `at(name)` comes before or after this line."""

    name: str
    file: str
    anchor: str
    after: bool = False


def around(name: str, file: str, anchor: str) -> tuple[Point, Point]:
    """Both sides of a line."""
    return Point(f"{name}.before", file, anchor), Point(f"{name}.after", file, anchor, after=True)


BATCH, ACK, MANAGER = "worker/batch.py", "sync_queue/ack_queue.py", "sync_queue/manager.py"
PROCESSOR, SETTLEMENT = "worker/processor.py", "worker/settlement.py"
FINDER, WRITER = "worker/item_finder.py", "worker/item_writer.py"
COVERS = "worker/cover_sync.py"
ENTITY_JOBS = "worker/entity_jobs.py"
OPERATIONS, HOOK = "sync_queue/operations.py", "app/hook_process.py"
RESCUE = "sync_queue/rescue.py"
LAUNCHER, TABLES, DLQ_TASK = "worker/launcher.py", "sync_queue/tables.py", "tasks/dead_letters.py"

SPAWN = "os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)"
RETURN_JOB = "connection.execute(_RETURN, (encode(claim.job.as_dict()), claim.row_id))"
EDIT = "outcome = self._session.client.edit(item, edit.fields, alone=alone)"
REMEMBER_SENT = "log.remember_item(one.scene.id, server_id, item.rating_key, record, self._clock())"
REMEMBER_IMAGE = (
    "self._queue.sync_log.remember_image(scene.id, self._server_id, item.rating_key, kind, sha1)"
)

CLAIM = (
    *around("begin.resume", PROCESSOR, "self._queue.resume()"),
    *around("begin.make_due", PROCESSOR, "self._queue.make_due(LONGEST_BACKOFF)"),
    *around("step.take_in", PROCESSOR, "self._queue.take_in(self._log.error)"),
    *around("step.session", PROCESSOR, "session = self._session()"),
    *around(
        "step.claim",
        PROCESSOR,
        "claims = self._queue.claim(1 if self._guard.is_away else self._limit)",
    ),
    *around("claim.take", ACK, "connection.execute(_TAKE, (row_id,))"),
    *around("step.give_back", PROCESSOR, "self._queue.give_back(list(unsettled.values()))"),
    *around("step.stats", PROCESSOR, "self._settlement.batch_ended()"),
)
WRITE = (
    *around("read.scenes", BATCH, "scenes = self._scenes.read(list(by_scene))"),
    *around("read.library", BATCH, "self._session.library.prepare()"),
    *around("match", FINDER, "one.matching = self._session.matcher.find_by_path(one.scene.files)"),
    *around(
        "read.items",
        FINDER,
        "items = self._session.client.read_items(sorted(keys), self._batch)",
    ),
    *around("originals", BATCH, "writer.keep_originals(work)"),
    Point("originals.inside", WRITER, "with self._queue.transaction():", after=True),
    *around("write.edit", WRITER, EDIT),
    *around("write.remember", WRITER, REMEMBER_SENT),
    Point("write.covers", WRITER, "changed += sorted(cover.uploaded)"),
    *around("image.read", COVERS, "cover = self._images.cover(scene.id, _stashs_tag(result.tag))"),
    *around("image.lock", BATCH, "writer.lock_images([cover for _, cover in unlocked])"),
    Point("verify.read", WRITER, "self._verification.run()"),
)
IMAGES = (
    *around(
        "image.upload",
        COVERS,
        "self._client.upload_image(item.rating_key, kind, cover.data)",
    ),
    *around("image.remember", COVERS, REMEMBER_IMAGE),
)
FINISH = (
    Point("done.begun", SETTLEMENT, "with self.queue.transaction():"),
    Point("done.inside", SETTLEMENT, "with self.queue.transaction():", after=True),
    *around(
        "done.record", SETTLEMENT, "self.queue.sync_log.remember_scene(scene_id, result.record)"
    ),
    *around("done.finish", SETTLEMENT, "self.queue.finish(result.claims)"),
    Point("finish.removed", MANAGER, "self._queue.remove(claim.row_id for claim in claims)", True),
    Point("finish.forgotten", MANAGER, "self.dead_letters.forget_scene(scene_id)", True),
    *around("done.counted", SETTLEMENT, "self.stats.succeeded(seconds)"),
)
POSTPONE = (
    *around("postpone", SETTLEMENT, "self.queue.give_back([Claim(claim.row_id, later)])"),
    *around("give_back.return", ACK, RETURN_JOB),
)
RESUME = (
    Point("resume.begun", ACK, "taken = connection.execute(_SELECT_TAKEN).fetchall()", True),
    *around("resume.one", ACK, "self.give_back([Claim(row_id, SyncJob.parse(data))])"),
)
RESUME_MERGED = around("resume.merged", ACK, "connection.execute(_DELETE_TAKEN, (claim.row_id,))")
BURY = (
    *around(
        "bury",
        SETTLEMENT,
        "self.queue.bury(claim, self._failure(error))",
    ),
    Point("bury.removed", MANAGER, "self._queue.remove([claim.row_id])", True),
    Point("bury.added", MANAGER, "self.dead_letters.add(claim.job, failure, self.clock())", True),
)
UNREADABLE = (
    *around("unreadable.remove", MANAGER, "self._queue.remove([row_id])"),
    Point(
        "unreadable.added",
        MANAGER,
        "self.dead_letters.add(nameless, Failure(_UNREADABLE, reason), now)",
        True,
    ),
)
PASS_ON = (
    *around(
        "entity.read",
        ENTITY_JOBS,
        "sent = self._queue.entity_log.digests(session.library.server_id, ids)",
    ),
    Point("entity.inside", ENTITY_JOBS, "self._queue.forget_scenes(page.gone)"),
    *around("entity.put", MANAGER, "operations.put(connection, job, self.clock())"),
    Point("entity.queued", ENTITY_JOBS, "for scene_id, fate in fates.items():"),
    *around("entity.done", SETTLEMENT, "self.queue.finish(result.claims, healthy=False)"),
)
FORGET_SCENE = (
    *around("forget.log", MANAGER, "self.sync_log.forget_scene(one)"),
    *around("forget.waiting", MANAGER, "self._queue.drop_waiting(one)"),
    Point("forget.done", SETTLEMENT, "self.stats.succeeded(seconds)"),
)
TAKE_IN = (
    *around("take_in.enqueue", MANAGER, "self.enqueue([job])"),
    *around("take_in.unlink", MANAGER, "remove_file(path)"),
)
REVIVE = (
    Point("revive.begun", MANAGER, "if not self.dead_letters.remove(letter.id):"),
    *around("revive.put", MANAGER, "operations.put(connection, fresh.as_dict(), self.clock())"),
    Point("revive.committed", "sync_queue/dlq_recovery.py", "result.recovered += 1"),
    *around("revive.wake", DLQ_TASK, "context.ensure_worker()"),
)
HOOK_LOSES = (  # the edit was not accepted: Stash told its user so, the next save brings it
    Point(
        "hook.begun",
        HOOK,
        'jobs = jobs_for_hook(message["args"]["hookContext"], time.time())',
    ),
    Point("hook.connected", HOOK, "database = connect(path, busy_timeout=LONGEST_WAIT)", True),
    *around("enqueue.begin", OPERATIONS, 'connection.execute("BEGIN IMMEDIATE")'),
    *around("enqueue.insert", OPERATIONS, "connection.execute(_INSERT, (encode(job), now))"),
    Point("enqueue.commit", OPERATIONS, 'connection.execute("COMMIT")'),
)
HOOK_KEEPS = (
    Point("enqueue.committed", OPERATIONS, 'connection.execute("COMMIT")', True),
    Point(
        "hook.stored",
        HOOK,
        "ensure_worker(script, FileLock(folder.worker_lock), server_connection)",
    ),
    Point(
        "hook.answering",
        HOOK,
        'return {"output": "queued" if jobs else "nothing to sync"}',
    ),
)
HOOK_MERGES = around("merge", OPERATIONS, "connection.execute(_REPLACE, (encode(fresh), row[0]))")
SCHEMA_MAKING = (
    Point("schema.wal", TABLES, "use_wal(reopen, BUSY_TIMEOUT)"),
    Point("schema.begin", TABLES, 'connection.execute("BEGIN IMMEDIATE")'),
    *around("schema.table", TABLES, "connection.execute(statement)"),
    *around("schema.commit", TABLES, 'connection.execute("COMMIT")'),
)
INBOX_LOSES = (
    Point("inbox.begun", RESCUE, "os.makedirs(inbox, mode=0o700, exist_ok=True)"),
    Point("inbox.opened", RESCUE, "json.dump(content, file)"),
    Point("inbox.written", RESCUE, "file.flush()", True),
    Point("inbox.synced", RESCUE, "os.fsync(file.fileno())", True),
    Point("inbox.rename", RESCUE, "replace_file(temporary, path)"),
)
INBOX_KEEPS = (Point("inbox.renamed", RESCUE, "replace_file(temporary, path)", True),)
LAUNCH = (
    Point("launch.elected", LAUNCHER, 'message = dumps(server_connection).encode("utf-8")'),
    Point("launch.spawn", LAUNCHER, SPAWN),
    Point("launch.told", LAUNCHER, "os.write(writer, message)", True),
)
SPAWNED = Point("launch.spawned", LAUNCHER, SPAWN, True)
POINTS = (
    SPAWNED,
    *(CLAIM + WRITE + IMAGES + FINISH + POSTPONE + RESUME + RESUME_MERGED + BURY + UNREADABLE),
    *(
        PASS_ON
        + FORGET_SCENE
        + TAKE_IN
        + REVIVE
        + HOOK_LOSES
        + HOOK_KEEPS
        + HOOK_MERGES
        + SCHEMA_MAKING
    ),
    *(INBOX_LOSES + INBOX_KEEPS + LAUNCH),
)


def instrument(folder: Path, point: Point) -> None:
    """Put the call beside the one line that reads so, or inside the block that it opens."""
    path = folder / point.file
    lines = path.read_text().splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.strip() == point.anchor]
    assert len(found) == 1, f"{point.name}: {len(found)} lines read {point.anchor!r}"
    line = lines[found[0]]
    indent = line[: len(line) - len(line.lstrip())]
    if point.after and point.anchor.endswith(":"):
        indent += "    "
    lines.insert(found[0] + point.after, f'{indent}__import__("killer").at("{point.name}")\n')
    path.write_text("".join(lines))


class Bench:
    """One rig with all points in the plugin's source, and a nursery for its workers."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        folder = rig.manifest.directory
        self._armed, self._reached = folder / "armed", folder / "reached"
        (folder / "killer.py").write_text(KILLER)
        for point in POINTS:
            instrument(folder, point)
        hook = folder / HOOK
        text = hook.read_text()
        assert "LONGEST_WAIT = 0.8" in text
        hook.write_text(text.replace("LONGEST_WAIT = 0.8", "LONGEST_WAIT = 0.02"))
        self._ids = [rig.add_pair(f"s{number:05}")[0] for number in range(SCENES)]
        self._fresh = iter(self._ids)
        self._numbers = count(1)
        self.queue_folder = rig.data / "queue"
        self.queue_folder.mkdir(mode=0o700, parents=True)
        self.lock = FileLock(str(rig.data / "worker.lock"))
        self.lock.acquire()
        self.database = self._connect()
        self._nursery = Nursery(folder / "Stash2Plex.py")
        self._stdin = json.dumps(rig.stash.server_connection()).encode()
        self._worker: int | None = None
        self.mark = 0
        self.judged = False
        self.deliver(self.next_scene())

    def close(self) -> None:
        self.end_worker()
        self._nursery.close()
        self.database.close()
        self.lock.release()

    def _connect(self) -> sqlite3.Connection:
        return connect(str(self.queue_folder / "data.db"))

    def forget_database(self) -> None:
        """Make the next process the first one ever."""
        self.database.close()
        for path in self.queue_folder.glob("data.db*"):
            path.unlink()

    def reopen(self) -> None:
        self.database.close()
        self.database = self._connect()

    # -- edits and points -----------------------------------------------------------------------

    def next_scene(self) -> int:
        """A scene that nobody has edited yet; edit it, tell nobody."""
        self.mark, self.judged = self.rig.plex.log.mark(), False
        scene_id = next(self._fresh)
        self.change(scene_id)
        return scene_id

    def change(self, scene_id: int) -> None:
        number = next(self._numbers)
        self.rig.stash.update_scene(
            scene_id, title=f"Title {number}", tags=[f"Tag {number}"], cover=png(number)
        )

    def put(self, scene_id: int) -> None:
        """Do what a hook does."""
        now = time.time()
        enqueue(self.database, [scene_job(scene_id, METADATA, now)], now)

    def arm(self, name: str, hit: int = 1) -> None:
        self._reached.unlink(missing_ok=True)
        self._armed.write_text(f"{name} {hit}")

    def reached(self, name: str) -> bool:
        """Whether a process was killed at the armed point; disarm it."""
        self._armed.unlink(missing_ok=True)
        return self._reached.exists() and self._reached.read_text().split()[0] == name

    # -- workers --------------------------------------------------------------------------------

    def start_worker(self) -> int:
        assert self.lock.descriptor is not None
        self._worker = self._nursery.start_worker(self.lock.descriptor, self._stdin)
        self.lock.release()
        return self._worker

    def await_death(self) -> None:
        """The kernel gives the lock back when the worker is gone; then it is ours."""
        assert until(self.lock.try_acquire), f"the worker lives: {self.rig.worker_log()[-600:]}"
        self._worker = None
        assert self.rig.plex.log.wait_until_idle()

    def end_worker(self) -> None:
        if self._worker is not None:
            os.kill(self._worker, signal.SIGKILL)
            self.await_death()

    # -- judging --------------------------------------------------------------------------------

    def differences(self, scene_id: int) -> list[str]:
        found = self.rig.verdict().differences
        return [text for text in found if int(text.split()[1].rstrip(",:")) == scene_id]

    def inbox(self) -> list[Path]:
        return list((self.queue_folder / "inbox").glob("*.json"))

    def jobs(self) -> int:
        return int(self.database.execute("SELECT COUNT(*) FROM ack_queue_default").fetchone()[0])

    def dead_letters(self) -> int:
        return int(self.database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])

    def is_accounted_for(self, scene_id: int) -> bool:
        """Whether the scene is in Plex, or something durable still says that it has to be."""
        kept = self.jobs() or self.inbox() or self.dead_letters()
        return bool(kept) or not self.differences(scene_id)

    def drain(self) -> None:
        """Let one worker that nobody kills do everything, also what was put off."""
        self.database.execute(
            "UPDATE ack_queue_default SET data = CAST(json_set(CAST(data AS TEXT), "
            "'$.next_retry_at', 0.0) AS BLOB) WHERE json_type(CAST(data AS TEXT)) = 'object'"
        )
        self.start_worker()
        drained = until(lambda: not self.inbox() and not self.jobs())
        assert drained, self.rig.worker_log()[-2000:]
        self.end_worker()

    def deliver(self, scene_id: int) -> None:
        self.put(scene_id)
        self.drain()
        assert self.differences(scene_id) == []

    def recover_and_judge(self, scene_id: int) -> None:
        """What must hold after any kill, whatever it hit."""
        self.reopen()
        assert self.is_accounted_for(scene_id), "the scene was lost"
        self.drain()
        if self.dead_letters():
            self.put(scene_id)  # its next edit
            self.drain()
        self.judge()

    def judge(self) -> None:
        differences = self.rig.verdict().differences
        assert differences == ()
        assert self.database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert self.jobs() == 0
        assert self.inbox() == []
        self.assert_no_write_more_than_once_repeated()
        self.judged = True

    def assert_no_write_more_than_once_repeated(self) -> None:
        done = [one for one in self.rig.plex.log.writes(self.mark) if one.status in (200, None)]
        counts = Counter(_signature(one) for one in done)
        repeated = sum(number - 1 for number in counts.values())
        assert repeated <= 1, counts


def _signature(request: Request) -> str:
    query = sorted(pair for pair in request.query if "token" not in pair[0].lower())
    return f"{request.method} {request.path} {query}"


def until(holds: Callable[[], bool], timeout: float = 15.0) -> bool:
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.003)
    return True


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Rig(tmp_path_factory.mktemp("kill_points") / "rig") as rig:
        bench = Bench(rig)
        yield bench
        bench.close()


@pytest.fixture(autouse=True)
def _tidy(bench: Bench) -> Iterator[None]:
    """A case that failed leaves nothing to the next one."""
    yield
    bench.rig.plex.faults.clear()
    bench.reached("")
    bench.end_worker()
    bench.rig.stop_worker()
    bench.lock.acquire()
    bench.reopen()
    bench.database.execute("DELETE FROM ack_queue_default")
    bench.database.execute("DELETE FROM dead_letters")
    for path in bench.inbox():
        path.unlink()
    if not bench.judged:
        different = bench.rig.verdict().differences
        for scene_id in {int(text.split()[1].rstrip(",:")) for text in different}:
            bench.rig.stash.remove_scene(scene_id)


def ids(points: tuple[Point, ...]) -> list[object]:
    return [pytest.param(point.name, id=point.name) for point in points]


# -- what a worker is killed with in front of it ----------------------------------------------


def an_edit(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)


def a_temporary_error(bench: Bench, scene_id: int) -> None:
    bench.rig.plex.faults.status(500, kind="edit", times=1)
    bench.put(scene_id)


def a_refusal(bench: Bench, scene_id: int) -> None:
    # Of an edit of seven fields, which are tried together and then one by one.
    bench.rig.plex.faults.status(400, kind="edit", times=8)
    bench.put(scene_id)


def a_dead_workers_job(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)
    bench.database.execute(f"UPDATE ack_queue_default SET status = {IN_PROGRESS}")


def a_dead_workers_job_and_a_newer_edit(bench: Bench, scene_id: int) -> None:
    a_dead_workers_job(bench, scene_id)
    bench.put(scene_id)


def a_row_that_is_no_job(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)
    bench.database.execute(
        "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, 0, 1)", (b"{}",)
    )


def a_job_in_the_inbox(bench: Bench, scene_id: int) -> None:
    put_into_inbox(str(bench.queue_folder), scene_job(scene_id, METADATA, time.time()))


def a_renamed_tag(bench: Bench, scene_id: int) -> None:
    bench.deliver(scene_id)
    (tag,) = bench.rig.stash.scene(scene_id).tag_ids
    bench.rig.stash.library.tags.update(tag, name=f"Renamed {tag}")
    enqueue(bench.database, [entity_job("tag", tag, time.time())], time.time())


WORKER_CASES = [
    pytest.param(prepare, point.name, hit, id=f"{point.name}-{hit}-{prepare.__name__}")
    for prepare, points, hits in (
        (an_edit, CLAIM + WRITE + FINISH, (1,)),
        (an_edit, IMAGES, (1, 2)),  # poster and art
        (a_temporary_error, POSTPONE, (1,)),
        (a_refusal, BURY, (1,)),
        (a_dead_workers_job, RESUME, (1,)),
        (a_dead_workers_job_and_a_newer_edit, RESUME_MERGED, (1,)),
        (a_row_that_is_no_job, UNREADABLE, (1,)),
        (a_job_in_the_inbox, TAKE_IN, (1,)),
        (a_renamed_tag, PASS_ON, (1,)),
    )
    for point in points
    for hit in hits
]


@pytest.mark.parametrize(("prepare", "name", "hit"), WORKER_CASES)
def test_a_worker_killed_here_loses_nothing(
    bench: Bench, prepare: Prepare, name: str, hit: int
) -> None:
    scene_id = bench.next_scene()
    prepare(bench, scene_id)
    bench.arm(name, hit)

    bench.start_worker()
    bench.await_death()

    assert bench.reached(name)
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", ids(FORGET_SCENE))
def test_a_worker_killed_while_it_forgets_a_scene_leaves_nothing_of_it(
    bench: Bench, name: str
) -> None:
    scene_id = bench.next_scene()
    bench.deliver(scene_id)
    bench.rig.stash.remove_scene(scene_id)
    now = time.time()
    later = scene_job(scene_id, METADATA, now, due=now + 3000)
    enqueue(bench.database, [later, scene_job(scene_id, FORGET, now)], now)
    bench.arm(name)

    bench.start_worker()
    bench.await_death()

    assert bench.reached(name)
    bench.recover_and_judge(scene_id)
    for table in ("sync_log", "scene_log"):
        count = f"SELECT COUNT(*) FROM {table} WHERE scene_id = ?"
        assert bench.database.execute(count, (scene_id,)).fetchone() == (0,)


# -- requests --------------------------------------------------------------------------------------


class Boundary(TypedDict):
    """Which request hangs while the worker is killed."""

    where: Where
    new_index: bool


def _locks(request: Request) -> bool:
    return request.param("thumb.locked") is not None


BOUNDARIES: dict[str, Boundary] = {
    "sections": {"where": {"kind": "sections", "times": 1}, "new_index": True},
    "listing": {"where": {"kind": "listing", "times": 1}, "new_index": True},
    "metadata": {"where": {"kind": "metadata", "times": 1}, "new_index": False},
    "edit": {"where": {"kind": "edit", "times": 1}, "new_index": False},
    "poster": {"where": {"kind": "poster_upload", "times": 1}, "new_index": False},
    "art": {"where": {"kind": "art_upload", "times": 1}, "new_index": False},
    "lock images": {"where": {"kind": "edit", "times": 1, "predicate": _locks}, "new_index": False},
}


@pytest.mark.parametrize("applied", [False, True], ids=["unapplied", "applied"])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_worker_killed_while_plex_answers_loses_nothing(
    bench: Bench, boundary: str, applied: bool
) -> None:
    scene_id = bench.next_scene()
    bench.put(scene_id)
    chosen = BOUNDARIES[boundary]
    if chosen["new_index"]:
        for path in bench.rig.data.glob("library*"):
            path.unlink()
    hang = bench.rig.plex.faults.hang(applied=applied, **chosen["where"])

    pid = bench.start_worker()
    assert hang.wait_for_hit(timeout=15), bench.rig.worker_log()[-600:]
    if applied and boundary not in ("sections", "listing", "metadata"):
        assert until(lambda: _is_applied(bench, scene_id, boundary))
    os.kill(pid, signal.SIGKILL)
    bench.await_death()

    bench.recover_and_judge(scene_id)


def _is_applied(bench: Bench, scene_id: int, boundary: str) -> bool:
    item = bench.rig.item_of(scene_id)
    applied = {
        "edit": item.title == bench.rig.stash.scene(scene_id).title,
        "poster": item.poster is not None,
        "art": item.art is not None,
        "lock images": "thumb" in item.locks,
    }
    return applied[boundary]


# -- hooks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ids(HOOK_LOSES))
def test_a_hook_killed_before_its_commit_harms_nothing_and_the_next_one_brings_the_edit(
    bench: Bench, name: str
) -> None:
    scene_id = bench.next_scene()
    bench.arm(name)

    bench.rig.stash.edit_scene(scene_id, title="Not accepted")

    assert bench.reached(name)
    assert bench.jobs() == 0
    bench.rig.stash.edit_scene(scene_id, title="Accepted")
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", ids(HOOK_KEEPS))
def test_a_hook_killed_after_its_commit_has_queued_its_edit(bench: Bench, name: str) -> None:
    scene_id = bench.next_scene()
    bench.arm(name)

    bench.rig.stash.edit_scene(scene_id, title="Accepted")

    assert bench.reached(name)
    assert bench.jobs() == 1
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", ids(HOOK_MERGES))
def test_a_hook_killed_while_it_merges_leaves_the_job_that_waited(bench: Bench, name: str) -> None:
    scene_id = bench.next_scene()
    bench.put(scene_id)
    bench.arm(name)

    bench.rig.stash.edit_scene(scene_id, title="Newer")

    assert bench.reached(name)
    assert bench.jobs() == 1
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", ids(SCHEMA_MAKING))
def test_a_hook_killed_while_it_makes_the_database_leaves_one_that_the_next_completes(
    bench: Bench, name: str
) -> None:
    scene_id = bench.next_scene()
    bench.forget_database()
    bench.arm(name)

    bench.rig.stash.edit_scene(scene_id, title="Not accepted")

    assert bench.reached(name)
    assert bench.rig.stash.edit_scene(scene_id, title="Accepted")[0].result.output == "queued"
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", ids(INBOX_LOSES + INBOX_KEEPS))
def test_a_hook_killed_while_it_leaves_its_job_in_the_inbox(bench: Bench, name: str) -> None:
    scene_id = bench.next_scene()
    bench.arm(name)
    bench.database.execute("BEGIN IMMEDIATE")

    bench.rig.stash.edit_scene(scene_id, title="One")

    bench.database.execute("ROLLBACK")
    assert bench.reached(name)
    kept = name in [point.name for point in INBOX_KEEPS]
    assert len(bench.inbox()) == int(kept)
    if not kept:
        bench.rig.stash.edit_scene(scene_id, title="Two")
    bench.recover_and_judge(scene_id)


@pytest.mark.parametrize("name", [*ids(LAUNCH), SPAWNED.name])
def test_a_hook_killed_while_it_starts_a_worker_keeps_no_worker_from_running(
    bench: Bench, name: str
) -> None:
    scene_id, other = bench.next_scene(), bench.next_scene()
    # What a point before this one asked for would have the worker queue all scenes anew.
    (bench.queue_folder / REBUILT_MARKER).unlink(missing_ok=True)
    bench.arm(name)
    bench.lock.release()

    bench.rig.stash.edit_scene(scene_id, title="One")
    assert bench.reached(name)
    bench.rig.stash.edit_scene(other, title="Two")

    until(lambda: not bench.jobs() or "Stash does not answer" in bench.rig.worker_log()[-300:])
    assert bench.jobs() == 0, bench.rig.worker_log()[-1500:]
    bench.rig.stop_worker()
    bench.await_death()
    bench.judge()


# -- the recover task ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ids(REVIVE))
def test_a_recover_task_killed_here_loses_no_dead_letter(bench: Bench, name: str) -> None:
    scene_id = bench.next_scene()
    now = time.time()
    manager = QueueManager(str(bench.queue_folder))
    bench.put(scene_id)
    (claim,) = manager.claim(1)
    manager.bury(claim, Failure("PlexServerDown", "away"))
    manager.close()
    outage = {"started_at": now - 60, "ended_at": now + 60, "jobs_affected": 1}
    (bench.rig.data / "outage_history.json").write_text(json.dumps([outage]))
    bench.arm(name)

    bench.rig.task("recover_outage_jobs")

    assert bench.reached(name)
    assert bench.jobs() + bench.dead_letters() == 1
    bench.recover_and_judge(scene_id)
    assert bench.dead_letters() == 0

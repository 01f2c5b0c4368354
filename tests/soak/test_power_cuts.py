"""R3: the power goes, and the write-ahead log ends anywhere.

What hooks and a worker wrote is copied with its log cut at the ends of frames and inside of them,
sometimes with garbage behind the cut. What opens then is exactly the last commit before it: so no
job that a hook had committed, with `synchronous=FULL`, before the cut is missing.
"""

import os
import random
import shutil
import sqlite3
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sync_queue.database import connect
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, enqueue, get_queued_scene_ids, scene_job
from sync_queue.spool import store
from sync_queue.sync_log import SceneRecord
from tests.reported import no_report

CUTS = 500 if os.environ.get("SOAK") else 120
ROUNDS = 12
WAL_HEADER, FRAME_HEADER = 32, 24

Rows = list[tuple[object, ...]]


@dataclass
class History:
    """What was written.

    Attributes:
        states: after each commit: the log's size, the queue's rows, the dead letters.
        accepted: after each hook: the log's size and its scene.
        finished: scenes whose job was finished or buried, at which size of the log.
    """

    folder: Path
    states: list[tuple[int, Rows, Rows]] = field(default_factory=list)
    accepted: list[tuple[int, int]] = field(default_factory=list)
    finished: dict[int, int] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "data.db"

    @property
    def wal(self) -> Path:
        return self.folder / "data.db-wal"

    def state_at(self, size: int) -> tuple[Rows, Rows]:
        last = [state for state in self.states if state[0] <= size]
        return (last[-1][1], last[-1][2]) if last else ([], [])

    def jobs_at(self, size: int) -> set[int]:
        return {
            scene_id
            for at, scene_id in self.accepted
            if at <= size and not self.finished.get(scene_id, size + 1) <= size
        }


def contents(connection: sqlite3.Connection) -> tuple[Rows, Rows]:
    return (
        connection.execute(
            "SELECT _id, data, status FROM ack_queue_default ORDER BY _id"
        ).fetchall(),
        connection.execute("SELECT id, scene_id, error_type FROM dead_letters").fetchall(),
    )


def write_history(folder: Path, *, checkpoint: bool) -> History:
    """Let hooks and a worker do all that they do; nobody closes the database, as in a power cut."""
    folder.mkdir()
    history = History(folder)
    reader = connect(str(history.database))
    manager = QueueManager(str(folder))
    hooks: list[sqlite3.Connection] = []  # a hook ends without closing its connection

    def note() -> None:
        queued, dead = contents(reader)
        history.states.append((history.wal.stat().st_size, queued, dead))

    note()
    for number in range(ROUNDS):
        for scene_id in range(number * 3 + 1, number * 3 + 4):
            hooks.append(connect(str(history.database)))
            now = float(scene_id)
            enqueue(hooks[-1], [scene_job(scene_id, METADATA, now)], now)
            note()
            history.accepted.append((history.states[-1][0], scene_id))
        first, second, third = manager.claim(3)
        note()
        with manager.transaction():
            assert first.job.scene_id is not None
            manager.sync_log.remember_scene(first.job.scene_id, SceneRecord("synced", 1.0))
            manager.ack([first])
        note()
        history.finished[first.job.scene_id] = history.states[-1][0]
        if number % 2:
            manager.dead_letter(second, Failure("PlexPermanentError", "no"))
            assert second.job.scene_id is not None
            note()
            history.finished[second.job.scene_id] = history.states[-1][0]
        else:
            manager.release([second])
            note()
        manager.resume()
        note()
        assert third.job.scene_id is not None
        if checkpoint and number == ROUNDS // 2:
            reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            history.states = [(0, *history.states[-1][1:])]
            history.accepted = [(0, scene_id) for _, scene_id in history.accepted]
            history.finished = dict.fromkeys(history.finished, 0)
    copied = folder.with_name(folder.name + "-after-the-cut")
    copied.mkdir()
    for path in (history.database, history.wal):
        shutil.copy(path, copied)
    for connection in (reader, *hooks):
        connection.close()
    manager.close()
    history.folder = copied
    return history


def cuts(wal: bytes, rng: random.Random, wanted: int) -> list[int]:
    (page_size,) = struct.unpack(">I", wal[8:12])
    frame = FRAME_HEADER + page_size
    ends = list(range(WAL_HEADER, len(wal) + 1, frame))
    assert ends[-1] == len(wal), "the log ends with a whole frame"
    inside = [
        *(end + rng.randrange(1, FRAME_HEADER) for end in ends[:-1]),
        *(end + rng.randrange(FRAME_HEADER, frame) for end in ends[:-1]),
        *(rng.randrange(WAL_HEADER) for _ in range(5)),
    ]
    half = wanted // 2
    some_ends = (
        ends if len(ends) <= half else [*rng.sample(ends[1:-1], half - 2), ends[0], len(wal)]
    )
    rest = wanted - len(some_ends)
    return sorted(some_ends + [rng.choice(inside) for _ in range(rest)])


@pytest.mark.parametrize("checkpoint", [False, True], ids=["all in the log", "checkpointed once"])
def test_the_last_commit_survives_any_end_of_the_log(tmp_path: Path, checkpoint: bool) -> None:
    history = write_history(tmp_path / "history", checkpoint=checkpoint)
    sizes = [size for size, _, _ in history.states]
    assert sizes == sorted(sizes), "the log was never begun anew, so its size tells the moment"
    wal = history.wal.read_bytes()
    rng = random.Random(3)
    chosen = cuts(wal, rng, CUTS)
    assert len(chosen) == CUTS

    for number, cut in enumerate(chosen):
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        shutil.copy(history.database, folder)
        garbage = rng.randbytes(rng.randrange(1, 6000)) if number % 3 == 0 else b""
        (folder / "data.db-wal").write_bytes(wal[:cut] + garbage)
        _judge(folder, cut, history)
        shutil.rmtree(folder)


def _judge(folder: Path, cut: int, history: History) -> None:
    connection = connect(str(folder / "data.db"))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), cut
    assert contents(connection) == history.state_at(cut), cut
    connection.close()

    manager = QueueManager(str(folder))
    manager.resume()
    assert get_queued_scene_ids(manager.connection) >= history.jobs_at(cut), cut
    manager.enqueue([scene_job(9999, METADATA, 1.0)])
    claims = manager.claim(1000)
    assert {claim.job.scene_id for claim in claims} >= history.jobs_at(cut) | {9999}, cut
    manager.ack(claims)
    assert not manager.has_unfinished()
    manager.close()


# the spool


@dataclass
class Disk:
    """What a file system may make of the spool in a power cut.

    Attributes:
        durable: names that a flush of the folder has covered.
        open: names that were created since, which may be there or not.
    """

    durable: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def after_a_cut(self, rng: random.Random) -> list[str]:
        """Any part of what was not flushed, in any order; none of what was flushed is missing."""
        names = self.durable + rng.sample(self.open, rng.randrange(len(self.open) + 1))
        rng.shuffle(names)
        return names


def test_an_accepted_edit_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    spool = tmp_path / "queue" / "spool"
    spool.mkdir(parents=True)
    disk = Disk()
    flush = os.fsync

    def flush_and_note(descriptor: int) -> None:
        assert os.readlink(f"/proc/self/fd/{descriptor}") == str(spool), "one flush, of the folder"
        disk.durable = sorted(os.listdir(spool))
        disk.open = []
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush_and_note)
    for cut in range(CUTS):
        accepted = {2 * cut + 1}
        store(str(spool), [f"metadata.scene_{2 * cut + 1}"])
        before = set(disk.durable)
        # The power goes while the next hook stores its jobs, before its flush.
        monkeypatch.setattr(os, "fsync", _power_goes)
        with pytest.raises(KeyboardInterrupt):
            store(str(spool), [f"metadata.scene_{2 * cut + 2}", f"path.scene_{2 * cut + 2}"])
        monkeypatch.setattr(os, "fsync", flush_and_note)
        disk.open = sorted(set(os.listdir(spool)) - before)
        after = tmp_path / f"cut{cut}" / "spool"
        after.mkdir(parents=True)
        for name in disk.after_a_cut(rng):
            (after / name).touch()  # its content, had it any, might be cut off anywhere
        (after / "connection").write_bytes(b'{"Port": 99'[: rng.randrange(12)])

        manager = QueueManager(str(after.parent))
        manager.import_spool(no_report)
        scenes = [claim.job.scene_id for claim in manager.claim(1000)]
        manager.close()

        assert accepted <= set(scenes), cut
        assert scenes == sorted(scenes, key=lambda scene_id: scene_id or 0), "in their order"
        for path in spool.iterdir():
            path.unlink()
        shutil.rmtree(after.parent)


def _power_goes(_descriptor: int) -> None:
    raise KeyboardInterrupt

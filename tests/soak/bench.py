"""The bench of the kill points: a rig whose processes can be killed at a named point."""

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import requests

from shared.file_lock import FileLock
from shared.files import acquire
from simulators.fork_server import ForkServer
from simulators.plex import Request
from simulators.rig import Rig, png
from simulators.tuning import Tuning
from sync_queue.database import connect
from sync_queue.operations import METADATA, enqueue, scene_job
from sync_queue.schema import DUE, IS_WAITING, TABLE
from tests.shared.locks import close_without_unlocking
from tests.soak import seams
from tests.soak.seams import WORKER

SCENES = 200  # at least one for each point
END_OF_STEP = "file:replace stats.json:after"


class Point(NamedTuple):
    """The n-th time that a process passes a point; see `tests.soak.seams`."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


def worth_killing(events: Iterable[str]) -> Iterator[tuple[Point, tuple[str, str]]]:
    """Yield the points that differ in what is durable, each with its name and the one before.

    The point before an effect is left out where it follows another effect, and so are a transaction
    that has only begun, and a point that is passed twice in a row.
    """
    counts, last = Counter[str](), ""
    for name in events:
        counts[name] += 1
        is_after = name.endswith(":after")
        follows = not is_after and last.endswith(":after")
        if name == last or follows or name.startswith("sql:BEGIN"):
            continue
        yield Point(name, counts[name]), (last, name)
        last = name


def _watch(folder: str) -> None:
    points = seams.Points(folder)
    seams.watch_files(points)
    seams.watch_database(points)


def _watch_requests(folder: str) -> None:
    seams.watch_requests(seams.Points(folder), requests.Session)


class Killer:
    """Kills processes of a rig's plugin at a point.

    Args:
        rig: its processes that start from now on can be killed.
        folder: an empty one.
    """

    def __init__(self, rig: Rig, folder: Path) -> None:
        self._folder = folder
        rig.alter(os, _watch, folder=str(folder))
        rig.alter(requests, _watch_requests, folder=str(folder))

    def arm(self, role: str, point: Point) -> None:
        (self._folder / "reached").unlink(missing_ok=True)
        (self._folder / "armed").write_text(f"{role}\t{point.name}\t{point.number}")

    def disarm(self) -> None:
        (self._folder / "armed").unlink(missing_ok=True)

    @property
    def has_killed(self) -> bool:
        return (self._folder / "reached").exists()


class Bench:
    """One rig that kills at points, and starts its workers.

    It holds the worker lock, so that no hook starts a worker unasked.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        folder = rig.manifest.directory
        self._points = folder / "points"
        self._points.mkdir()
        self.killer = Killer(rig, self._points)
        # Else only some hooks show what the worker has logged.
        rig.tune(Tuning(news_age=1e9))
        self._known: set[tuple[str, str, str]] = set()
        self._ids = [rig.add_pair(f"s{number:05}")[0] for number in range(SCENES)]
        self._fresh = iter(self._ids)
        self._numbers = count(1)
        self.queue_folder = rig.data / "queue"
        (self.queue_folder / "spool").mkdir(mode=0o700, parents=True)
        self.lock = FileLock(str(rig.data / "worker.lock"))
        acquire(self.lock)
        self.database = self._connect()
        self._server = ForkServer(folder)
        self._stdin = json.dumps(rig.stash.server_connection()).encode()
        self._worker: int | None = None
        self.mark = 0
        self.judged = False
        self.deliver(self.next_scene())

    def close(self) -> None:
        self.end_worker()
        self._server.close()
        self.database.close()
        self.lock.release()

    def _connect(self) -> sqlite3.Connection:
        return connect(str(self.queue_folder / "data.db"))

    def forget_database(self) -> None:
        self.database.close()
        for path in self.queue_folder.glob("data.db*"):
            path.unlink()

    def reopen(self) -> None:
        self.database.close()
        self.database = self._connect()

    def tidy(self) -> None:
        self.rig.plex.faults.clear()
        self.killer.disarm()
        self.end_worker()
        self.rig.stop_worker()
        acquire(self.lock)
        self.reopen()
        # Also after success: the letter of a row that names no scene outlives every edit.
        self.database.execute("DELETE FROM dead_letters")
        if self.judged:
            return
        self.database.execute(f"DELETE FROM {TABLE}")
        for path in self.queue_folder.glob("spool/*"):
            path.unlink()
        different = self.rig.verdict().differences
        for scene_id in {int(text.split()[1].rstrip(",:")) for text in different}:
            self.rig.stash.remove_scene(scene_id)

    # -- edits -----------------------------------------------------------------------

    def next_scene(self) -> int:
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
        now = time.time()
        enqueue(self.database, [scene_job(scene_id, METADATA, now)], now)

    # -- points ---------------------------------------------------------------------------------

    def record(self, role: str, run: Callable[[], object]) -> list[Point]:
        """Return the points that processes of a role pass meanwhile and passed in no earlier case.

        A point that follows another one than in the earlier cases is new, too.
        """
        passed = self.events_during(role, run)
        found = [(point, (role, *pair)) for point, pair in worth_killing(passed)]
        fresh = [point for point, pair in found if pair not in self._known]
        self._known.update(pair for _, pair in found)
        return fresh

    def events_during(self, role: str, run: Callable[[], object]) -> list[str]:
        recording = self._points / "recording"
        recording.touch()
        run()
        recording.unlink()
        passed = self.events(role)
        (self._points / "events").unlink()
        return passed

    def events(self, role: str) -> list[str]:
        """Return the points that processes of a role have passed since the recording began."""
        events = self._recorded(role)
        # A worker begins its next step until it is killed.
        ends = [number for number, name in enumerate(events, 1) if name == END_OF_STEP]
        return events[: max(ends, default=0)] if role == WORKER else events

    def _recorded(self, role: str) -> list[str]:
        path = self._points / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition("\t")[2] for line in lines if line.startswith(role)]

    def step_ended(self) -> bool:
        """Whether the recorded worker has ended its step after it last changed the queue."""
        queue = [n for n, name in enumerate(self._recorded(WORKER)) if TABLE in name]
        return bool(queue) and queue[-1] < len(self.events(WORKER))

    # -- workers --------------------------------------------------------------------------------

    def start_worker(self) -> int:
        assert self.lock.descriptor is not None
        self._worker = self._server.start_worker(self.lock.descriptor, self._stdin)
        close_without_unlocking(self.lock)
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

    def queued(self) -> int:
        try:
            return self.rig.queued()
        except sqlite3.OperationalError:
            return 0

    def due(self) -> int:
        statement = f"SELECT COUNT(*) FROM {TABLE} WHERE {IS_WAITING} AND {DUE} <= ?"
        return int(self.database.execute(statement, (time.time(),)).fetchone()[0])

    def dead_letters(self) -> int:
        return int(self.database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])

    def is_accounted_for(self, scene_id: int) -> bool:
        """Whether the scene is in Plex, or something durable still says that it has to be."""
        kept = self.queued() or self.dead_letters()
        return bool(kept) or not self.differences(scene_id)

    def drain(self) -> None:
        self.database.execute(
            "UPDATE ack_queue_default SET data = CAST(json_set(CAST(data AS TEXT), "
            "'$.next_retry_at', 0.0) AS BLOB) WHERE json_type(CAST(data AS TEXT)) = 'object'"
        )
        self.start_worker()
        assert until(lambda: not self.queued()), self.rig.worker_log()[-2000:]
        self.end_worker()

    def deliver(self, scene_id: int) -> None:
        self.put(scene_id)
        self.drain()
        assert self.differences(scene_id) == []

    def recover_and_judge(self, scene_id: int) -> None:
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
        assert self.queued() == 0
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

"""R2: SIGKILL at random moments, over and over, with edits coming in all the time.

    python -m tests.soak.kills --kills 10000

Real worker processes, the real database, real HTTP to the fake Plex. Afterwards no edit may be
lost, none applied out of order, no write repeated more than once per kill, and the database sound.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shared.file_lock import FileLock
from shared.files import acquire
from simulators.fork_server import ForkServer
from simulators.plex import Request
from simulators.rig import Rig
from sync_queue.database import connect
from sync_queue.operations import METADATA, enqueue, scene_job
from sync_queue.schema import IN_PROGRESS
from tests.shared.locks import close_without_unlocking

SCENES = 40
MOST_EDITS = 6  # of different scenes between two kills
EDIT_LATENCY = 0.002  # seconds that Plex takes for a write: room for a kill in the middle of it
REAL_HOOK_EVERY = 50  # rounds; a hook's process costs as much as the whole round
SETTLE_TIMEOUT = 60.0


@dataclass
class Report:
    """What the soak saw.

    Attributes:
        fell: where the kills fell: how many workers held claimed jobs, had settled all of theirs,
            or had not claimed yet.
        writes: applied edits of items.
        repeats: edits equal to the item's one before, by kill.
        worst: most such repeats after one kill.
        problems: what must not be.
    """

    kills: int = 0
    edits: int = 0
    fell: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    repeats: int = 0
    worst: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        where = ", ".join(f"{number} {name}" for name, number in self.fell.most_common())
        return (
            f"{self.kills} kills in {self.seconds:.0f} s ({where}); {self.edits} edits, "
            f"{self.writes} writes, {self.repeats} repeated (at most {self.worst} per kill); "
            f"{len(self.problems)} problems"
        )


class KillSoak:
    def __init__(self, rig: Rig, rng: random.Random) -> None:
        self._rig = rig
        self._rng = rng
        self._ids = rig.add_library(SCENES, covers=False)
        self._version = 0
        self._last_write: dict[str, str] = {}
        self._last_version: dict[str, int] = {}
        self.report = Report()
        rig.plex.latency.of_kind["edit"] = EDIT_LATENCY
        rig.stash.edit_scene(self._ids[0], title=self._next_title(self._ids[0]))
        assert rig.wait_until(lambda: rig.queued() == 0)
        rig.stop_worker()
        connection = rig.stash.server_connection()
        self._stdin = json.dumps(connection).encode()
        self._database = connect(str(rig.data / "queue" / "data.db"))
        self._lock_path = str(rig.data / "worker.lock")
        self._server = ForkServer(rig.manifest.directory)

    def run(self, kills: int) -> Report:
        begun = time.monotonic()
        for number in range(kills):
            self._round(number)
            if len(self.report.problems) > 20:
                break
        self._finish()
        self._server.close()
        self._database.close()
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _round(self, number: int) -> None:
        self._edit(self._rng.randint(1, MOST_EDITS), by_hook=number % REAL_HOOK_EVERY == 0)
        lock = FileLock(self._lock_path)
        acquire(lock)  # the kernel gives it back when the killed worker is really gone
        assert lock.descriptor is not None
        os.set_inheritable(lock.descriptor, True)
        pid = self._server.start_worker(lock.descriptor, self._stdin)
        close_without_unlocking(lock)
        self._await_random_moment()
        os.kill(pid, signal.SIGKILL)
        self._wait_for_death()
        self.report.kills += 1
        self.report.fell[self._where_it_fell()] += 1
        self._take_in_log()

    def _edit(self, count: int, *, by_hook: bool) -> None:
        for scene_id in self._rng.sample(self._ids, count):
            title = self._next_title(scene_id)
            self.report.edits += 1
            if by_hook:
                self._rig.stash.edit_scene(scene_id, title=title)
                self._rig.stop_worker()
                by_hook = False
            else:
                self._rig.stash.update_scene(scene_id, title=title)
                now = time.time()
                enqueue(self._database, [scene_job(scene_id, METADATA, now)], now)

    def _next_title(self, scene_id: int) -> str:
        self._version += 1
        return f"Scene {scene_id} v{self._version}"

    def _await_random_moment(self) -> None:
        writes = self._rng.randint(0, MOST_EDITS)
        log = self._rig.plex.log
        if self._rng.random() < 0.9:
            log.wait_for(lambda log: len(log) > 0, timeout=2.0)  # it has begun
            log.wait_for(lambda log: log.count("edit") >= writes, timeout=0.25)
        time.sleep(self._rng.uniform(0, 0.006))  # the random moment is what this test is about

    def _wait_for_death(self) -> None:
        lock = FileLock(self._lock_path)
        acquire(lock)
        lock.release()
        self._rig.plex.log.wait_until_idle()

    def _where_it_fell(self) -> str:
        rows = dict(
            self._database.execute("SELECT status, COUNT(*) FROM ack_queue_default GROUP BY 1")
        )
        if rows.get(IN_PROGRESS):
            return "between claim and finish"
        return "before a claim" if rows else "after all was finished"

    def _take_in_log(self) -> None:
        repeats = 0
        for request in self._rig.plex.log.select("edit", status=200):
            repeats += self._judge_write(request)
        self._rig.plex.log.clear()
        self.report.repeats += repeats
        self.report.worst = max(self.report.worst, repeats)
        if repeats > 1:
            self.report.problems.append(f"{repeats} repeated writes after kill {self.report.kills}")

    def _judge_write(self, request: Request) -> int:
        key = request.item_ids
        text = repr(sorted(pair for pair in request.query if "token" not in pair[0].lower()))
        repeated = self._last_write.get(key) == text
        self._last_write[key] = text
        self.report.writes += 1
        version = int((request.param("title.value") or "v0").rsplit("v", 1)[-1])
        if version and version < self._last_version.get(key, 0):
            self.report.problems.append(f"item {key}: v{version} after a newer one")
        self._last_version[key] = max(version, self._last_version.get(key, 0))
        return int(repeated)

    def _finish(self) -> None:
        self._rig.stash.edit_scene(self._ids[0], title=self._next_title(self._ids[0]))
        self.report.edits += 1
        if not self._rig.wait_until(lambda: self._rig.queued() == 0, SETTLE_TIMEOUT):
            self.report.problems.append(f"{self._rig.queued()} jobs are left")
        self._take_in_log()
        for text in self._untouched_apart(self._rig.verdict().differences):
            self.report.problems.append(text)
        with closing(sqlite3.connect(self._rig.data / "queue" / "data.db")) as database:
            (sound,) = database.execute("PRAGMA integrity_check").fetchone()
        if sound != "ok":
            self.report.problems.append(f"the database: {sound}")

    def _untouched_apart(self, differences: tuple[str, ...]) -> list[str]:
        edited = {one for one in self._ids if " v" in self._rig.stash.scene(one).title}
        return [text for text in differences if int(text.split()[1].rstrip(",:")) in edited]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Rig(Path(folder) / "rig") as rig:
        report = KillSoak(rig, random.Random(options.seed)).run(options.kills)
    sys.stdout.write("\n  ".join([str(report), *report.problems[:20]]) + "\n")
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
